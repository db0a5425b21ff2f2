// SPDX-License-Identifier: MIT
// The record of a forward pass of a whole model, and the gradients of a backward pass.
#pragma once

#include "eigengru/cell/tape.hpp"
#include "eigengru/layer/bidirectional_tape.hpp"
#include "eigengru/layer/dense_tape.hpp"
#include "eigengru/layer/input_tape.hpp"
#include "eigengru/layer/layer_data.hpp"
#include "eigengru/model/gradients.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// What one layer of a model records; each kind of layer uses its part.
template <RealScalar S>
struct LayerTape {
    Tape<S> gru = {};
    RowMatrix<S> state = {};  ///< of a GRU
    BidirectionalTape<S> both = {};
    DenseTape<S> dense = {};
    InputTape<S> inputs = {};        ///< of the layers that need no more than those
    RowMatrix<S> dropout_mask = {};  ///< empty where nothing is dropped
    Sequence<S> outputs = {};        ///< of all but Dense, whose tape has them
    Mask mask = {};                  ///< of the outputs; empty where there is none

    [[nodiscard]] SequenceView<const S> outputs_view() const {
        return dense.empty() ? outputs.view() : dense.outputs().view();
    }
    [[nodiscard]] MaskView mask_view() const { return mask.size() > 0 ? MaskView(mask) : MaskView(); }
};

/// What one layer of a model gives back in a backward pass; each kind of layer uses its part.
template <RealScalar S>
struct LayerGradients {
    Gradients<S> gru = {};
    BidirectionalGradients<S> both = {};
    DenseGradients<S> dense = {};
    NamedGradients<S> named = {};
    Sequence<S> inputs = {};  ///< of the layers without weights
};

}  // namespace detail

template <RealScalar S>
class Sequential;

/// The record of one forward pass of a Sequential. A value; written again, it keeps its memory.
/// Invariant: empty(), or a complete record.
template <RealScalar S>
class ModelTape {
public:
    [[nodiscard]] bool empty() const { return !is_recorded_; }
    void clear() { is_recorded_.set(false); }

    /// What the model gave back, (batch, time, units); time is 1 where the time axis is given up.
    [[nodiscard]] SequenceView<const S> outputs() const EIGENGRU_LIFETIMEBOUND {
        return empty() ? SequenceView<const S>() : layers_.back().outputs_view();
    }

    /// The mask of the outputs, for the loss; absent where there is none.
    [[nodiscard]] MaskView mask() const EIGENGRU_LIFETIMEBOUND {
        return empty() ? MaskView() : layers_.back().mask_view();
    }

    /// The activity_regularizers' losses of the pass.
    [[nodiscard]] S activity_loss() const { return activity_loss_; }

private:
    friend class Sequential<S>;

    detail::MovedFlag is_recorded_;
    Mask input_mask_;
    std::vector<detail::LayerTape<S>> layers_;
    S activity_loss_ = 0;
};

/// The weights of a whole model, or their gradients, in one flat vector: layer after layer, each in its own order.
template <RealScalar S>
class ModelWeights {
public:
    [[nodiscard]] Index size() const { return values_.size(); }
    [[nodiscard]] VectorMap<const S> flat() const& EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }
    [[nodiscard]] VectorMap<S> flat() & EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }

    /// One weight by the names of its layer and its own: `find("gru", "kernel")`. Throws: OptionError for others.
    [[nodiscard]] MatrixMap<const S> find(std::string_view layer, std::string_view name) const EIGENGRU_LIFETIMEBOUND {
        for (const Entry& entry : entries_)
            if (entry.layer == layer && entry.name == name)
                return {values_.data() + entry.offset, entry.rows, entry.cols, Eigen::OuterStride<>(entry.cols)};
        EIGENGRU_THROW(OptionError, "ModelWeights::find: expected a weight of the model, received \"", layer, "/", name,
                       "\"");
    }

private:
    friend class Sequential<S>;

    struct Entry {
        std::string layer;
        std::string name;
        Index rows, cols, offset;
    };

    std::vector<Entry> entries_;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
};

/// The gradients of a loss with respect to what went into a call of a model.
template <RealScalar S>
class ModelGradients {
public:
    ModelWeights<S> parameters = {};  ///< .flat(), .find("gru", "kernel")
    Sequence<S> inputs = {};          ///< (batch, time, features)

private:
    friend class Sequential<S>;

    std::vector<detail::LayerGradients<S>> layers_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
