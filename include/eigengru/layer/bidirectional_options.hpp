// SPDX-License-Identifier: MIT
// The arguments of a Bidirectional, for construction and for a call, and what a call gives back.
#pragma once

#include "eigengru/model/output.hpp"
#include "eigengru/sequence/backend_rules.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// How a Bidirectional makes one output of two; Keras's merge_mode.
enum class Merge : unsigned char {
    concat,  ///< side by side: forward units, then backward units
    sum,
    mul,
    ave,
    none  ///< two outputs; Keras's None
};

/// For messages: "concat", "sum", "mul", "ave", "none".
inline void append(std::string& text, Merge merge) {
    constexpr std::string_view kNames[] = {"concat", "sum", "mul", "ave", "none"};
    text += kNames[static_cast<std::size_t>(merge)];
}

/// The constructor arguments of keras.layers.Bidirectional besides the forward layer.
struct BidirectionalOptions {
    Merge merge = Merge::concat;
    std::optional<GruOptions> backward = {};  ///< the forward layer's with go_backwards = true when absent
    std::string name = "bidirectional";
    bool trainable = true;  ///< false freezes both layers

    friend bool operator==(const BidirectionalOptions&, const BidirectionalOptions&) = default;
};

/// The arguments of a call besides the inputs: those of CallOptions, states and dropout masks for each layer.
template <RealScalar S>
struct BidirectionalCallOptions {
    MaskView mask = {};                               ///< (batch, time), true = use
    IndexListView lengths = {};                       ///< instead of a mask: used steps of each row, 0 to time
    MatrixView<const S> initial_state_forward = {};   ///< (batch, units); zeros, or the carried state, when absent
    MatrixView<const S> initial_state_backward = {};  ///< likewise
    bool training = false;                            ///< whether dropout is active
    const DropoutMasks<S>* dropout_masks_forward = nullptr;   ///< used in place of drawn ones when training
    const DropoutMasks<S>* dropout_masks_backward = nullptr;  ///< likewise
    ExecutorRef executor = {};             ///< threads for the rows of the batch, or the units of few
    Kernels kernels = Kernels::automatic;  ///< which kernels of the CPU compute

    [[nodiscard]] CallOptions<S> forward_call() const { return call_of(initial_state_forward, dropout_masks_forward); }
    [[nodiscard]] CallOptions<S> backward_call() const {
        return call_of(initial_state_backward, dropout_masks_backward);
    }

private:
    [[nodiscard]] CallOptions<S> call_of(const MatrixView<const S>& state, const DropoutMasks<S>* masks) const {
        return {mask, lengths, state, training, masks, executor, kernels};
    }
};

/// The result of a call of a Bidirectional. With Merge::none there is no merged output: `forward` and `backward` are
/// the two.
template <RealScalar S>
struct BidirectionalOutput {
    Sequence<S> sequences = {};  ///< (batch, time, units), merged, in the order of the inputs, with return_sequences
    RowMatrix<S> last = {};      ///< (batch, units), merged: of the last steps that each layer has processed
    Output<S> forward = {};      ///< of the forward layer: sequences, last, state
    Output<S> backward = {};     ///< of the backward layer; its sequences are reversed in time, as the merged ones
};

/// Where a call shall write its merged output; what is absent is not written. Neither may overlap the other or the
/// arguments of the call.
template <RealScalar S>
struct BidirectionalOutputView {
    SequenceView<S> sequences = {};  ///< (batch, time, units); only with return_sequences
    MatrixView<S> last = {};         ///< (batch, units)
};

/// Which backend each layer of a Bidirectional would take.
struct BidirectionalVerdict {
    BackendVerdict forward = {};
    BackendVerdict backward = {};

    /// Both, one below the other.
    [[nodiscard]] std::string text() const {
        return detail::text("forward layer: ", forward.text(), "\nbackward layer: ", backward.text());
    }
};

namespace detail {

/// "forward_gru" for "gru" and for "forward_gru": as Keras names the layers of a Bidirectional.
[[nodiscard]] inline std::string prefixed(std::string_view prefix, std::string_view name) {
    return text(prefix, name.starts_with(prefix) ? name.substr(prefix.size()) : name);
}

/// Throws: OptionError where the two layers do not go together.
inline void check_directions(const GruOptions& forward, const GruOptions& backward, Merge merge) {
    if (forward.go_backwards == backward.go_backwards)
        EIGENGRU_THROW(OptionError, "Bidirectional: go_backwards expected to differ between the layers, received ",
                       forward.go_backwards, " for both");
    const auto check_same = [](const char* name, auto a, auto b) {
        if (a != b)
            EIGENGRU_THROW(OptionError, "Bidirectional: ", name, " expected to be the same for both layers, received ",
                           a, " forward and ", b, " backward");
    };
    check_same("stateful", forward.stateful, backward.stateful);
    check_same("return_sequences", forward.return_sequences, backward.return_sequences);
    check_same("return_state", forward.return_state, backward.return_state);
    if (merge != Merge::concat && merge != Merge::none && forward.units != backward.units)
        EIGENGRU_THROW(OptionError, "Bidirectional: merge ", merge, " expected layers of the same units, received ",
                       forward.units, " forward and ", backward.units, " backward");
}

/// The options of both layers as Keras sets them: names, use_cudnn, zero_output_for_mask. Throws: OptionError.
[[nodiscard]] inline std::pair<GruOptions, GruOptions> direction_options(GruOptions forward,
                                                                         const BidirectionalOptions& options) {
    GruOptions backward = options.backward.value_or(forward);
    if (!options.backward) {
        backward.go_backwards = true;
        backward.name = prefixed("backward_", forward.name);
        if (forward.seed) backward.seed = *forward.seed + 3;  // the forward layer's initializers use seed to seed + 2
    }
    forward.name = prefixed("forward_", forward.name);
    backward.use_cudnn = forward.use_cudnn;
    check_directions(forward, backward, options.merge);
    for (GruOptions* layer : {&forward, &backward}) {
        layer->zero_output_for_mask = layer->return_sequences;
        layer->trainable = layer->trainable && options.trainable;
    }
    return {std::move(forward), std::move(backward)};
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
