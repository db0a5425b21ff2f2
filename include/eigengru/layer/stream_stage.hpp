// SPDX-License-Identifier: MIT
// The layers of a ModelStream: how each kind takes one step, and which ones cannot.
#pragma once

#include "eigengru/layer/sequential.hpp"
#include "eigengru/layer/stream.hpp"

#include <algorithm>
#include <optional>
#include <variant>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// A GRU in a stream. A masked step leaves its state and its output as they were, as in the sequence.
template <RealScalar S>
class GruStage {
public:
    /// `has_mask`: whether a mask can reach it.
    template <bool ResetAfter>
    GruStage(const Gru<S, ResetAfter>& gru, const StreamOptions& options, bool has_mask)
        : stream_(gru, options),
          has_mask_(has_mask),
          is_zero_when_masked_(gru.options().zero_output_for_mask),
          passes_mask_(gru.options().return_sequences),
          before_(has_mask ? options.rows : 0, gru.units()),
          last_(RowMatrix<S>::Zero(before_.rows(), gru.units())) {}

    void step(const ModelStep<S>& step) noexcept {
        if (has_mask_)
            step_masked(step);
        else
            stream_.step(step.x, step.y);
        if (!passes_mask_) std::fill_n(step.is_used, step.rows, static_cast<unsigned char>(true));
    }

    void reset() noexcept {
        stream_.reset();
        last_.setZero();
    }
    void reset(Index row) noexcept {
        stream_.reset(row);
        if (has_mask_) last_.row(row).setZero();
    }

    /// What the next step depends on, for each row: the state, and the last output where a mask may repeat it.
    [[nodiscard]] Index state_size() const noexcept { return (has_mask_ ? 2 : 1) * stream_.units(); }

    template <class Block>
    void get_state(Block&& to) const {
        to.leftCols(stream_.units()) = stream_.state();
        if (has_mask_) to.rightCols(stream_.units()) = last_;
    }
    template <class Block>
    void set_state(const Block& from) {
        for (Index row = 0; row < from.rows(); ++row) set_row(row, &from.coeffRef(row, 0));
        if (has_mask_) last_ = from.rightCols(stream_.units());
    }

private:
    void step_masked(const ModelStep<S>& step) noexcept {
        before_ = stream_.state();
        stream_.step(step.x, step.y);
        const Index units = stream_.units();
        for (Index row = 0; row < step.rows; ++row) {
            S* const y = step.y + row * units;
            if (!step.is_used[row]) {
                set_row(row, &before_.coeffRef(row, 0));
                if (is_zero_when_masked_)
                    std::fill_n(y, units, S(0));
                else
                    std::copy_n(&last_.coeffRef(row, 0), units, y);
            }
            std::copy_n(y, units, &last_.coeffRef(row, 0));
        }
    }

    void set_row(Index row, const S* state) noexcept {
        static_cast<void>(stream_.set_state(row, {state, static_cast<std::size_t>(stream_.units())}));
    }

    GruStream<S> stream_;
    bool has_mask_, is_zero_when_masked_, passes_mask_;
    RowMatrix<S> before_, last_;  // no rows where no mask comes
};

template <RealScalar S>
void step_layer(GruStage<S>& stage, const ModelStep<S>& step) noexcept {
    stage.step(step);
}

template <RealScalar S>
using StreamStage = std::variant<GruStage<S>, Masking<S>, Dense<S>, ActivationLayer<S>, Embedding<S>,
                                 BatchNormalization<S>, LayerNormalization<S>>;

/// A layer as a stage; nothing for a Dropout, which is a matter of training. `has_mask` says whether a mask reaches the
/// layer, then whether one leaves it. Throws: OptionError for a layer that needs the end of its inputs.
template <RealScalar S, class L>
[[nodiscard]] std::optional<StreamStage<S>> stream_stage(const L& layer, const StreamOptions& options, bool& has_mask) {
    if constexpr (std::same_as<L, Dropout<S>>) {
        return std::nullopt;
    } else if constexpr (requires { layer.forward_layer(); }) {
        EIGENGRU_THROW(OptionError, "ModelStream: layer \"", layer.name(),
                       "\" reads its inputs from both ends, and a stream has no end");
    } else if constexpr (requires { layer.options().recurrent_activation; }) {
        if (layer.options().go_backwards)
            EIGENGRU_THROW(OptionError, "ModelStream: layer \"", layer.name(),
                           "\" reads its inputs from their end (go_backwards), and a stream has no end");
        GruStage<S> stage(layer, options, has_mask);
        has_mask = has_mask && layer.options().return_sequences;
        return stage;
    } else {
        if constexpr (std::same_as<L, Masking<S>>) has_mask = true;
        if constexpr (std::same_as<L, Embedding<S>>) has_mask = layer.options().mask_zero;
        return layer;
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
