// SPDX-License-Identifier: MIT
#include "eigengru/cell/gru_step.hpp"

#include "support/larger.hpp"
#include "support/modes.hpp"
#include "support/reference_gru.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::gate_stride;
using eigengru::detail::Gates;
using eigengru::detail::StateMasks;
using eigengru::detail::StepFunction;

template <class S>
std::vector<S> values_of(const RowMatrix<S>& m) {
    return {m.data(), m.data() + m.size()};
}

/// One step with random weights, by the library and by the scalar loops.
template <class S, bool ResetAfter>
class OneStep {
public:
    OneStep(Index batch, Index units, std::string activation = "tanh", std::string recurrent = "sigmoid",
            bool use_bias = true)
        : parameters_(kFeatures, units, use_bias),
          activation_(activation),
          recurrent_(recurrent),
          batch_(batch),
          units_(units),
          inputs_(RowMatrix<S>::Random(batch, kFeatures)),
          state_(RowMatrix<S>::Random(batch, units)) {
        parameters_.flat().setRandom();
        options_ = {.batch = static_cast<std::size_t>(batch),
                    .time = 1,
                    .features = kFeatures,
                    .units = static_cast<std::size_t>(units),
                    .activation = {activation, {}},
                    .recurrent_activation = {recurrent, {}},
                    .use_bias = use_bias,
                    .reset_after = ResetAfter};
    }

    /// The gradients of the gates and of the state that the step back gives for random dh', against the differences of
    /// the sum of h' . dh' when what the gates start from or the state moves. The largest difference.
    [[nodiscard]] double difference_to_slopes() const {
        const RowMatrix<S> d_next = RowMatrix<S>::Random(batch_, units_);
        RowMatrix<S> d_state(batch_, units_);
        const RowMatrix<S> d_gates = step_back(d_next, d_state);
        const auto loss = [&](const RowMatrix<S>& shift, const RowMatrix<S>& state) {
            RowMatrix<S> memory(batch_, 4 * units_);
            return step_from(state, shift, memory, memory).cwiseProduct(d_next).sum();
        };
        const RowMatrix<S> no_shift = RowMatrix<S>::Zero(batch_, 4 * units_);
        const S h = std::cbrt(std::numeric_limits<S>::epsilon());
        double worst = 0.0;
        const auto compare = [&](const RowMatrix<S>& gradient, const auto& loss_at) {
            for (Index i = 0; i < gradient.size(); ++i) {
                RowMatrix<S> move = RowMatrix<S>::Zero(gradient.rows(), gradient.cols());
                move.data()[i] = h;
                const S slope = (loss_at(move) - loss_at(-move)) / (2 * h);
                worst = larger(worst, static_cast<double>(std::abs(gradient.data()[i] - slope)));
            }
        };
        compare(d_gates, [&](const RowMatrix<S>& move) { return loss(move, state_); });
        compare(d_state, [&](const RowMatrix<S>& move) { return loss(no_shift, state_ + move); });
        return worst;
    }

    void drop_state() {
        masks_.assign(3, RowMatrix<S>());
        for (RowMatrix<S>& mask : masks_)
            mask = (RowMatrix<S>::Random(batch_, units_).array() > 0).template cast<S>() * S(1.5);
    }

    /// Into memory of its own, or in place.
    [[nodiscard]] RowMatrix<S> by_library(bool in_place = false) const {
        const StepFunction<S> f = function();
        std::vector<S> memory(static_cast<std::size_t>(batch_ * gate_stride(units_)),
                              std::numeric_limits<S>::quiet_NaN());
        const Gates<S> gates{memory.data(), batch_, units_, gate_stride(units_)};
        eigengru::detail::set_gates_to_biases<ResetAfter>(f, gates);
        const MatrixMap<const S> x(inputs_.data(), batch_, kFeatures, Eigen::OuterStride<>(kFeatures));
        eigengru::detail::add_input_products(f, x, gates);
        RowMatrix<S> scratch(batch_, units_), h = state_, next(batch_, units_);
        eigengru::detail::gru_step<ResetAfter, S>(f, gates, gates, h.data(), state_masks(scratch),
                                                  in_place ? h.data() : next.data());
        return in_place ? h : next;
    }

