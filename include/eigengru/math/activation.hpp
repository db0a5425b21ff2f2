// SPDX-License-Identifier: MIT
// Activation: an activation function as a value, by Keras's name or with parameters. An enum that is switched once per
// block, never per element; what each computes stands in activation_kernel.hpp, and the derivatives in
// activation_functions.hpp and activation_rows.hpp.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/math/activation_blocks.hpp"
#include "eigengru/math/activation_kernels.hpp"
#include "eigengru/math/custom_activation.hpp"
#include "eigengru/math/names.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// Parameters of relu; without a max_value it does not saturate.
struct ReluOptions {
    double negative_slope = 0.0;
    std::optional<double> max_value = {};
    double threshold = 0.0;
};

/// Parameter of leaky_relu.
struct LeakyReluOptions {
    double negative_slope = 0.2;
};

/// Parameter of elu.
struct EluOptions {
    double alpha = 1.0;
};

/// Parameter of celu; not 0.
struct CeluOptions {
    double alpha = 1.0;
};

/// Parameter of gelu: the exact form, or the approximation by tanh.
struct GeluOptions {
    bool approximate = false;
};

/// Parameter of soft_shrink and hard_shrink.
struct ShrinkOptions {
    double threshold = 0.5;
};

/// Parameters of threshold; Keras has no defaults for them.
struct ThresholdOptions {
    double threshold = 0.0;
    double default_value = 0.0;
};

/// Parameter of squareplus.
struct SquareplusOptions {
    double b = 4.0;
};

namespace detail {

// clang-format off
inline constexpr auto kActivationNames = std::to_array<NamedKind<ActivationKind>>({
    {"linear", ActivationKind::linear}, {"tanh", ActivationKind::tanh}, {"sigmoid", ActivationKind::sigmoid},
    {"relu", ActivationKind::relu}, {"relu6", ActivationKind::relu6}, {"leaky_relu", ActivationKind::leaky_relu},
    {"elu", ActivationKind::elu}, {"selu", ActivationKind::selu}, {"celu", ActivationKind::celu},
    {"gelu", ActivationKind::gelu}, {"silu", ActivationKind::silu}, {"swish", ActivationKind::silu},
    {"hard_silu", ActivationKind::hard_silu}, {"hard_swish", ActivationKind::hard_silu},
    {"hard_sigmoid", ActivationKind::hard_sigmoid}, {"hard_tanh", ActivationKind::hard_tanh},
    {"softplus", ActivationKind::softplus}, {"softsign", ActivationKind::softsign},
    {"exponential", ActivationKind::exponential}, {"mish", ActivationKind::mish},
    {"log_sigmoid", ActivationKind::log_sigmoid}, {"tanh_shrink", ActivationKind::tanh_shrink},
    {"soft_shrink", ActivationKind::soft_shrink}, {"hard_shrink", ActivationKind::hard_shrink},
    {"squareplus", ActivationKind::squareplus}, {"sparse_plus", ActivationKind::sparse_plus},
    {"sparse_sigmoid", ActivationKind::sparse_sigmoid}, {"softmax", ActivationKind::softmax},
    {"log_softmax", ActivationKind::log_softmax}, {"sparsemax", ActivationKind::sparsemax},
});
// clang-format on

}  // namespace detail

/// An activation function: a regular value, cheap to copy.
///
///     Activation a("relu"), b = Activation::relu({.negative_slope = 0.1});
///     auto c = Activation::custom("cubed", [](auto x) { return x * x * x; }, [](auto x, auto) { return 3 * x * x; });
///
/// Most work element by element; softmax, log_softmax and sparsemax over each row (is_row_wise()).
/// Source: keras.activations of Keras 3. Throws: OptionError for a name nobody knows or a parameter that is not finite.
class Activation {
public:
    /// linear, Keras's None.
    Activation() = default;

    /// By Keras's name, with Keras's default parameters.
    template <NameLike T>
    Activation(const T& name) : Activation(by_name(name)) {}

