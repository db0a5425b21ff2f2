// SPDX-License-Identifier: MIT
// The recipes of the optimisers: the constructor arguments of keras.optimizers, in its order and with its defaults.
#pragma once

#include "eigengru/training/clip.hpp"
#include "eigengru/training/learning_rate.hpp"

#include <concepts>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Gradient descent, without momentum
///
///     w = w - learning_rate g
///
/// and with momentum, where m starts at 0 (nesterov looks ahead):
///
///     m = momentum m - learning_rate g
///     w = w + m    or, nesterov,    w = w + momentum m - learning_rate g
struct SGD {
    LearningRate learning_rate = 0.01;
    double momentum = 0.0;  ///< in [0, 1]
    bool nesterov = false;
    std::optional<double> weight_decay = {};     ///< at least 0
    std::optional<double> clipnorm = {};         ///< most of each weight's gradient norm, above 0
    std::optional<double> clipvalue = {};        ///< most of each gradient element, above 0
    std::optional<double> global_clipnorm = {};  ///< most of the norm of all gradients, above 0

    friend bool operator==(const SGD&, const SGD&) = default;
};

/// Gradient descent by running root mean squares; v, a and m start at 0:
///
///     v = rho v + (1 - rho) g^2
///     a = rho a + (1 - rho) g                                       (centered; else a = 0)
///     i = learning_rate g / sqrt(v - a^2 + epsilon)
///     w = w - i    or, with momentum,    m = momentum m + i, w = w - m
struct RMSprop {
    LearningRate learning_rate = 0.001;
    double rho = 0.9;                            ///< in [0, 1]
    double momentum = 0.0;                       ///< in [0, 1]
    double epsilon = 1e-7;                       ///< at least 0
    bool centered = false;                       ///< whether the gradients' running mean is taken off
    std::optional<double> weight_decay = {};     ///< at least 0
    std::optional<double> clipnorm = {};         ///< most of each weight's gradient norm, above 0
    std::optional<double> clipvalue = {};        ///< most of each gradient element, above 0
    std::optional<double> global_clipnorm = {};  ///< most of the norm of all gradients, above 0

    friend bool operator==(const RMSprop&, const RMSprop&) = default;
};

/// Adam, at step t = 1, 2, ...; m, v and the largest v start at 0:
///
///     m = m + (1 - beta_1) (g - m)
///     v = v + (1 - beta_2) (g^2 - v)                                (amsgrad: the largest v so far is used below)
///     w = w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)
///
/// Source: Kingma and Ba, arXiv 1412.6980, with epsilon as in the end of their section 2.
struct Adam {
    LearningRate learning_rate = 0.001;
    double beta_1 = 0.9;    ///< in [0, 1)
    double beta_2 = 0.999;  ///< in [0, 1)
    double epsilon = 1e-7;  ///< at least 0
    bool amsgrad = false;
    std::optional<double> weight_decay = {};     ///< at least 0
    std::optional<double> clipnorm = {};         ///< most of each weight's gradient norm, above 0
    std::optional<double> clipvalue = {};        ///< most of each gradient element, above 0
    std::optional<double> global_clipnorm = {};  ///< most of the norm of all gradients, above 0

    friend bool operator==(const Adam&, const Adam&) = default;
};

/// Adam whose weights decay by default.
struct AdamW {
    LearningRate learning_rate = 0.001;
    double weight_decay = 0.004;  ///< at least 0
    double beta_1 = 0.9;          ///< in [0, 1)
    double beta_2 = 0.999;        ///< in [0, 1)
    double epsilon = 1e-7;        ///< at least 0
    bool amsgrad = false;
    std::optional<double> clipnorm = {};         ///< most of each weight's gradient norm, above 0
    std::optional<double> clipvalue = {};        ///< most of each gradient element, above 0
    std::optional<double> global_clipnorm = {};  ///< most of the norm of all gradients, above 0

    friend bool operator==(const AdamW&, const AdamW&) = default;
};

/// One of the recipes above.
template <class R>
concept OptimizerRecipe =
    std::same_as<R, SGD> || std::same_as<R, RMSprop> || std::same_as<R, Adam> || std::same_as<R, AdamW>;

namespace detail {

template <class R>
concept AdamRecipe = std::same_as<R, Adam> || std::same_as<R, AdamW>;

template <OptimizerRecipe R>
[[nodiscard]] constexpr std::string_view recipe_name(const R&) {
    if constexpr (std::same_as<R, SGD>) return "SGD";
    if constexpr (std::same_as<R, RMSprop>) return "RMSprop";
    if constexpr (std::same_as<R, Adam>) return "Adam";
    return "AdamW";
}

inline void check_fraction(std::string_view what, double value) {
    if (!(value >= 0.0 && value <= 1.0))
        EIGENGRU_THROW(OptionError, what, " expected a number in [0, 1], received ", value);
}

inline void check_beta(std::string_view what, double value) {
    if (!(value >= 0.0 && value < 1.0))
        EIGENGRU_THROW(OptionError, what, " expected a number in [0, 1), received ", value);
}

inline void check_own(const SGD& o) {
    check_fraction("SGD: momentum", o.momentum);
}

inline void check_own(const RMSprop& o) {
    check_fraction("RMSprop: rho", o.rho);
    check_fraction("RMSprop: momentum", o.momentum);
    check_non_negative("RMSprop: epsilon", o.epsilon);
}

template <AdamRecipe R>
void check_own(const R& o) {
    check_beta(text(recipe_name(o), ": beta_1"), o.beta_1);
    check_beta(text(recipe_name(o), ": beta_2"), o.beta_2);
    check_non_negative(text(recipe_name(o), ": epsilon"), o.epsilon);
}

template <OptimizerRecipe R>
[[nodiscard]] Clipping clipping_of(const R& o) {
    return {o.clipnorm, o.clipvalue, o.global_clipnorm};
}

template <OptimizerRecipe R>
[[nodiscard]] std::optional<double> weight_decay_of(const R& o) {
    return o.weight_decay;
}

/// Throws: OptionError for what is out of range.
template <OptimizerRecipe R>
void check_recipe(const R& o) {
    check_own(o);
    if (weight_decay_of(o)) check_non_negative(text(recipe_name(o), ": weight_decay"), *weight_decay_of(o));
    check_clipping(recipe_name(o), clipping_of(o));
}

/// What an optimiser remembers of each weight, by Keras's names and in its order.
[[nodiscard]] inline std::vector<std::string_view> slot_names(const SGD& o) {
    if (o.momentum == 0.0) return {};
    return {"momentum"};
}

[[nodiscard]] inline std::vector<std::string_view> slot_names(const RMSprop& o) {
    std::vector<std::string_view> names{"velocity"};
    if (o.momentum > 0.0) names.emplace_back("momentum");
    if (o.centered) names.emplace_back("average_gradient");
    return names;
}

template <AdamRecipe R>
[[nodiscard]] std::vector<std::string_view> slot_names(const R& o) {
    if (o.amsgrad) return {"momentum", "velocity", "velocity_hat"};
    return {"momentum", "velocity"};
}

/// The most slots of any recipe.
inline constexpr std::size_t kMostSlots = 3;

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
