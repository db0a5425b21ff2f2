// SPDX-License-Identifier: MIT
// A user's own activation: two callables for one element, held behind block loops. For activation.hpp.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/types.hpp"

#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Stands for the derivative that a user left out.
struct NoDerivative {};

/// A user's activation behind block loops that are compiled for both scalar types.
class CustomActivation {
public:
    explicit CustomActivation(std::string name) : name_(std::move(name)) {}
    virtual ~CustomActivation() = default;

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] virtual bool has_derivative() const = 0;
    /// x = f(x)
    virtual void apply(float* x, Index size) const = 0;
    virtual void apply(double* x, Index size) const = 0;
    /// d *= f'(x), given y = f(x).
    virtual void multiply_derivative(const float* x, const float* y, float* d, Index size) const = 0;
    virtual void multiply_derivative(const double* x, const double* y, double* d, Index size) const = 0;

private:
    std::string name_;
};

template <class Value, class Derivative>
class CustomActivationOf final : public CustomActivation {
public:
    CustomActivationOf(std::string name, Value value, Derivative derivative)
        : CustomActivation(std::move(name)), value_(std::move(value)), derivative_(std::move(derivative)) {}

    [[nodiscard]] bool has_derivative() const override { return !std::is_same_v<Derivative, NoDerivative>; }
    void apply(float* x, Index size) const override { apply_all(x, size); }
    void apply(double* x, Index size) const override { apply_all(x, size); }
    void multiply_derivative(const float* x, const float* y, float* d, Index size) const override {
        multiply_all(x, y, d, size);
    }
    void multiply_derivative(const double* x, const double* y, double* d, Index size) const override {
        multiply_all(x, y, d, size);
    }

private:
    template <class S>
    void apply_all(S* x, Index size) const {
        static_assert(std::is_same_v<decltype(value_(S())), S>,
                      "eigengru: a custom activation must return the type of its argument; write [](auto x) { ... }");
        for (Index i = 0; i < size; ++i) x[i] = value_(x[i]);
    }

    template <class S>
    void multiply_all([[maybe_unused]] const S* x, [[maybe_unused]] const S* y, [[maybe_unused]] S* d,
                      [[maybe_unused]] Index size) const {
        if constexpr (!std::is_same_v<Derivative, NoDerivative>) {
            static_assert(std::is_convertible_v<decltype(derivative_(S(), S())), S>,
                          "eigengru: the derivative of a custom activation is called as derivative(x, y)");
            for (Index i = 0; i < size; ++i) d[i] *= static_cast<S>(derivative_(x[i], y[i]));
        } else {
            EIGENGRU_THROW(OptionError, "Activation: \"", name(), "\" was made without its derivative");
        }
    }

    Value value_;
    Derivative derivative_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