    static Activation relu(ReluOptions o = {}) {
        if (o.max_value && !(*o.max_value >= 0.0))
            EIGENGRU_THROW(OptionError, "Activation::relu: expected max_value of at least 0, received ", *o.max_value);
        const double max_value = o.max_value ? *o.max_value : 0.0;
        return {ActivationKind::relu, {o.negative_slope, max_value, o.threshold}, o.max_value.has_value()};
    }
    static Activation leaky_relu(LeakyReluOptions o = {}) { return {ActivationKind::leaky_relu, {o.negative_slope}}; }
    static Activation elu(EluOptions o = {}) { return {ActivationKind::elu, {o.alpha}}; }
    static Activation celu(CeluOptions o = {}) {
        if (o.alpha == 0.0) EIGENGRU_THROW(OptionError, "Activation::celu: expected an alpha other than 0, received 0");
        return {ActivationKind::celu, {o.alpha}};
    }
    static Activation gelu(GeluOptions o = {}) { return {ActivationKind::gelu, {}, o.approximate}; }
    static Activation soft_shrink(ShrinkOptions o = {}) { return {ActivationKind::soft_shrink, {o.threshold}}; }
    static Activation hard_shrink(ShrinkOptions o = {}) { return {ActivationKind::hard_shrink, {o.threshold}}; }
    static Activation threshold(ThresholdOptions o) {
        return {ActivationKind::threshold, {o.threshold, o.default_value}};
    }
    static Activation squareplus(SquareplusOptions o = {}) { return {ActivationKind::squareplus, {o.b}}; }

    /// The user's own: `value(x)` maps one element, float to float and double to double; `derivative(x, y)` is its
    /// derivative at x where y = value(x), and may be left out for inference. Both may capture.
    template <class Value, class Derivative = detail::NoDerivative>
    static Activation custom(std::string name, Value value, Derivative derivative = {}) {
        Activation a;
        a.kind_ = ActivationKind::custom;
        a.custom_ = std::make_shared<const detail::CustomActivationOf<Value, Derivative>>(
            std::move(name), std::move(value), std::move(derivative));
        return a;
    }

    [[nodiscard]] ActivationKind kind() const { return kind_; }
    [[nodiscard]] std::string_view name() const {
        if (custom_) return custom_->name();
        return kind_ == ActivationKind::threshold ? "threshold" : detail::name_of_kind(kind_, detail::kActivationNames);
    }
    /// Whether the elements of a row meet, so that it cannot be applied to parts of one.
    [[nodiscard]] bool is_row_wise() const {
        return kind_ == ActivationKind::softmax || kind_ == ActivationKind::log_softmax ||
               kind_ == ActivationKind::sparsemax;
    }

    /// y = f(x) in place, over every element, or over every row of the block. Allocates nothing.
    template <RealScalar S>
    void apply(MatrixMap<S> block) const;

    /// d = f'(x) d in place, given y = f(x); for the row-wise ones the product with the (transposed) Jacobian of each
    /// row. Where needs_input() is false, x is not read. Allocates nothing. Throws: OptionError without a derivative.
    template <RealScalar S>
    void multiply_derivative(const MatrixMap<const S>& x, const MatrixMap<const S>& y, MatrixMap<S> d) const;

    /// Whether the derivative needs x besides y.
    [[nodiscard]] bool needs_input() const {
        using enum ActivationKind;
        return !(kind_ == linear || kind_ == tanh || kind_ == sigmoid || kind_ == exponential || kind_ == softmax ||
                 kind_ == log_softmax);
    }

    /// Kind and parameters, as the kernels take them.
    template <RealScalar S>
    [[nodiscard]] detail::ActivationCall<S> call() const {
        return {kind_, flag_, static_cast<S>(parameters_[0]), static_cast<S>(parameters_[1]),
                static_cast<S>(parameters_[2])};
    }

    /// Throws: OptionError for a custom activation that was made without its derivative.
    void check_derivative(std::string_view where) const {
        if (custom_ && !custom_->has_derivative())
            EIGENGRU_THROW(OptionError, where, ": expected activations with derivatives, received the custom \"",
                           name(), "\" that was made without one");
    }

    /// As Keras would write it: "relu(negative_slope=0.1)"; parameters at their defaults are left out.
    [[nodiscard]] std::string to_string() const;

