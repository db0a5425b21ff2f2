// SPDX-License-Identifier: MIT
// An optimiser as text and numbers, for a checkpoint: its recipe, and its learning rates.
#pragma once

#include "eigengru/training/optimizer.hpp"

#include <charconv>
#include <string>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The shortest text that reads back as the same number.
[[nodiscard]] inline std::string exact_text(double value) {
    std::array<char, 32> digits;
    const std::to_chars_result end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return {digits.data(), end.ptr};
}

[[nodiscard]] inline std::string exact_text(const std::optional<double>& value) {
    return value ? exact_text(*value) : "none";
}

[[nodiscard]] inline std::string own_recipe_text(const SGD& o) {
    return text("momentum=", exact_text(o.momentum), ", nesterov=", o.nesterov);
}

[[nodiscard]] inline std::string own_recipe_text(const RMSprop& o) {
    return text("rho=", exact_text(o.rho), ", momentum=", exact_text(o.momentum), ", epsilon=", exact_text(o.epsilon),
                ", centered=", o.centered);
}

template <AdamRecipe R>
[[nodiscard]] std::string own_recipe_text(const R& o) {
    return text("beta_1=", exact_text(o.beta_1), ", beta_2=", exact_text(o.beta_2), ", epsilon=", exact_text(o.epsilon),
                ", amsgrad=", o.amsgrad);
}

/// All of a recipe but its learning rate: `Adam(beta_1=0.9, ..., global_clipnorm=none)`.
template <OptimizerRecipe R>
[[nodiscard]] std::string recipe_text(const R& o) {
    return text(recipe_name(o), "(", own_recipe_text(o), ", weight_decay=", exact_text(weight_decay_of(o)),
                ", clipnorm=", exact_text(o.clipnorm), ", clipvalue=", exact_text(o.clipvalue),
                ", global_clipnorm=", exact_text(o.global_clipnorm), ")");
}

/// The rate alone where it is constant, else the rates at iterations 0, 1, 2, 4, 8, ...: two schedules with the same
/// ones are taken for the same.
[[nodiscard]] inline std::vector<double> sampled_rates(const LearningRate& rate) {
    std::vector<double> rates{rate.at(0)};
    if (rate == LearningRate(rates[0])) return rates;
    for (int power = 0; power <= 40; ++power) rates.push_back(rate.at(std::int64_t{1} << power));
    return rates;
}

/// Equal but for what the pow and cos of another machine may round otherwise.
[[nodiscard]] inline bool are_same_rates(const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
        return x == y || std::abs(x - y) <= 1e-12 * std::max(std::abs(x), std::abs(y));
    });
}

template <RealScalar S>
[[nodiscard]] std::string recipe_text(const Optimizer<S>& optimizer) {
    return std::visit([](const auto& recipe) { return recipe_text(recipe); }, optimizer.recipe());
}

template <RealScalar S>
[[nodiscard]] std::vector<double> sampled_rates(const Optimizer<S>& optimizer) {
    return std::visit([](const auto& recipe) { return sampled_rates(recipe.learning_rate); }, optimizer.recipe());
}

/// An optimiser of the same recipe but for a constant learning rate, before its first step.
/// Throws: OptionError when the rate is out of range.
template <RealScalar S>
[[nodiscard]] Optimizer<S> with_learning_rate(const Optimizer<S>& optimizer, double rate) {
    return std::visit(
        [&](auto recipe) {
            recipe.learning_rate = rate;
            return Optimizer<S>(recipe);
        },
        optimizer.recipe());
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
