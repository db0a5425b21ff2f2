// SPDX-License-Identifier: MIT
// BatchNormalization with frozen statistics, as keras.layers.BatchNormalization outside of training.
#pragma once

#include "eigengru/layer/normalization.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.BatchNormalization, in its order (axis is -1), and a seed for initializers
/// that have none.
struct BatchNormalizationOptions {
    double momentum = 0.99;  ///< of the moving statistics; kept for files, since they stay as they are
    double epsilon = 1e-3;   ///< added to the variance
    bool center = true;      ///< whether there is a beta
    bool scale = true;       ///< whether there is a gamma
    Initializer beta_initializer = "zeros";
    Initializer gamma_initializer = "ones";
    Initializer moving_mean_initializer = "zeros";
    Initializer moving_variance_initializer = "ones";
    Regularizer beta_regularizer = {};
    Regularizer gamma_regularizer = {};
    Constraint beta_constraint = {};
    Constraint gamma_constraint = {};
    std::string name = "batch_normalization";
    bool trainable = true;
    std::optional<std::uint64_t> seed = {};

    friend bool operator==(const BatchNormalizationOptions&, const BatchNormalizationOptions&) = default;
};

/// keras.layers.BatchNormalization over the features, with the statistics that it was trained with:
///
///     y = gamma (x - moving_mean) / sqrt(moving_variance + epsilon) + beta           all weights (features)
///
///     BatchNormalization<float> norm(16);
///     norm.set_weights({gamma, beta, moving_mean, moving_variance});
///
/// Differs from Keras: a call in training does the same; the statistics are weights that are never trained (their
/// gradients are there all the same). That is what Keras does where trainable is false.
template <RealScalar S>
class BatchNormalization : public detail::Normalization<BatchNormalization<S>, S, BatchNormalizationOptions> {
    using Base = detail::Normalization<BatchNormalization<S>, S, BatchNormalizationOptions>;
    friend Base;

public:
    using Options = BatchNormalizationOptions;
    static constexpr std::string_view kName = "BatchNormalization";

    /// Throws: ShapeError, OptionError.
    explicit BatchNormalization(Index features, const Options& options = {}) : Base(features, options, rules(options)) {
        this->initialize();
    }

    /// With these weights: gamma and beta as there are, moving_mean, moving_variance; no initializer runs.
    /// Throws: ShapeError, OptionError.
    BatchNormalization(Index features, const Options& options, const std::vector<RowMatrix<S>>& weights)
        : Base(features, options, rules(options)) {
        this->set_weights(weights);
    }

private:
    static std::vector<detail::WeightRules> rules(const Options& o) {
        std::vector<detail::WeightRules> result;
        if (o.scale) result.push_back(detail::gamma_rules(o));
        if (o.center) result.push_back(detail::beta_rules(o));
        result.push_back({.name = "moving_mean", .initializer = o.moving_mean_initializer, .is_statistic = true});
        result.push_back(
            {.name = "moving_variance", .initializer = o.moving_variance_initializer, .is_statistic = true});
        return result;
    }

    [[nodiscard]] std::size_t beta_place() const { return this->options().scale ? 1 : 0; }
    [[nodiscard]] std::size_t mean_place() const { return beta_place() + (this->options().center ? 1 : 0); }

    /// 1 / sqrt(moving_variance + epsilon).
    [[nodiscard]] auto scales() const {
        return (this->weight(mean_place() + 1) + static_cast<S>(this->options().epsilon)).sqrt().inverse();
    }

    void normalize(const S* x, S* y) const {
        this->row(y) = (this->row(x) - this->weight(mean_place())) * scales();
        if (this->options().scale) this->row(y) *= this->weight(0);
        if (this->options().center) this->row(y) += this->weight(beta_place());
    }

    // With u = x - moving_mean, s = 1 / sqrt(moving_variance + epsilon) and g = d_y gamma:
    //     y = gamma u s + beta       d_x = g s    d_moving_mean = -g s    d_moving_variance = -g u s^3 / 2
    void row_backward(const S* x, const S* d_y, S* d_x, NamedWeights<S>& d) const {
        const auto d_weight = [&](std::size_t place) { return this->row(d.map(place).data()); };
        const auto u = this->row(x) - this->weight(mean_place());
        if (this->options().scale) d_weight(0) += this->row(d_y) * u * scales();
        if (this->options().center) d_weight(beta_place()) += this->row(d_y);
        this->row(d_x) = this->row(d_y) * scales();
        if (this->options().scale) this->row(d_x) *= this->weight(0);
        d_weight(mean_place()) -= this->row(d_x);
        d_weight(mean_place() + 1) -= this->row(d_x) * u * scales().square() / S(2);
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI
