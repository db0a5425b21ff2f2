// SPDX-License-Identifier: MIT
// Non-owning views of the caller's memory: matrices and batches of sequences (masks and index lists: mask_view.hpp).
// A view is valid for the call that it is passed to. Temporaries are fine there; a view that is kept dangles when its
// memory goes (clang warns about the common cases, g++ does not).
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/types.hpp"

#include <limits>
#include <ranges>
#include <span>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// Slowly. Throws: ShapeError.
inline Index checked_large_size(std::string_view where, std::initializer_list<Index> sizes) {
    Index product = 1;
    for (const Index size : sizes) {
        if (size < 0) EIGENGRU_THROW(ShapeError, where, ": expected sizes of at least 0, received ", size);
        if (size > 0 && product > std::numeric_limits<Index>::max() / 16 / size)
            EIGENGRU_THROW(ShapeError, where, ": the sizes overflow: ", product, " x ", size, " elements or more");
        product *= size;
    }
    return product;
}

/// The product of sizes. Throws: ShapeError when one is negative or the product overflows.
inline Index checked_size(std::string_view where, std::initializer_list<Index> sizes) {
    Index product = 1;
    Index all = 0;
    for (const Index size : sizes) {
        product = static_cast<Index>(static_cast<std::size_t>(product) * static_cast<std::size_t>(size));
        all |= size;
    }
    // Three sizes below 2^20 cannot overflow, and views are made in hot paths.
    if ((all >> 20) == 0 && sizes.size() <= 3) return product;
    return checked_large_size(where, sizes);
}

/// (Not the pointer itself: g++ would take memory behind it that nobody has written yet for a mistake.)
inline void check_data(std::string_view where, bool is_null, Index size) {
    if (is_null && size > 0)
        EIGENGRU_THROW(ShapeError, where, ": expected ", size, " elements, received a null pointer");
}

/// Refuses at compile time, with words, an Eigen object that is no row-major block of memory of the right scalar.
template <class Wanted, class D>
constexpr void require_row_major() {
    static_assert(std::is_same_v<Wanted, typename D::Scalar>,
                  "eigengru: this matrix has another scalar type; write matrix.cast<Scalar>().eval()");
    static_assert((int(Eigen::internal::traits<D>::Flags) & int(Eigen::DirectAccessBit)) != 0,
                  "eigengru: this is an expression without memory of its own; write (expression).eval()");
    static_assert(D::IsVectorAtCompileTime || D::IsRowMajor,
                  "eigengru: this matrix is column-major (Eigen's default); use eigengru::RowMatrix<Scalar> or "
                  "Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>");
    static_assert(D::ColsAtCompileTime == 1 || Eigen::internal::inner_stride_at_compile_time<D>::ret == 1,
                  "eigengru: the elements of a row must be adjacent; write matrix.eval()");
}

/// Elements between the starts of two neighbouring rows.
template <class D>
[[nodiscard]] Index row_stride_of(const D& m) {
    if constexpr (D::ColsAtCompileTime == 1) return m.innerStride();
    if constexpr (D::RowsAtCompileTime == 1) return m.cols();
    return m.outerStride();
}

}  // namespace detail

/// The shape of a batch of sequences, as in NumPy and Keras: (batch, time, features).
struct Shape3 {
    Index batch = 0;
    Index time = 0;
    Index features = 0;

    constexpr Shape3() = default;

    template <std::integral B, std::integral T, std::integral F>
    constexpr Shape3(B batch_size, T time_steps, F feature_count)
        : batch(static_cast<Index>(batch_size)),
          time(static_cast<Index>(time_steps)),
          features(static_cast<Index>(feature_count)) {}

    [[nodiscard]] constexpr Index size() const { return batch * time * features; }

    friend constexpr bool operator==(const Shape3&, const Shape3&) = default;

    friend void append(std::string& text, const Shape3& shape) {
        text += detail::text("(", shape.batch, ", ", shape.time, ", ", shape.features, ")");
    }
};

/// Elements between neighbouring sequences and neighbouring time steps; features are adjacent.
struct Strides {
    Index batch = 0;
    Index time = 0;

    constexpr Strides() = default;

    template <std::integral B, std::integral T>
    constexpr Strides(B batch_stride, T time_stride)
        : batch(static_cast<Index>(batch_stride)), time(static_cast<Index>(time_stride)) {}
};

