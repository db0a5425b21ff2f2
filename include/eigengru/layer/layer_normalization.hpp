// SPDX-License-Identifier: MIT
// LayerNormalization: each time step to mean 0 and variance 1 over its features, as keras.layers.LayerNormalization.
#pragma once

#include "eigengru/layer/normalization.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.LayerNormalization, in its order (axis is -1), and a seed for initializers
/// that have none.
struct LayerNormalizationOptions {
    double epsilon = 1e-3;  ///< added to the variance
    bool center = true;     ///< whether there is a beta
    bool scale = true;      ///< whether there is a gamma
    Initializer beta_initializer = "zeros";
    Initializer gamma_initializer = "ones";
    Regularizer beta_regularizer = {};
    Regularizer gamma_regularizer = {};
    Constraint beta_constraint = {};
    Constraint gamma_constraint = {};
    bool rms_scaling = false;  ///< Keras's deprecated form: the mean stays, there is a gamma and no beta
    std::string name = "layer_normalization";
    bool trainable = true;
    std::optional<std::uint64_t> seed = {};

    friend bool operator==(const LayerNormalizationOptions&, const LayerNormalizationOptions&) = default;
};

/// keras.layers.LayerNormalization over the features of each time step:
///
///     y = gamma (x - mean(x)) / sqrt(var(x) + epsilon) + beta        rms_scaling: y = gamma x / sqrt(var(x) + epsilon)
///
/// with var(x) = mean((x - mean(x))^2) and gamma, beta (features). Calls do the same in training and outside of it.
///
///     LayerNormalization<float> norm(16);
///     Sequence<float> y = norm(gru(inputs).sequences);
template <RealScalar S>
class LayerNormalization : public detail::Normalization<LayerNormalization<S>, S, LayerNormalizationOptions> {
    using Base = detail::Normalization<LayerNormalization<S>, S, LayerNormalizationOptions>;
    friend Base;

public:
    using Options = LayerNormalizationOptions;
    static constexpr std::string_view kName = "LayerNormalization";

    /// Throws: ShapeError, OptionError.
    explicit LayerNormalization(Index features, const Options& options = {}) : Base(features, options, rules(options)) {
        this->initialize();
    }

    /// With these weights, gamma and beta as there are; no initializer runs. Throws: ShapeError, OptionError.
    LayerNormalization(Index features, const Options& options, const std::vector<RowMatrix<S>>& weights)
        : Base(features, options, rules(options)) {
        this->set_weights(weights);
    }

    [[nodiscard]] bool has_gamma() const { return this->options().scale || this->options().rms_scaling; }
    [[nodiscard]] bool has_beta() const { return this->options().center && !this->options().rms_scaling; }

private:
    static std::vector<detail::WeightRules> rules(const Options& o) {
        std::vector<detail::WeightRules> result;
        if (o.scale || o.rms_scaling) result.push_back(detail::gamma_rules(o));
        if (o.center && !o.rms_scaling) result.push_back(detail::beta_rules(o));
        return result;
    }

    [[nodiscard]] std::size_t beta_place() const { return has_gamma() ? 1 : 0; }

    /// mean(x) and 1 / sqrt(var(x) + epsilon).
    [[nodiscard]] std::pair<S, S> moments(const S* x) const {
        const S mean = this->row(x).mean();
        const S variance = (this->row(x) - mean).square().mean();
        return {mean, S(1) / std::sqrt(variance + static_cast<S>(this->options().epsilon))};
    }

    void normalize(const S* x, S* y) const {
        const auto [mean, scale] = moments(x);
        const S shift = this->options().rms_scaling ? S(0) : mean;
        this->row(y) = (this->row(x) - shift) * scale;
        if (has_gamma()) this->row(y) *= this->weight(0);
        if (has_beta()) this->row(y) += this->weight(beta_place());
    }

    // With u = x - mean, s = 1 / sqrt(var + epsilon) and g = d_y gamma:
    //     y = gamma u s + beta       d_x = s (g - mean(g)) - s^3 u mean(g u)
    //     rms_scaling, y = gamma x s:  d_x = s g - s^3 u mean(g x)
    void row_backward(const S* x, const S* d_y, S* d_x, NamedWeights<S>& d) const {
        const auto [mean, scale] = moments(x);
        const bool is_rms = this->options().rms_scaling;
        const S shift = is_rms ? S(0) : mean;
        auto g = this->row(d_x);
        g = this->row(d_y);
        if (has_gamma()) {
            this->row(d.map(0).data()) += g * (this->row(x) - shift) * scale;
            g *= this->weight(0);
        }
        if (has_beta()) this->row(d.map(beta_place()).data()) += this->row(d_y);
        const S mean_gx = (g * (this->row(x) - shift)).mean();
        const S mean_g = is_rms ? S(0) : g.mean();
        g = scale * (g - mean_g) - scale * scale * scale * mean_gx * (this->row(x) - mean);
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI
