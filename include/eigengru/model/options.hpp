// SPDX-License-Identifier: MIT
// The arguments of the layer: GruOptions for construction, CallOptions for a call. Names and defaults are Keras's, the
// order of the members is keras.layers.GRU's, so that designated initialisers read like Python's keyword arguments.
#pragma once

#include "eigengru/core/executor.hpp"
#include "eigengru/core/kernels.hpp"
#include "eigengru/core/mask_view.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/initializer.hpp"
#include "eigengru/math/regularizer.hpp"
#include "eigengru/model/cudnn_options.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Keras's use_cudnn: true, false or "auto" (take cuDNN when its eight rules hold and a device is there).
class CudnnMode {
public:
    constexpr CudnnMode() = default;

    template <std::same_as<bool> B>
    constexpr CudnnMode(B demanded) : mode_(demanded ? Mode::always : Mode::never) {}

    /// Throws: OptionError for anything but "auto".
    template <NameLike T>
    CudnnMode(const T& name) {
        if (std::string_view(name) != "auto")
            EIGENGRU_THROW(OptionError, "GruOptions: use_cudnn expected true, false or \"auto\", received \"",
                           std::string_view(name), "\"");
    }

    [[nodiscard]] constexpr bool is_auto() const { return mode_ == Mode::automatic; }
    [[nodiscard]] constexpr bool is_always() const { return mode_ == Mode::always; }
    [[nodiscard]] constexpr bool is_never() const { return mode_ == Mode::never; }

    friend constexpr bool operator==(const CudnnMode&, const CudnnMode&) = default;

private:
    enum class Mode : unsigned char { automatic, always, never };

    Mode mode_ = Mode::automatic;
};

/// The constructor arguments of keras.layers.GRU. reset_after is a template argument of the layer.
struct GruOptions {
    Index units = 0;                                    ///< size of the state; must be set, at least 1
    Activation activation = "tanh";                     ///< of the candidate
    Activation recurrent_activation = "sigmoid";        ///< of the update and the reset gate
    bool use_bias = true;                               ///< whether there are biases
    Initializer kernel_initializer = "glorot_uniform";  ///< of kernel (features, 3 units)
    Initializer recurrent_initializer = "orthogonal";   ///< of recurrent_kernel (units, 3 units)
    Initializer bias_initializer = "zeros";             ///< of bias
    Regularizer kernel_regularizer = {};                ///< loss on kernel
    Regularizer recurrent_regularizer = {};             ///< loss on recurrent_kernel
    Regularizer bias_regularizer = {};                  ///< loss on bias
    Regularizer activity_regularizer = {};              ///< loss on what the layer returns
    Constraint kernel_constraint = {};                  ///< on kernel, after an optimiser step
    Constraint recurrent_constraint = {};               ///< on recurrent_kernel
    Constraint bias_constraint = {};                    ///< on bias
    double dropout = 0.0;                               ///< rate for the inputs, in [0, 1]; 1 means none
    double recurrent_dropout = 0.0;                     ///< rate for the state, in [0, 1]; 1 means none
    std::optional<std::uint64_t> seed = {};             ///< of dropout, and of initializers without their own
    bool return_sequences = false;                      ///< whether outputs hold every step
    bool return_state = false;                          ///< whether the state counts as returned
    bool go_backwards = false;                          ///< read the input from its end
    bool stateful = false;                              ///< start from the last call's final state
    bool unroll = false;                                ///< same numbers; rules out cuDNN
    bool zero_output_for_mask = false;                  ///< zeros at masked steps
    CudnnMode use_cudnn = "auto";                       ///< true, false or "auto"
    std::string name = "gru";                           ///< for messages and files
    bool trainable = true;                              ///< false keeps an optimiser away

    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const GruOptions&, const GruOptions&) = default;
};

/// Explicit dropout masks for one call, already scaled by 1 / (1 - rate).
template <RealScalar S>
struct DropoutMasks {
    std::vector<RowMatrix<S>> input = {};  ///< none, one for the three gates, or z, r, h: each (batch, features)
    std::vector<RowMatrix<S>> state = {};  ///< none, or z, r, h: each (batch, units)
};

/// The arguments of a call besides the inputs.
template <RealScalar S>
struct CallOptions {
    MaskView mask = {};                              ///< (batch, time), true = use
    IndexListView lengths = {};                      ///< instead of a mask: used steps of each row, 0 to time
    MatrixView<const S> initial_state = {};          ///< (batch, units); zeros, or the carried state, when absent
    bool training = false;                           ///< whether dropout is active
    const DropoutMasks<S>* dropout_masks = nullptr;  ///< used in place of drawn ones when training
    ExecutorRef executor = {};                       ///< threads for the rows of the batch, or the units of few
    Kernels kernels = Kernels::automatic;            ///< which kernels of the CPU compute
    CudnnOptions cudnn = {};                         ///< of cuDNN, where the call takes it
};

