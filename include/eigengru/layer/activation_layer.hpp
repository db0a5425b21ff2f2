// SPDX-License-Identifier: MIT
// ActivationLayer: an activation as a layer of its own, as keras.layers.Activation.
#pragma once

#include "eigengru/layer/layer_data.hpp"
#include "eigengru/math/activation.hpp"

#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Activation.
struct ActivationLayerOptions {
    Activation activation = {};
    std::string name = "activation";
};

/// keras.layers.Activation: y = activation(x), softmax and its relatives over the last axis.
template <RealScalar S>
class ActivationLayer {
public:
    explicit ActivationLayer(ActivationLayerOptions options = {}) : options_(std::move(options)) {}

    [[nodiscard]] const ActivationLayerOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

    void operator()(LayerData<S>& data) const { options_.activation.template apply<S>(data.values.matrix()); }

private:
    ActivationLayerOptions options_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
