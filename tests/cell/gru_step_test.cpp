// SPDX-License-Identifier: MIT
#include "eigengru/cell/gru_step.hpp"

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
        options_ = {.batch = static_cast<std::size_t>(batch), .time = 1, .features = kFeatures,
                    .units = static_cast<std::size_t>(units), .activation = {activation, {}},
                    .recurrent_activation = {recurrent, {}}, .use_bias = use_bias, .reset_after = ResetAfter};
    }

    void drop_state() {
        masks_.assign(3, RowMatrix<S>());
        for (RowMatrix<S>& mask : masks_)
            mask = (RowMatrix<S>::Random(batch_, units_).array() > 0).template cast<S>() * S(1.5);
    }

    /// Into memory of its own, or in place.
    [[nodiscard]] RowMatrix<S> by_library(bool in_place = false) const {
        const StepFunction<S> f{parameters_.kernel(), parameters_.recurrent_kernel(), parameters_.bias(), activation_,
                                recurrent_};
        std::vector<S> memory(static_cast<std::size_t>(batch_ * gate_stride(units_)),
                              std::numeric_limits<S>::quiet_NaN());
        const Gates<S> gates{memory.data(), batch_, units_, gate_stride(units_)};
        eigengru::detail::set_gates_to_biases<ResetAfter>(f, gates);
        const MatrixMap<const S> x(inputs_.data(), batch_, kFeatures, Eigen::OuterStride<>(kFeatures));
        eigengru::detail::add_input_products(f, x, gates);
        RowMatrix<S> scratch(batch_, units_), h = state_, next(batch_, units_);
        StateMasks<S> masks;
        for (std::size_t g = 0; g < masks_.size(); ++g) masks.gates[g] = masks_[g].data();
        masks.masked_state = scratch.data();
        eigengru::detail::gru_step<ResetAfter, S>(f, gates, gates, h.data(), masks, in_place ? h.data() : next.data());
        return in_place ? h : next;
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

}  // namespace
}  // namespace eigengru_test