    /// A step whose gates start from biases, inputs and `shift`, recorded as a tape does.
    [[nodiscard]] RowMatrix<S> step_from(const RowMatrix<S>& state, const RowMatrix<S>& shift,
                                         RowMatrix<S>& gate_memory, RowMatrix<S>& value_memory) const {
        const StepFunction<S> f = function();
        const Gates<S> gates = gates_in(gate_memory), values = gates_in(value_memory);
        eigengru::detail::set_gates_to_biases<ResetAfter>(f, gates);
        eigengru::detail::add_input_products<S>(f, eigengru::detail::block(inputs_.data(), batch_, kFeatures), gates);
        gate_memory += shift;
        RowMatrix<S> scratch(batch_, units_), next(batch_, units_);
        eigengru::detail::gru_step<ResetAfter, S>(f, gates, values, state.data(), state_masks(scratch), next.data());
        return next;
    }

    /// The gradients of z, r, m and c; reset before that of m is left out, since the step overwrites it.
    [[nodiscard]] RowMatrix<S> step_back(const RowMatrix<S>& d_next, RowMatrix<S>& d_state) const {
        const StepFunction<S> f = function();
        RowMatrix<S> gates(batch_, 4 * units_), values = gates, memory = gates, d_gates = gates;
        RowMatrix<S> scratch(batch_, units_);
        (void)step_from(state_, RowMatrix<S>::Zero(batch_, 4 * units_), gates, f.needs_inputs() ? values : gates);
        const RowMatrix<S> kernel_t = parameters_.recurrent_kernel().transpose();
        const Gates<const S> recorded = gates_in(gates).as_const();
        eigengru::detail::gru_step_backward<ResetAfter, S>(
            f, {.gates = recorded,
                .values = eigengru::detail::activated_gates(f, recorded, gates_in(memory)),
                .d = gates_in(d_gates),
                .h = state_.data(),
                .d_next = d_next.data(),
                .d_state = d_state.data(),
                .masks = state_masks(scratch),
                .recurrent_kernel_t = eigengru::detail::block(kernel_t.data(), 3 * units_, units_)});
        if (!ResetAfter) d_gates.middleCols(eigengru::detail::kSlotM * units_, units_).setZero();
        return d_gates;
    }

    [[nodiscard]] RowMatrix<S> by_loops() const {
        const ReferenceWeights<S> weights{values_of<S>(parameters_.kernel()),
                                          values_of<S>(parameters_.recurrent_kernel()),
                                          values_of<S>(parameters_.bias())};
        ReferenceCall<S> call{.inputs = values_of(inputs_), .initial_state = values_of(state_)};
        for (const RowMatrix<S>& mask : masks_) call.state_dropout_masks.push_back(values_of(mask));
        const ReferenceOutput<S> y = reference_gru(options_, weights, call);
        return MatrixView<const S>(y.state.data(), batch_, units_).map();
    }

    /// The largest difference in terms of the largest number, in roundings.
    [[nodiscard]] double difference() const {
        const RowMatrix<S> expected = by_loops();
        const S scale = std::max(S(1), expected.cwiseAbs().maxCoeff()) * std::numeric_limits<S>::epsilon();
        return static_cast<double>((by_library() - expected).cwiseAbs().maxCoeff() / scale);
    }

private:
    static constexpr Index kFeatures = 3;

    [[nodiscard]] StepFunction<S> function() const {
        return {parameters_.kernel(), parameters_.recurrent_kernel(), parameters_.bias(), activation_, recurrent_};
    }

    [[nodiscard]] static Gates<S> gates_in(RowMatrix<S>& memory) {
        return {memory.data(), memory.rows(), memory.cols() / 4, memory.cols()};
    }

    [[nodiscard]] StateMasks<S> state_masks(RowMatrix<S>& scratch) const {
        StateMasks<S> masks;
        for (std::size_t g = 0; g < masks_.size(); ++g) masks.gates[g] = masks_[g].data();
        masks.masked_state = scratch.data();
        return masks;
    }