    /// Customs are equal when they are copies of one another.
    friend bool operator==(const Activation&, const Activation&) = default;

private:
    Activation(ActivationKind kind, std::array<double, 3> parameters = {}, bool flag = false)
        : kind_(kind), flag_(flag), parameters_(parameters) {
        for (const double p : parameters)
            if (!std::isfinite(p))
                EIGENGRU_THROW(OptionError, "Activation::", name(), ": expected finite parameters, received ", p);
    }

    static Activation by_name(std::string_view name);

    ActivationKind kind_ = ActivationKind::linear;
    bool flag_ = false;  // gelu: approximate; relu: has a max_value
    std::array<double, 3> parameters_{};
    std::shared_ptr<const detail::CustomActivation> custom_;
};

inline Activation Activation::by_name(std::string_view name) {
    if (name == "threshold")
        EIGENGRU_THROW(OptionError,
                       "Activation: \"threshold\" needs its two arguments; write "
                       "Activation::threshold({.threshold = ..., .default_value = ...})");
    if (name == "glu")
        EIGENGRU_THROW(OptionError, "Activation: \"glu\" halves the width of its input, so no GRU can use it");
    switch (const ActivationKind kind = detail::kind_by_name("Activation", name, detail::kActivationNames)) {
        case ActivationKind::relu: return relu();
        case ActivationKind::leaky_relu: return leaky_relu();
        case ActivationKind::elu: return elu();
        case ActivationKind::celu: return celu();
        case ActivationKind::soft_shrink: return soft_shrink();
        case ActivationKind::hard_shrink: return hard_shrink();
        case ActivationKind::squareplus: return squareplus();
        default: return {kind};
    }
}

template <RealScalar S>
void Activation::apply(MatrixMap<S> block) const {
    if (kind_ == ActivationKind::linear) return;
    if (custom_) return detail::for_each_run<S>(block, [this](S* x, Index size) { custom_->apply(x, size); });
    const auto kernel = detail::activation_kernel<S>(detail::resolved("Activation::apply", Kernels::automatic));
    const auto apply = [&, f = call<S>()](S* x, Index size) {
        if (kind_ == ActivationKind::sparsemax)
            detail::Sparsemax<S>().value(ArrayMap<S>(x, size));
        else
            kernel(f, x, size);
    };
    if (is_row_wise())
        detail::for_each_row<S>(block, apply);
    else
        detail::for_each_run<S>(block, apply);
}

template <RealScalar S>
void Activation::multiply_derivative(const MatrixMap<const S>& x, const MatrixMap<const S>& y, MatrixMap<S> d) const {
    if (custom_) {
        check_derivative("Activation::multiply_derivative");
        for (Index r = 0; r < d.rows(); ++r)
            custom_->multiply_derivative(&x.coeffRef(r, 0), &y.coeffRef(r, 0), &d.coeffRef(r, 0), d.cols());
    } else if (kind_ == ActivationKind::tanh) {
        d.array() *= S(1) - y.array().square();
    } else if (kind_ == ActivationKind::sigmoid) {
        d.array() *= y.array() * (S(1) - y.array());
    } else {
        detail::with_function<S>(call<S>(), detail::MultiplyDerivative<S>{x, y, d});
    }
}

inline std::string Activation::to_string() const {
    std::string own(name());
    const auto with = [&own](const auto&... parts) { return own + "(" + detail::text(parts...) + ")"; };
    const double a = parameters_[0];
    const double b = parameters_[1];
    switch (kind_) {
        case ActivationKind::relu:
            if (*this == relu()) return own;
            return with("negative_slope=", a, ", max_value=", flag_ ? detail::text(b) : "None",
                        ", threshold=", parameters_[2]);
        case ActivationKind::leaky_relu: return *this == leaky_relu() ? own : with("negative_slope=", a);
        case ActivationKind::elu: return *this == elu() ? own : with("alpha=", a);
        case ActivationKind::celu: return *this == celu() ? own : with("alpha=", a);
        case ActivationKind::gelu: return flag_ ? with("approximate=True") : own;
        case ActivationKind::soft_shrink: return *this == soft_shrink() ? own : with("threshold=", a);
        case ActivationKind::hard_shrink: return *this == hard_shrink() ? own : with("threshold=", a);
        case ActivationKind::threshold: return with("threshold=", a, ", default_value=", b);
        case ActivationKind::squareplus: return *this == squareplus() ? own : with("b=", a);
        default: return own;
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI
