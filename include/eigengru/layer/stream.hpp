// SPDX-License-Identifier: MIT
// GruStream: a GRU that takes its inputs step by step as they arrive, for one stream or for many that come and go.
#pragma once

#include "eigengru/cell/flush.hpp"
#include "eigengru/cell/packed_step.hpp"
#include "eigengru/layer/any_gru.hpp"

#include <optional>
#include <span>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The arguments of a GruStream besides the layer.
struct StreamOptions {
    Index rows = 1;                        ///< how many streams it has room for
    Kernels kernels = Kernels::automatic;  ///< which kernels compute; `eigen` stands for `portable`
};

namespace detail {

/// The parts of a GruStream's step that depend on the reset mode and the kernels.
template <RealScalar S>
struct StreamKernels {
    void (*step)(const StepFunction<S>&, Kernels, StepCall<S>&, const Gates<S>&, const Gates<S>&) = nullptr;
    void (*flush)(S*, S*, Index) noexcept = nullptr;
};

template <bool ResetAfter, RealScalar S>
[[nodiscard]] StreamKernels<S> stream_kernels([[maybe_unused]] Kernels kernels) {
    StreamKernels<S> result{&packed_step<ResetAfter, S>, &portable::flush_states<S>};
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512) result.flush = &avx512::flush_states<S>;
    if (kernels == Kernels::avx2) result.flush = &avx2::flush_states<S>;
#endif
    return result;
}

/// The kernels of a stream, resolved: its weights are packed, so that Eigen's products are out of the question.
template <RealScalar S>
[[nodiscard]] Kernels packed_kernels(std::string_view where, Kernels kernels, Index units) {
    const Kernels chosen = resolved<S>(where, kernels, units, false);
    return chosen == Kernels::eigen ? Kernels::portable : chosen;
}

}  // namespace detail

/// A frozen copy of a layer that carries the states of `rows` streams from step to step.
///
///     GruStream<float> stream(layer);                  // a copy: later changes of the layer do not reach it
///     stream.step(x, y);                               // x: features, y: units
///     stream.process(x, y, 64);                        // 64 steps at once: x (64, features), y (64, units)
///
///     GruStream<float> streams(layer, {.rows = 32});   // 32 streams side by side: x (32, features), y (32, units)
///     streams.leave_all();                             // at first all rows are taken
///     std::optional<Index> row = streams.join();       // a row with a state of zeros, unless all are taken
///     streams.leave(*row);
///
/// It computes what a stateful Gru computes, with any activations and in either reset mode. A row that nobody has taken
/// costs nothing: its inputs are not read, its state is zeros and so are its outputs.
///
/// What is noexcept allocates nothing, takes no lock and calls nothing of the system: it may run in a real-time thread.
/// (A custom activation must keep to that as well.) One thread at a time uses a stream; copies are independent.
/// Dropout is a matter of training and plays no part, nor do return_sequences, stateful and the regularizers.
///
/// Differs from Keras: a state of less than 1e-30 (double: 1e-290) becomes 0. See cell/flush.hpp.
template <RealScalar S>
class GruStream {
public:
    using Scalar = S;

    /// Throws: OptionError for go_backwards, or kernels that this processor does not run; ShapeError for rows below 1.
    template <bool ResetAfter>
    explicit GruStream(const Gru<S, ResetAfter>& layer, const StreamOptions& options = {})
        : GruStream(layer.options(), layer.features(), options) {
        packed_.template pack<ResetAfter>(layer.cell().function(), detail::kernel_lanes<S>(kernels_));
        run_ = detail::stream_kernels<ResetAfter, S>(kernels_);
        if (!ResetAfter || !is_default_pair_) gates_.resize(size(rows_ * detail::gate_stride(units_)));
    }
    explicit GruStream(const AnyGru<S>& layer, const StreamOptions& options = {})
        : GruStream(layer.visit([&](const auto& gru) { return GruStream(gru, options); })) {}