    GruParameters<S, ResetAfter> parameters_;
    Activation activation_, recurrent_;
    Index batch_, units_;
    RowMatrix<S> inputs_, state_;
    std::vector<RowMatrix<S>> masks_;
    ReferenceOptions options_;
};

/// Sums of some dozen terms below 1 in another order, and functions of them that amplify little.
constexpr double kRoundings = 100;

template <class M>
class GruStepOf : public testing::Test {};
TYPED_TEST_SUITE(GruStepOf, Modes, );

TYPED_TEST(GruStepOf, IsThatOfTheScalarLoopsInEverySize) {
    for (const Index batch : {1, 2, 3, 4, 7, 8, 9, 17})
        for (const Index units : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33}) {
            const OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(batch, units);
            EXPECT_LE(step.difference(), kRoundings) << batch << ' ' << units;
        }
}

TYPED_TEST(GruStepOf, IsThatOfTheScalarLoopsWhereRowsAreSpacedOut) {
    const OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(3, 128);
    EXPECT_LE(step.difference(), 10 * kRoundings);
}

TYPED_TEST(GruStepOf, IsThatOfTheScalarLoopsWithoutBias) {
    const OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(3, 5, "tanh", "sigmoid", false);
    EXPECT_LE(step.difference(), kRoundings);
}

TYPED_TEST(GruStepOf, IsThatOfTheScalarLoopsForOtherActivations) {
    for (const char* activation : {"tanh", "relu", "softmax", "linear"})
        for (const char* recurrent : {"sigmoid", "hard_sigmoid", "softmax", "tanh"}) {
            const OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(4, 6, activation, recurrent);
            EXPECT_LE(step.difference(), kRoundings) << activation << ' ' << recurrent;
        }
}

TYPED_TEST(GruStepOf, IsThatOfTheScalarLoopsWithStateMasks) {
    for (const Index batch : {1, 5})
        for (const char* activation : {"tanh", "relu"}) {
            OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(batch, 6, activation);
            step.drop_state();
            EXPECT_LE(step.difference(), kRoundings) << batch << ' ' << activation;
        }
}

TYPED_TEST(GruStepOf, GivesTheSameInPlace) {
    for (const char* activation : {"tanh", "relu"}) {
        const OneStep<typename TypeParam::Scalar, TypeParam::kResetAfter> step(5, 6, activation);
        EXPECT_EQ(step.by_library(true), step.by_library(false)) << activation;
    }
}

// The step back

/// Central differences are good to about a third of the digits twice.
template <class S>
constexpr double kSlopes = std::is_same_v<S, float> ? 3e-3 : 1e-8;

TYPED_TEST(GruStepOf, GradientIsTheSlopeInEverySize) {
    using S = typename TypeParam::Scalar;
    for (const Index batch : {1, 2, 5})
        for (const Index units : {1, 2, 3, 5, 8, 9}) {
            const OneStep<S, TypeParam::kResetAfter> step(batch, units);
            EXPECT_LE(step.difference_to_slopes(), kSlopes<S>) << batch << ' ' << units;
        }
}

TYPED_TEST(GruStepOf, GradientIsTheSlopeForOtherActivations) {
    using S = typename TypeParam::Scalar;
    for (const char* activation : {"tanh", "softplus", "softmax", "linear"})
        for (const char* recurrent : {"sigmoid", "silu", "softmax", "tanh"}) {
            const OneStep<S, TypeParam::kResetAfter> step(3, 4, activation, recurrent);
            EXPECT_LE(step.difference_to_slopes(), kSlopes<S>) << activation << ' ' << recurrent;
        }
}

TYPED_TEST(GruStepOf, GradientIsTheSlopeWithStateMasks) {
    using S = typename TypeParam::Scalar;
    for (const Index batch : {1, 4})
        for (const char* activation : {"tanh", "softplus"}) {
            OneStep<S, TypeParam::kResetAfter> step(batch, 5, activation);
            step.drop_state();
            EXPECT_LE(step.difference_to_slopes(), kSlopes<S>) << batch << ' ' << activation;
        }
}

}  // namespace
}  // namespace eigengru_test