/// A whole layer as a value that prints itself: what Keras's get_config() holds, and the sizes.
struct GruConfig {
    Index features = 0;
    bool reset_after = true;
    GruOptions options = {};

    [[nodiscard]] std::string to_string() const {
        return detail::text("GRU(features=", features, ", reset_after=", reset_after, ", ", options.to_string(), ")");
    }

    friend bool operator==(const GruConfig&, const GruConfig&) = default;

    template <class Stream>
    friend auto operator<<(Stream& stream, const GruConfig& config) -> decltype(stream << std::string()) {
        return stream << config.to_string();
    }
};

inline std::string GruOptions::to_string() const {
    const std::string seed_text = seed ? std::to_string(*seed) : "None";
    const std::string cudnn_text = use_cudnn.is_auto() ? "auto" : detail::text(use_cudnn.is_always());
    return detail::text(
        "units=", units, ", activation=", activation.to_string(),
        ", recurrent_activation=", recurrent_activation.to_string(), ", use_bias=", use_bias,
        ", kernel_initializer=", kernel_initializer.to_string(),
        ", recurrent_initializer=", recurrent_initializer.to_string(),
        ", bias_initializer=", bias_initializer.to_string(), ", kernel_regularizer=", kernel_regularizer.to_string(),
        ", recurrent_regularizer=", recurrent_regularizer.to_string(),
        ", bias_regularizer=", bias_regularizer.to_string(),
        ", activity_regularizer=", activity_regularizer.to_string(),
        ", kernel_constraint=", kernel_constraint.to_string(),
        ", recurrent_constraint=", recurrent_constraint.to_string(), ", bias_constraint=", bias_constraint.to_string(),
        ", dropout=", dropout, ", recurrent_dropout=", recurrent_dropout, ", seed=", seed_text,
        ", return_sequences=", return_sequences, ", return_state=", return_state, ", go_backwards=", go_backwards,
        ", stateful=", stateful, ", unroll=", unroll, ", zero_output_for_mask=", zero_output_for_mask,
        ", use_cudnn=", cudnn_text, ", name=\"", name, "\", trainable=", trainable);
}

namespace detail {

inline void check_rate(std::string_view where, std::string_view what, double rate) {
    if (!(rate >= 0.0 && rate <= 1.0))
        EIGENGRU_THROW(OptionError, where, ": ", what, " expected a rate in [0, 1], received ", rate);
}

/// Whether a rate drops anything at all; as in Keras's recurrent cells, 1 does not.
[[nodiscard]] constexpr bool is_dropping(double rate) {
    return rate > 0.0 && rate < 1.0;
}

/// Throws: ShapeError, OptionError; see GruOptions for what is allowed.
inline void validate(const GruOptions& options, Index features, bool reset_after) {
    if (features < 1) EIGENGRU_THROW(ShapeError, "Gru: features expected at least 1, received ", features);
    if (options.units < 1) EIGENGRU_THROW(OptionError, "Gru: units expected at least 1, received ", options.units);
    checked_size("Gru", {features, kGates, options.units});
    checked_size("Gru", {options.units, kGates, options.units});
    checked_size("Gru", {features + options.units + 2, kGates, options.units});  // the sum is small enough now
    check_rate("Gru", "dropout", options.dropout);
    check_rate("Gru", "recurrent_dropout", options.recurrent_dropout);
    const WeightRank bias_rank = reset_after ? WeightRank::matrix : WeightRank::vector;
    const Index width = kGates * options.units;
    options.kernel_initializer.check({features, width}, "Gru: kernel_initializer");
    options.recurrent_initializer.check({options.units, width}, "Gru: recurrent_initializer");
    options.kernel_constraint.check(WeightRank::matrix, "Gru: kernel_constraint");
    options.recurrent_constraint.check(WeightRank::matrix, "Gru: recurrent_constraint");
    if (options.use_bias) {
        options.bias_initializer.check({reset_after ? 2 : 1, width, bias_rank}, "Gru: bias_initializer");
        options.bias_regularizer.check(bias_rank, "Gru: bias_regularizer");
        options.bias_constraint.check(bias_rank, "Gru: bias_constraint");
    }
    if (options.return_sequences && options.activity_regularizer.kind() == RegularizerKind::orthogonal)
        EIGENGRU_THROW(OptionError, "Gru: activity_regularizer expected one that takes sequences, which ",
                       options.activity_regularizer, " does not: it needs a matrix");
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