    /// One step of every row: x (rows, features), y (rows, units), one row after the other. Where y is null only the
    /// states go on. x and y are different memory.
    void step(const S* x, S* y) noexcept {
        S* const next = state_memory(1 - current_);
        for (std::size_t i = 0; i < run_count_; ++i) {
            const Run& rows = runs_[i];
            S* const out = y != nullptr ? y + rows.first * units_ : nullptr;
            step_rows(rows, x, next, out);
            if (!is_default_pair_) run_.flush(next + rows.first * units_, out, rows.count * units_);
        }
        if (y != nullptr && active_count_ < rows_) clear_free_rows(y);
        current_ = 1 - current_;
    }

    /// The same, with sizes that are checked: others end the program, since a step cannot throw.
    void step(std::span<const S> x, std::span<S> y) noexcept {
        check_sizes("GruStream::step", x.size(), y.size(), 1);
        step(x.data(), y.data());
    }

    /// `steps` steps: x (steps, rows, features), y (steps, rows, units) or null.
    void process(const S* x, S* y, Index steps) noexcept {
        for (Index t = 0; t < steps; ++t)
            step(x + t * rows_ * features_, y != nullptr ? y + t * rows_ * units_ : nullptr);
    }

    /// The same, with sizes that are checked: x says how many steps there are.
    void process(std::span<const S> x, std::span<S> y) noexcept {
        const Index steps = static_cast<Index>(x.size()) / (rows_ * features_);
        check_sizes("GruStream::process", x.size(), y.size(), steps);
        process(x.data(), y.data(), steps);
    }

    /// A row for a new stream, with a state of zeros: the first free one, or nothing.
    [[nodiscard]] std::optional<Index> join() noexcept {
        for (Index row = 0; row < rows_; ++row) {
            if (is_active(row)) continue;
            is_active_[size(row)] = true;
            find_runs();
            return row;
        }
        return std::nullopt;
    }

    /// Frees the row of a stream that has ended. False where there is none.
    bool leave(Index row) noexcept {
        if (!reset(row)) return false;
        is_active_[size(row)] = false;
        find_runs();
        return true;
    }

    /// Frees all rows.
    void leave_all() noexcept {
        reset();
        std::fill(is_active_.begin(), is_active_.end(), static_cast<unsigned char>(false));
        find_runs();
    }

    [[nodiscard]] bool is_active(Index row) const noexcept {
        return row >= 0 && row < rows_ && is_active_[size(row)] != 0;
    }
    [[nodiscard]] Index active_count() const noexcept { return active_count_; }

    /// Zeros for the state of one row. False where there is no stream.
    bool reset(Index row) noexcept {
        if (!is_active(row)) return false;
        for (const Index half : {0, 1}) std::fill_n(state_memory(half) + row * units_, units_, S(0));
        return true;
    }

    /// Zeros for all rows.
    void reset() noexcept { std::fill(states_.begin(), states_.end(), S(0)); }

    /// The states after the last step, (rows, units); to be read before the next.
    [[nodiscard]] MatrixMap<const S> state() const& EIGENGRU_LIFETIMEBOUND {
        return detail::block(states_.data() + current_ * rows_ * units_, rows_, units_);
    }

    /// Sets the states of all rows that are taken; values too small for a state become 0. Throws: ShapeError.
    void set_state(MatrixView<const S> values) {
        detail::check_shape("GruStream::set_state", "state", values, rows_, units_);
        for (Index row = 0; row < rows_; ++row) static_cast<void>(set_row(row, values.row(row)));
    }

    /// Sets the state of one row. False, and nothing happens, where there is no stream or the size is not units().
    bool set_state(Index row, std::span<const S> values) noexcept {
        return static_cast<Index>(values.size()) == units_ && set_row(row, values.data());
    }

    [[nodiscard]] Index rows() const noexcept { return rows_; }
    [[nodiscard]] Index features() const noexcept { return features_; }
    [[nodiscard]] Index units() const noexcept { return units_; }

    /// Those chosen when it was built, never `automatic` or `eigen`.
    [[nodiscard]] Kernels kernels() const noexcept { return kernels_; }

private:
    /// Neighbouring rows that are taken.
    struct Run {
        Index first = 0, count = 0;
    };

    GruStream(const GruOptions& layer, Index features, const StreamOptions& options)
        : features_(features),
          units_(layer.units),
          rows_(checked_rows(options.rows, layer)),
          kernels_(detail::packed_kernels<S>("GruStream", options.kernels, units_)),
          activation_(layer.activation),
          recurrent_activation_(layer.recurrent_activation),
          is_default_pair_(detail::is_default_pair(activation_, recurrent_activation_)),
          states_(size(2 * rows_ * units_)),
          is_active_(size(rows_), static_cast<unsigned char>(true)),
          runs_(size((rows_ + 1) / 2)) {
        find_runs();
    }

