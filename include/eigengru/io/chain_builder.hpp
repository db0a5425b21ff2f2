// SPDX-License-Identifier: MIT
// ChainBuilder: a Sequential from layers and weights, for the readers of files that are not Keras's.
#pragma once

#include "eigengru/io/file.hpp"
#include "eigengru/layer/sequential.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Collects layers. What does not fit together is an error in the file.
template <RealScalar S>
class ChainBuilder {
public:
    using Layer = typename Sequential<S>::Layer;
    using Weights = std::vector<RowMatrix<S>>;

    explicit ChainBuilder(Where where) : where_(std::move(where)) {}

    /// Throws: FormatError.
    void add_gru(bool reset_after, Index features, const GruOptions& options, const Weights& weights) {
        in_layer(options.name, [&] {
            if (reset_after)
                layers_.push_back(Gru<S, true>(features, options, weights));
            else
                layers_.push_back(Gru<S, false>(features, options, weights));
        });
    }

    /// The weights of the forward layer, then those of the backward one. Throws: FormatError.
    void add_bidirectional(bool reset_after, Index features, const GruOptions& forward,
                           const BidirectionalOptions& options, const Weights& weights) {
        in_layer(options.name, [&] {
            if (reset_after)
                layers_.push_back(Bidirectional<S, true>(features, forward, options, weights));
            else
                layers_.push_back(Bidirectional<S, false>(features, forward, options, weights));
        });
    }

    /// Units and use_bias are those of the weights, kernel and perhaps bias. Gives the units. Throws: FormatError.
    Index add_dense(DenseOptions options, const Weights& weights) {
        options.units = weights.front().cols();
        options.use_bias = weights.size() > 1;
        in_layer(options.name, [&] { layers_.push_back(Dense<S>(weights.front().rows(), options, weights)); });
        return options.units;
    }

    void add(Layer layer) { layers_.push_back(std::move(layer)); }

    /// The first layer, for readers of one. There must be one.
    [[nodiscard]] Layer take_first() { return std::move(layers_.front()); }

    /// Throws: FormatError when the layers do not fit together.
    [[nodiscard]] Sequential<S> finish() {
        return in_file(where_, [&] { return Sequential<S>(std::move(layers_)); });
    }

private:
    template <class Add>
    void in_layer(const std::string& name, const Add& add) const {
        in_file(where_.in("layer \"", name, "\""), add);
    }

    Where where_;
    std::vector<Layer> layers_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
