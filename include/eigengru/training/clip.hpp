// SPDX-License-Identifier: MIT
// The norms of gradients, and how an optimiser clips them without changing them.
#pragma once

#include "eigengru/math/activation_functions.hpp"
#include "eigengru/math/names.hpp"
#include "eigengru/model/variable.hpp"

#include <cmath>
#include <limits>
#include <optional>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// A flat vector in the caller's memory, refused at compile time, with words, when it is anything else.
template <class D>
[[nodiscard]] VectorMap<const typename D::Scalar> flat_vector(const Eigen::MatrixBase<D>& vector) {
    static_assert((int(Eigen::internal::traits<D>::Flags) & int(Eigen::DirectAccessBit)) != 0,
                  "eigengru: this is an expression without memory of its own; write (expression).eval()");
    static_assert(D::IsVectorAtCompileTime && Eigen::internal::inner_stride_at_compile_time<D>::ret == 1,
                  "eigengru: gradients are one flat vector whose elements are adjacent");
    return {vector.derived().data(), vector.size()};
}

/// Throws: ShapeError unless there is one gradient for each weight.
template <class Model>
void check_gradient_count(std::string_view where, const Model& model, Index count) {
    if (count != model.count_params())
        EIGENGRU_THROW(ShapeError, where, ": gradients expected ", model.count_params(),
                       " elements, one for each weight, received ", count);
}

}  // namespace detail

/// The norm of the gradients of all trainable weights, sqrt(sum g^2), in double: what global_clipnorm compares with.
/// `gradients` is one flat vector in the order of the model's weights. Throws: ShapeError for another size.
template <class Model, class D>
[[nodiscard]] double global_norm(Model& model, const Eigen::MatrixBase<D>& gradients) {
    using S = typename D::Scalar;
    const VectorMap<const S> flat = detail::flat_vector(gradients);
    detail::check_gradient_count("global_norm", model, flat.size());
    double sum = 0.0;
    Index offset = 0;
    model.update_variables([&](const Variable<S>& variable) {
        const Index size = variable.values.size();
        if (variable.is_trainable) sum += flat.segment(offset, size).template cast<double>().squaredNorm();
        offset += size;
    });
    return std::sqrt(sum);
}

namespace detail {

/// How gradients are clipped; at most one is set.
struct Clipping {
    std::optional<double> clipnorm = {};
    std::optional<double> clipvalue = {};
    std::optional<double> global_clipnorm = {};

    [[nodiscard]] bool is_on() const { return clipnorm || clipvalue || global_clipnorm; }
};

/// Throws: OptionError unless at most one is set, to a finite number above 0.
/// Differs from Keras: 0 and negative numbers, which Keras takes for none, are refused.
inline void check_clipping(std::string_view what, const Clipping& c) {
    const auto check = [&](std::string_view name, const std::optional<double>& most) {
        if (most && !(std::isfinite(*most) && *most > 0.0))
            EIGENGRU_THROW(OptionError, what, ": ", name, " expected a finite number above 0, received ", *most);
    };
    check("clipnorm", c.clipnorm);
    check("clipvalue", c.clipvalue);
    check("global_clipnorm", c.global_clipnorm);
    if (int(c.clipnorm.has_value()) + int(c.clipvalue.has_value()) + int(c.global_clipnorm.has_value()) > 1)
        EIGENGRU_THROW(OptionError, what, ": expected at most one of clipnorm, clipvalue and global_clipnorm");
}

/// most / norm where the norm is above `most`, else 1; NaN for a norm that is NaN.
[[nodiscard]] inline double norm_factor(double norm, double most) {
    return norm <= most ? 1.0 : most / norm;
}

/// The clipping of one step: g is replaced by g * factor, limited to [-limit, limit].
///
/// As in Keras, an infinite global norm makes every gradient NaN, and an infinite norm of one weight's gradient makes
/// its finite elements 0 and the others NaN: a broken gradient stays visible.
template <RealScalar S>
class GradientClip {
public:
    GradientClip(const Clipping& clipping, double norm_of_all)
        : clipping_(clipping),
          limit_(static_cast<S>(clipping.clipvalue.value_or(std::numeric_limits<double>::infinity()))) {
        if (clipping.global_clipnorm)
            global_factor_ = std::isfinite(norm_of_all) ? norm_factor(norm_of_all, *clipping.global_clipnorm)
                                                        : std::numeric_limits<double>::quiet_NaN();
    }

    [[nodiscard]] bool is_on() const { return clipping_.is_on(); }

    /// The factor for the gradient of one weight.
    [[nodiscard]] S factor(VectorMap<const S> gradient) const {
        if (!clipping_.clipnorm) return static_cast<S>(global_factor_);
        return static_cast<S>(norm_factor(gradient.template cast<double>().norm(), *clipping_.clipnorm));
    }

    /// `clipped` = the clipped `gradient`, which stays as it is; NaN stays NaN.
    void apply(ArrayMap<const S> gradient, S factor, ArrayMap<S> clipped) const {
        clipped = gradient.unaryExpr([&](S g) { return clip(g * factor, -limit_, limit_); });
    }

private:
    Clipping clipping_;
    double global_factor_ = 1.0;
    S limit_;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