    static Index checked_rows(Index rows, const GruOptions& layer) {
        if (layer.go_backwards)
            EIGENGRU_THROW(OptionError, "GruStream: expected go_backwards = false, received true: a stream has no end");
        if (rows < 1) EIGENGRU_THROW(ShapeError, "GruStream: rows expected at least 1, received ", rows);
        static_cast<void>(detail::checked_size("GruStream", {rows, detail::gate_stride(layer.units)}));
        return rows;
    }

    static std::size_t size(Index count) { return static_cast<std::size_t>(count); }

    [[nodiscard]] S* state_memory(Index half) noexcept { return states_.data() + half * rows_ * units_; }

    /// The activations; the weights are packed.
    [[nodiscard]] detail::StepFunction<S> function() const noexcept {
        const MatrixMap<const S> none(nullptr, 0, 0, Eigen::OuterStride<>(0));
        return {none, none, none, activation_, recurrent_activation_};
    }

    /// The kernels write the outputs too, and make small states 0, where the activations are theirs.
    void step_rows(const Run& rows, const S* x, S* next, S* out) noexcept {
        detail::StepCall<S> call = detail::step_call(packed_, features_, rows.count);
        call.finish = is_default_pair_ ? detail::Finish::state : detail::Finish::sums;
        call.input.rows = x + rows.first * features_;
        call.input.stride = features_;
        call.goes_back = goes_back_;
        call.h = state_memory(current_) + rows.first * units_;
        call.next = next + rows.first * units_;
        call.out = out;
        call.out_stride = units_;
        call.flushes = true;
        call.gates = gates_.empty() ? nullptr : gates_.data();
        call.gate_stride = detail::gate_stride(units_);
        const detail::Gates<S> gates{gates_.data(), rows.count, units_, call.gate_stride};
        run_.step(function(), kernels_, call, gates, gates);
        call.turn();
        goes_back_ = call.goes_back;
    }

    void clear_free_rows(S* y) const noexcept {
        for (Index row = 0; row < rows_; ++row)
            if (!is_active(row)) std::fill_n(y + row * units_, units_, S(0));
    }

    bool set_row(Index row, const S* values) noexcept {
        if (!is_active(row)) return false;
        std::transform(values, values + units_, state_memory(current_) + row * units_,
                       [](S x) { return detail::flushed(x); });
        return true;
    }

    void find_runs() noexcept {
        run_count_ = 0;
        active_count_ = 0;
        for (Index row = 0; row < rows_; ++row) {
            if (!is_active(row)) continue;
            if (!is_active(row - 1)) runs_[run_count_++] = {row, 0};
            ++runs_[run_count_ - 1].count;
            ++active_count_;
        }
    }

    void check_sizes(std::string_view where, std::size_t x, std::size_t y, Index steps) const {
        if (x != size(steps * rows_ * features_))
            EIGENGRU_THROW(ShapeError, where, ": x expected ", steps * rows_ * features_, " elements, received ", x);
        if (y != size(steps * rows_ * units_))
            EIGENGRU_THROW(ShapeError, where, ": y expected ", steps * rows_ * units_, " elements, received ", y);
    }

    Index features_, units_, rows_;
    Kernels kernels_;
    detail::StreamKernels<S> run_;
    Activation activation_, recurrent_activation_;
    bool is_default_pair_;  // whether they are tanh and sigmoid, which the kernels compute
    detail::PackedWeights<S> packed_;
    detail::AlignedVector<S> states_;       // (rows, units) before a step and after it, in turns
    detail::AlignedVector<S> gates_;        // none for ResetAfter with the default activations
    std::vector<unsigned char> is_active_;  // for each row
    std::vector<Run> runs_;                 // the first run_count_
    std::size_t run_count_ = 0;
    Index active_count_ = 0;
    Index current_ = 0;       // which of the two halves of states_
    bool goes_back_ = false;  // which way the next step goes through the weights
};

}  // namespace eigengru::inline EIGENGRU_ABI