namespace detail {

/// "(rows, cols)": a shape in a message.
[[nodiscard]] inline std::string shape_text(Index rows, Index cols) {
    return text("(", rows, ", ", cols, ")");
}

}  // namespace detail

/// A row-major matrix in the caller's memory, or absent. `T` is `const Scalar` for reading, `Scalar` for writing.
///
/// Invariant: rows() == -1 means absent; otherwise element (r, c) is data()[r * row_stride() + c].
template <class T>
class MatrixView {
public:
    using Scalar = std::remove_const_t<T>;

    /// Absent. Not a constant: g++ makes the constant that CallOptions would be with `rep stos`, which takes long to
    /// begin. (This and StepCall are 5 % of a step of 16 units.)
    MatrixView() noexcept {}

    template <std::integral R, std::integral C>
    MatrixView(T* data EIGENGRU_LIFETIMEBOUND, R rows, C cols)
        : MatrixView(data, static_cast<Index>(rows), static_cast<Index>(cols), static_cast<Index>(cols)) {}

    /// Rows that start `row_stride` elements apart.
    template <std::integral R, std::integral C, std::integral Stride>
    MatrixView(T* data EIGENGRU_LIFETIMEBOUND, R rows, C cols, Stride row_stride)
        : data_(data),
          rows_(static_cast<Index>(rows)),
          cols_(static_cast<Index>(cols)),
          row_stride_(static_cast<Index>(row_stride)) {
        detail::check_data("MatrixView", data == nullptr, detail::checked_size("MatrixView", {rows_, cols_}));
    }

    /// A row-major Eigen matrix, or a vector in its own orientation.
    template <class D>
        requires std::is_const_v<T>
    MatrixView(const Eigen::PlainObjectBase<D>& matrix EIGENGRU_LIFETIMEBOUND) : MatrixView(from(matrix.derived())) {}

    /// A map or a block, which may be a temporary itself while what it looks at lives on.
    template <class D>
        requires std::is_const_v<T>
    MatrixView(const Eigen::DenseBase<D>& matrix) : MatrixView(from(matrix.derived())) {}

    template <class D>
        requires(!std::is_const_v<T>)
    MatrixView(Eigen::DenseBase<D>& matrix EIGENGRU_LIFETIMEBOUND) : MatrixView(from(matrix.derived())) {}

    template <class D>
        requires(!std::is_const_v<T>)
    MatrixView(Eigen::DenseBase<D>&& matrix) : MatrixView(from(matrix.derived())) {}

    /// A writable view can be read.
    template <std::same_as<Scalar> Writable>
        requires std::is_const_v<T>
    MatrixView(const MatrixView<Writable>& other)
        : data_(other.data()), rows_(other.rows()), cols_(other.cols()), row_stride_(other.row_stride()) {}

    [[nodiscard]] bool is_present() const { return rows_ >= 0; }
    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] Index rows() const { return rows_; }
    [[nodiscard]] Index cols() const { return cols_; }
    [[nodiscard]] Index row_stride() const { return row_stride_; }
    [[nodiscard]] T* row(Index r) const { return data_ + r * row_stride_; }
    [[nodiscard]] T& operator()(Index r, Index c) const { return row(r)[c]; }
    [[nodiscard]] MatrixMap<T> map() const { return {data_, rows_, cols_, Eigen::OuterStride<>(row_stride_)}; }

private:
    template <class D>
    static MatrixView from(D& matrix) {
        detail::require_row_major<Scalar, std::remove_const_t<D>>();
        return {matrix.data(), Index(matrix.rows()), Index(matrix.cols()), detail::row_stride_of(matrix)};
    }

    T* data_ = nullptr;
    Index rows_ = -1;
    Index cols_ = 0;
    Index row_stride_ = 0;
};

namespace detail {

/// Throws: ShapeError unless a matrix has that shape. An absent one has none.
template <class T>
void check_shape(std::string_view where, std::string_view what, const MatrixView<T>& given, Index rows, Index cols) {
    if (given.rows() != rows || given.cols() != cols)
        EIGENGRU_THROW(ShapeError, where, ": ", what, " expected shape ", shape_text(rows, cols), ", received ",
                       given.is_present() ? shape_text(given.rows(), given.cols()) : std::string("none"));
}

}  // namespace detail

/// A batch of sequences (batch, time, features) in the caller's memory, row-major unless strides say otherwise.
/// A row-major Eigen matrix (rows, columns) is ONE sequence (time, features), never a batch of single steps.
///
/// Invariant: shape().batch == -1 means absent; otherwise element (b, t, f) is data()[b * strides().batch + t *
/// strides().time + f].
template <class T>
class SequenceView {
public:
    using Scalar = std::remove_const_t<T>;

