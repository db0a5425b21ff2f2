// SPDX-License-Identifier: MIT
// Sequence: an owning batch of sequences (batch, time, features), the value that a layer returns.
#pragma once

#include "eigengru/core/huge_pages.hpp"
#include "eigengru/core/view.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// Owns a batch of sequences, row-major: element (b, t, f) is data()[(b * time + t) * features + f].
///
///     Sequence<float> inputs({2, 3, 8});   // zeros
///     inputs(0, 1, 4) = 0.5f;
template <RealScalar S>
class Sequence {
public:
    using Scalar = S;

    Sequence() = default;

    /// Zeros. Throws: ShapeError when a size is negative or the product overflows.
    explicit Sequence(Shape3 shape) {
        resize(shape);
        values_.setZero();
    }

    /// Another shape, with undefined values. Allocates only when the number of elements changes. Throws: as the
    /// constructor.
    void resize(Shape3 shape) {
        const Index size = detail::checked_size("Sequence", {shape.batch, shape.time, shape.features});
        if (size != values_.size()) {
            shape_ = {};  // that of what a failure leaves
            detail::resize_large(values_, size);
        }
        shape_ = shape;
    }

    [[nodiscard]] const Shape3& shape() const { return shape_; }
    [[nodiscard]] Index size() const { return values_.size(); }
    [[nodiscard]] S* data() { return values_.data(); }
    [[nodiscard]] const S* data() const { return values_.data(); }

    [[nodiscard]] S& operator()(Index b, Index t, Index f) { return view()(b, t, f); }
    [[nodiscard]] S operator()(Index b, Index t, Index f) const { return view()(b, t, f); }

    [[nodiscard]] SequenceView<S> view() EIGENGRU_LIFETIMEBOUND { return {data(), shape_}; }
    [[nodiscard]] SequenceView<const S> view() const EIGENGRU_LIFETIMEBOUND { return {data(), shape_}; }
    operator SequenceView<S>() EIGENGRU_LIFETIMEBOUND { return view(); }
    operator SequenceView<const S>() const EIGENGRU_LIFETIMEBOUND { return view(); }

    /// One sequence of the batch: (time, features).
    [[nodiscard]] MatrixMap<S> sequence(Index b) EIGENGRU_LIFETIMEBOUND { return view().sequence(b); }
    [[nodiscard]] MatrixMap<const S> sequence(Index b) const EIGENGRU_LIFETIMEBOUND { return view().sequence(b); }

    /// One time step of every sequence: (batch, features).
    [[nodiscard]] MatrixMap<S> step(Index t) EIGENGRU_LIFETIMEBOUND { return view().step(t); }
    [[nodiscard]] MatrixMap<const S> step(Index t) const EIGENGRU_LIFETIMEBOUND { return view().step(t); }

    /// All rows below one another: (batch * time, features).
    [[nodiscard]] MatrixMap<S> matrix() EIGENGRU_LIFETIMEBOUND {
        return {data(), shape_.batch * shape_.time, shape_.features, Eigen::OuterStride<>(shape_.features)};
    }
    [[nodiscard]] MatrixMap<const S> matrix() const EIGENGRU_LIFETIMEBOUND {
        return {data(), shape_.batch * shape_.time, shape_.features, Eigen::OuterStride<>(shape_.features)};
    }

private:
    using Values = Eigen::Matrix<S, Eigen::Dynamic, 1>;

    Values values_;
    Shape3 shape_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
