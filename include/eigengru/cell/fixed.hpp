// SPDX-License-Identifier: MIT
// FixedGru: a GRU whose sizes are known at compile time, for one stream of inputs. The fastest way to run a small model
// sample by sample, and the one that asks for least: no heap, no exceptions but in its constructors, no run-time types,
// and of Eigen only the vectors of the processor.
#pragma once

#include "eigengru/cell/fixed_weights.hpp"
#include "eigengru/cell/flush.hpp"
#include "eigengru/core/kernels.hpp"

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/fixed_activations.hpp"
#include "eigengru/core/for_each_target.hpp"

#define EIGENGRU_TARGET_SOURCE "eigengru/cell/fixed_kernel.hpp"
#include "eigengru/core/for_each_target.hpp"

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// A kernel for weights of this type.
template <class W>
using FixedKernel = void (*)(const W&, const typename W::Scalar*, const typename W::Scalar*,
                             typename W::Scalar*) noexcept;

/// `kernels` is one that this processor runs, and not `automatic`.
template <class W>
[[nodiscard]] FixedKernel<W> fixed_kernel([[maybe_unused]] Kernels kernels) noexcept {
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) return &avx512::run_fixed_step<W>;
    if (kernels == Kernels::avx2) return &avx2::run_fixed_step<W>;
#endif
    return &portable::run_fixed_step<W>;
}

/// The kernels for states of so many bytes: EIGENGRU_KERNELS where it names what this processor runs, else the fastest.
/// A state that fills one vector of AVX2 gains nothing from wider ones. One of two does, and not only in its products:
/// memcpy reads 64 bytes at once there, which waits long where they were stored as two halves just before.
[[nodiscard]] inline Kernels automatic_fixed_kernels(std::size_t state_bytes) noexcept {
    if (const char* wanted = std::getenv("EIGENGRU_KERNELS"); wanted != nullptr)
        for (std::size_t i = 1; i < kKernelNames.size(); ++i)
            if (kKernelNames[i] == wanted && is_supported(static_cast<Kernels>(i))) return static_cast<Kernels>(i);
    if (state_bytes > 32 && is_supported(Kernels::avx512)) return Kernels::avx512;
    return is_supported(Kernels::avx2) ? Kernels::avx2 : Kernels::portable;
}

/// A layer, by what is asked of it here: this header does not know Gru.
template <class L>
concept FixedGruSource = requires(const L& layer) {
    layer.parameters().kernel().data();
    layer.options().recurrent_activation;
    L::kResetAfter;
};

}  // namespace detail

/// A GRU of fixed sizes that carries the state of one stream from step to step.
///
///     Gru<float> layer(1, {.units = 24});
///     FixedGru<float, 1, 24> tiny(layer);              // a copy of its weights: later changes do not reach it
///     std::span<const float, 24> state = tiny.step(x);  // x: 1 feature, so a float will do
///
/// It computes what a stateful Gru computes for a batch of one row, for the default activations tanh and sigmoid (for
/// others there is GruStream). Dropout is a matter of training and plays no part; nor do the other options of a layer.
/// A value, trivially copyable, that holds its weights: 12 U (F + U) bytes and a little more in float.
///
/// Differs from Keras: a state of less than 1e-30 (double: 1e-290) becomes 0. See cell/flush.hpp.
template <RealScalar S, Index Features, Index Units, bool ResetAfter>
class FixedGru {
public:
    using Scalar = S;
    using Weights = FixedGruWeights<S, Features, Units, ResetAfter>;
    using Inputs = std::span<const S, std::size_t(Features)>;
    using State = std::span<const S, std::size_t(Units)>;

    /// With the fastest kernels; EIGENGRU_KERNELS counts where it names some that this processor runs.
    explicit FixedGru(const Weights& weights) noexcept
        : FixedGru(weights, Checked{detail::automatic_fixed_kernels(sizeof(S) * std::size_t(Units))}) {}

    /// With these; `eigen` stands for `portable`. Throws: OptionError for kernels that this processor does not run.
    FixedGru(const Weights& weights, Kernels kernels) : FixedGru(weights, checked(kernels)) {}