    constexpr SequenceView() = default;

    SequenceView(T* data EIGENGRU_LIFETIMEBOUND, Shape3 shape)
        : SequenceView(data, shape, {shape.time * shape.features, shape.features}) {}

    SequenceView(T* data EIGENGRU_LIFETIMEBOUND, Shape3 shape, Strides strides)
        : data_(data), shape_(shape), strides_(strides) {
        detail::check_data("SequenceView", data == nullptr,
                           detail::checked_size("SequenceView", {shape.batch, shape.time, shape.features}));
    }

    /// Throws: ShapeError when the span does not hold exactly the elements of the shape.
    SequenceView(std::span<T> values EIGENGRU_LIFETIMEBOUND, Shape3 shape) : SequenceView(values.data(), shape) {
        if (values.size() != static_cast<std::size_t>(shape.size()))
            EIGENGRU_THROW(ShapeError, "SequenceView: shape ", shape, " needs ", shape.size(), " elements, received ",
                           values.size());
    }

    template <class D>
        requires std::is_const_v<T>
    SequenceView(const Eigen::PlainObjectBase<D>& sequence EIGENGRU_LIFETIMEBOUND)
        : SequenceView(MatrixView<T>(sequence)) {}

    template <class D>
        requires std::is_const_v<T>
    SequenceView(const Eigen::DenseBase<D>& sequence) : SequenceView(MatrixView<T>(sequence)) {}

    /// The same with strides. Throws: ShapeError when the last element lies beyond the span.
    SequenceView(std::span<T> values EIGENGRU_LIFETIMEBOUND, Shape3 shape, Strides strides)
        : SequenceView(values.data(), shape, strides) {
        if (shape.size() == 0) return;
        const Index last = (shape.batch - 1) * strides.batch + (shape.time - 1) * strides.time + shape.features - 1;
        if (last < 0 || static_cast<std::size_t>(last) >= values.size())
            EIGENGRU_THROW(ShapeError, "SequenceView: shape ", shape, " with these strides needs ", last + 1,
                           " elements, received ", values.size());
    }

    template <class D>
        requires(!std::is_const_v<T>)
    SequenceView(Eigen::DenseBase<D>& sequence EIGENGRU_LIFETIMEBOUND) : SequenceView(MatrixView<T>(sequence)) {}

    template <class D>
        requires(!std::is_const_v<T>)
    SequenceView(Eigen::DenseBase<D>&& sequence) : SequenceView(MatrixView<T>(sequence)) {}

    template <std::same_as<Scalar> Writable>
        requires std::is_const_v<T>
    SequenceView(const SequenceView<Writable>& other)
        : data_(other.data()), shape_(other.shape()), strides_(other.strides()) {}

    [[nodiscard]] bool is_present() const { return shape_.batch >= 0; }
    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] const Shape3& shape() const { return shape_; }
    [[nodiscard]] const Strides& strides() const { return strides_; }
    [[nodiscard]] T* row(Index b, Index t) const { return data_ + b * strides_.batch + t * strides_.time; }
    [[nodiscard]] T& operator()(Index b, Index t, Index f) const { return row(b, t)[f]; }

    /// One sequence of the batch: (time, features).
    [[nodiscard]] MatrixMap<T> sequence(Index b) const {
        return {row(b, 0), shape_.time, shape_.features, Eigen::OuterStride<>(strides_.time)};
    }

    /// One time step of every sequence: (batch, features).
    [[nodiscard]] MatrixMap<T> step(Index t) const {
        return {row(0, t), shape_.batch, shape_.features, Eigen::OuterStride<>(strides_.batch)};
    }

private:
    explicit SequenceView(const MatrixView<T>& m)
        : SequenceView(m.data(), {1, m.rows(), m.cols()}, {m.rows() * m.row_stride(), m.row_stride()}) {}

    T* data_ = nullptr;
    Shape3 shape_{-1, 0, 0};
    Strides strides_;
};

template <std::ranges::contiguous_range R>
SequenceView(R&&, Shape3) -> SequenceView<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

template <std::ranges::contiguous_range R>
SequenceView(R&&, Shape3, Strides) -> SequenceView<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

}  // namespace eigengru::inline EIGENGRU_ABI
