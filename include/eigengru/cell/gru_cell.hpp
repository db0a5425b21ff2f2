// SPDX-License-Identifier: MIT
// GruCell: the weights of a GRU and one time step with them, for callers who keep their own loop.
#pragma once

#include "eigengru/cell/gru_step.hpp"
#include "eigengru/core/random.hpp"
#include "eigengru/model/options.hpp"
#include "eigengru/model/output.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The weights of a GRU with its two activations, and the function h' = step(x, h). Knows nothing of time or masks.
///
///     GruCell<float> cell(8, {.units = 16});
///     std::vector<float> scratch(cell.scratch_size(batch));
///     cell.step(x, h, h_next, scratch);      // (batch, 8), (batch, 16), (batch, 16); h_next may be h
///
/// What concerns whole sequences among the options is validated and kept, but not used.
/// Invariant: the parameters have the sizes of features() and units().
template <RealScalar S, bool ResetAfter>
class GruCell {
public:
    using Scalar = S;
    using Parameters = GruParameters<S, ResetAfter>;

    /// Throws: ShapeError, OptionError.
    GruCell(Index features, GruOptions options)
        : options_(validated(std::move(options), features)),
          parameters_(features, options_.units, options_.use_bias) {
        initialize();
    }

    [[nodiscard]] Index features() const { return parameters_.features(); }
    [[nodiscard]] Index units() const { return parameters_.units(); }
    [[nodiscard]] const GruOptions& options() const { return options_; }
    [[nodiscard]] Index count_params() const { return parameters_.size(); }

    [[nodiscard]] const Parameters& parameters() const& EIGENGRU_LIFETIMEBOUND { return parameters_; }
    const Parameters& parameters() const&& = delete;

    /// Calls `update(p)` with the weights writable: `[](auto& p) { p.bias().setZero(); }`.
    template <class Update>
    void update_parameters(Update&& update) {
        static_assert(std::is_invocable_v<Update, ParameterUpdate<S, ResetAfter>&>,
                      "eigengru: update_parameters calls your function with a reference; write [](auto& p) { ... }");
        ParameterUpdate<S, ResetAfter> writable(parameters_);
        std::forward<Update>(update)(writable);
    }

    /// Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) { parameters_.set_weights(weights); }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        parameters_.set_weights(std::vector<MatrixView<const S>>(weights.begin(), weights.end()));
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const { return parameters_.get_weights(); }

    /// The losses of the three weight regularizers for the present weights; activity is the layer's.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses;
        losses.kernel = options_.kernel_regularizer.loss(parameters_.kernel(), WeightRank::matrix);
        losses.recurrent_kernel = options_.recurrent_regularizer.loss(parameters_.recurrent_kernel(), WeightRank::matrix);
        if (options_.use_bias) losses.bias = options_.bias_regularizer.loss(parameters_.bias(), kBiasRank);
        return losses;
    }

    /// Applies the three constraints to the weights, as an optimiser does after its step.
    void apply_constraints() {
        options_.kernel_constraint.apply(parameters_.kernel(), WeightRank::matrix);
        options_.recurrent_constraint.apply(parameters_.recurrent_kernel(), WeightRank::matrix);
        if (options_.use_bias) options_.bias_constraint.apply(parameters_.bias(), kBiasRank);
    }

    /// The scalars of scratch that a step for a batch needs.
    [[nodiscard]] std::size_t scratch_size(Index batch) const {
        return static_cast<std::size_t>(
            detail::checked_size("GruCell::scratch_size", {batch, detail::gate_stride(units()) + units()}));
    }

    /// next_state = GRU(inputs, state) for (batch, features), (batch, units), (batch, units). next_state may be the same
    /// memory as state. Allocates nothing. Throws: ShapeError, and nothing has been written.
    void step(MatrixView<const S> inputs, MatrixView<const S> state, MatrixView<S> next_state,
              std::span<S> scratch) const {
        const Index batch = inputs.rows();
        check("inputs", inputs, batch, features());
        check("state", state, batch, units());
        check("next_state", next_state, batch, units());
        if (scratch.size() < scratch_size(batch))
            EIGENGRU_THROW(ShapeError, "GruCell::step: scratch expected at least ", scratch_size(batch),
                           " elements, received ", scratch.size());
        if (batch == 0) return;
        const detail::StepFunction<S> f = function();
        const detail::Gates<S> gates{scratch.data(), batch, units()};
        detail::set_gates_to_biases<ResetAfter>(f, gates);
        detail::add_input_products(f, inputs.map(), gates);
        S* h = gates.row(batch);  // a copy without gaps, stepped in place
        detail::block(h, batch, units()) = state.map();
        detail::gru_step<ResetAfter, S>(f, gates, h, {}, h);
        next_state.map() = detail::block<const S>(h, batch, units());
    }

    /// The weights and activations as the kernels take them: views of this cell.
    [[nodiscard]] detail::StepFunction<S> function() const EIGENGRU_LIFETIMEBOUND {
        return {parameters_.kernel(), parameters_.recurrent_kernel(), parameters_.bias(), options_.activation,
                options_.recurrent_activation};
    }

private:
    static constexpr WeightRank kBiasRank = ResetAfter ? WeightRank::matrix : WeightRank::vector;

    static GruOptions validated(GruOptions options, Index features) {
        detail::validate(options, features, ResetAfter);
        return options;
    }

    /// An initializer with a seed of its own uses it; the others share the layer's, each in a place of its own.
    void initialize() {
        const std::uint64_t seed = options_.seed ? *options_.seed : random_seed();
        options_.kernel_initializer.fill(parameters_.kernel(), WeightRank::matrix, seed);
        options_.recurrent_initializer.fill(parameters_.recurrent_kernel(), WeightRank::matrix, seed + 1);
        if (options_.use_bias)
            options_.bias_initializer.fill(parameters_.bias(), kBiasRank, seed + 2);
    }

    static void check(std::string_view what, const MatrixView<const S>& given, Index rows, Index cols) {
        if (given.rows() != rows || given.cols() != cols)
            EIGENGRU_THROW(ShapeError, "GruCell::step: ", what, " expected shape ", detail::shape_text(rows, cols),
                           ", received ", detail::shape_text(given.rows(), given.cols()));
    }

    GruOptions options_;
    Parameters parameters_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