    /// With the weights of a Gru. Throws: ShapeError for other sizes; OptionError for activations other than tanh and
    /// sigmoid, for go_backwards, and for kernels that this processor does not run.
    template <detail::FixedGruSource Layer>
    explicit FixedGru(const Layer& layer, Kernels kernels = Kernels::automatic)
        : FixedGru(weights_of(layer), checked(kernels)) {}

    /// One step; the state after it, which is the output, stays readable until the next.
    State step(Inputs x) noexcept EIGENGRU_LIFETIMEBOUND {
        kernel_(weights_, x.data(), states_.data() + current_, states_.data() + (kLanes - current_));
        current_ = kLanes - current_;
        return state();
    }
    State step(S x) noexcept EIGENGRU_LIFETIMEBOUND
        requires(Features == 1)
    {
        return step(Inputs(&x, 1));
    }

    [[nodiscard]] State state() const noexcept EIGENGRU_LIFETIMEBOUND {
        return State(states_.data() + current_, std::size_t(Units));
    }

    /// Values too small for a state become 0.
    void set_state(State values) noexcept {
        for (std::size_t i = 0; i < values.size(); ++i) states_[current_ + i] = detail::flushed(values[i]);
    }

    /// Zeros.
    void reset() noexcept { states_ = {}; }

    /// Those chosen when it was built.
    [[nodiscard]] Kernels kernels() const noexcept { return kernels_; }

private:
    /// Kernels that this processor runs.
    struct Checked {
        Kernels kernels;
    };

    FixedGru(const Weights& weights, Checked checked) noexcept
        : weights_(weights),
          kernels_(checked.kernels == Kernels::eigen ? Kernels::portable : checked.kernels),
          kernel_(detail::fixed_kernel<Weights>(kernels_)) {}

    static Checked checked(Kernels kernels) {
        if (kernels == Kernels::automatic) return {detail::automatic_fixed_kernels(sizeof(S) * std::size_t(Units))};
        return {detail::checked_kernels("FixedGru", kernels)};
    }

    template <class Layer>
    static Weights weights_of(const Layer& layer) {
        static_assert(std::same_as<S, typename Layer::Scalar>, "eigengru: this layer has another scalar type");
        static_assert(ResetAfter == Layer::kResetAfter,
                      "eigengru: this layer has the other reset mode; write FixedGru<S, F, U, Layer::kResetAfter>");
        check_options(layer.options());
        const auto& p = layer.parameters();
        if (p.features() != Features || p.units() != Units)
            EIGENGRU_THROW(ShapeError, "FixedGru: expected a layer of ", Features, " features and ", Units,
                           " units, received ", p.features(), " and ", p.units());
        const std::span<const S, Weights::kKernelSize> kernel(p.kernel().data(), Weights::kKernelSize);
        const std::span<const S, Weights::kRecurrentKernelSize> recurrent_kernel(p.recurrent_kernel().data(),
                                                                                 Weights::kRecurrentKernelSize);
        if (!p.use_bias()) return {kernel, recurrent_kernel};
        return {kernel, recurrent_kernel, std::span<const S, Weights::kBiasSize>(p.bias().data(), Weights::kBiasSize)};
    }

    template <class Options>
    static void check_options(const Options& options) {
        using Given = std::remove_cvref_t<decltype(options.activation)>;
        if (options.activation != Given("tanh") || options.recurrent_activation != Given("sigmoid"))
            EIGENGRU_THROW(OptionError, "FixedGru: expected the activations tanh and sigmoid, received ",
                           options.activation.to_string(), " and ", options.recurrent_activation.to_string(),
                           "; GruStream takes any");
        if (options.go_backwards) EIGENGRU_THROW(OptionError, "FixedGru: expected go_backwards = false, received true");
    }

    static constexpr std::size_t kLanes = Weights::kStateLanes;

    // The state before a step and after it, in turns.
    alignas(64) std::array<S, 2 * kLanes> states_{};
    Weights weights_;
    std::size_t current_ = 0;  // of states_: 0 or kLanes
    Kernels kernels_;
    detail::FixedKernel<Weights> kernel_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
