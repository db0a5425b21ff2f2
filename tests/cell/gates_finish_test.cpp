// SPDX-License-Identifier: MIT
// How a step ends, by every instruction set, at sums for which the equations are plain. At random ones:
// gates_kernel_test.cpp.
#include "eigengru/cell/gate_kernels.hpp"

#include "support/kernel_steps.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eigengru_test::gates_finish_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;

/// A step whose weights are zero: the sums are the biases.
template <class M>
class BiasStep {
public:
    using S = typename M::Scalar;
    static constexpr Index kRows = 3, kUnits = 19;
    static constexpr S kMark = S(-12345);

    /// The bias of a gate z, r or h, in the first row of Keras's biases or the second.
    void set_bias(Index row, Index gate, S value) {
        parameters_.bias().middleCols(gate * kUnits, kUnits).row(row).setConstant(value);
    }

    template <TileGates Gates>
    void run(Kernels kernels, Finish finish = Finish::state) {
        const auto& p = parameters_;
        packed_.template pack<M::kResetAfter>({p.kernel(), p.recurrent_kernel(), p.bias(), tanh_, sigmoid_},
                                              kernel_lanes<S>(kernels));
        StepCall<S> call;
        call.rows = kRows;
        call.units = kUnits;
        call.finish = finish;
        call.input = {x.data(), 1, 1, packed_.kernel()};
        call.recurrent = {h.data(), kUnits, kUnits, packed_.recurrent_kernel()};
        call.bias = packed_.bias();
        call.h = h.data();
        call.next = next.data();
        call.gates = gates.data();
        call.gate_stride = gates.cols();
        if (Gates == TileGates::c)
            call.recurrent = {gates.data() + kSlotM * kUnits, gates.cols(), kUnits, packed_.recurrent_kernel()};
        step_kernel<Gates, S>(kernels)(call);
    }
    void run_all(Kernels kernels) {
        if constexpr (M::kResetAfter) {
            run<TileGates::all>(kernels);
        } else {
            run<TileGates::zr>(kernels);
            run<TileGates::c>(kernels);
        }
    }

    [[nodiscard]] auto gate(Index slot) const { return gates.middleCols(slot * kUnits, kUnits).array(); }

    RowMatrix<S> x = RowMatrix<S>::Zero(kRows, 1), h = RowMatrix<S>::Random(kRows, kUnits);
    RowMatrix<S> next = RowMatrix<S>::Constant(kRows, kUnits, kMark);
    RowMatrix<S> gates = RowMatrix<S>::Constant(kRows, kSlots* kUnits, kMark);

private:
    GruParameters<S, M::kResetAfter> parameters_{1, kUnits, true};
    PackedWeights<S> packed_;
    Activation tanh_ = "tanh", sigmoid_ = "sigmoid";
};

template <class M>
class GatesFinish : public testing::Test {
protected:
    using Scalar = typename M::Scalar;
    static constexpr Scalar kFar = Scalar(1000);  // where a sigmoid is 0 or 1
    static constexpr Scalar kTolerance = 4 * std::numeric_limits<Scalar>::epsilon();
};
TYPED_TEST_SUITE(GatesFinish, Modes, );

TYPED_TEST(GatesFinish, UpdateGateOfOneKeepsTheStateAndOfZeroTakesTheCandidate) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : packed_kernels()) {
        BiasStep<TypeParam> kept, taken;
        kept.set_bias(0, 0, this->kFar);
        kept.run_all(kernels);
        EXPECT_EQ(kept.next, kept.h) << name_of(kernels);
        taken.set_bias(0, 0, -this->kFar);
        taken.set_bias(0, 2, S(0.5));
        taken.run_all(kernels);
        EXPECT_TRUE(((taken.next.array() - std::tanh(S(0.5))).abs() <= this->kTolerance).all()) << name_of(kernels);
    }
}

TYPED_TEST(GatesFinish, ResetGateOfZeroForgetsTheStateAndOfOneDoesNot) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : packed_kernels())
        for (const bool resets : {true, false}) {
            BiasStep<TypeParam> step;
            step.set_bias(0, 1, resets ? -this->kFar : this->kFar);
            if (TypeParam::kResetAfter) step.set_bias(1, 2, S(0.25));
            step.run_all(kernels);
            const S m = TypeParam::kResetAfter && !resets ? std::tanh(S(0.25)) : S(0);
            EXPECT_TRUE(((step.gate(kSlotC) - m).abs() <= this->kTolerance).all()) << name_of(kernels) << resets;
            EXPECT_TRUE((step.gate(kSlotR) == (resets ? S(0) : S(1))).all()) << name_of(kernels) << resets;
            EXPECT_TRUE((step.gate(kSlotZ) == S(0.5)).all()) << name_of(kernels) << resets;
            if (!TypeParam::kResetAfter) {
                EXPECT_TRUE((step.gate(kSlotM) == (resets ? S(0) : S(1)) * step.h.array()).all()) << name_of(kernels);
            }
        }
}

TYPED_TEST(GatesFinish, NotANumberInAStateReachesNoOtherRow) {
    using S = typename TypeParam::Scalar;
    for (const Kernels kernels : packed_kernels()) {
        BiasStep<TypeParam> step;
        step.h(1, 18) = std::numeric_limits<S>::quiet_NaN();
        step.run_all(kernels);
        EXPECT_TRUE(step.next.row(1).array().isNaN().all()) << name_of(kernels);
        EXPECT_FALSE(step.next.row(0).hasNaN() || step.next.row(2).hasNaN()) << name_of(kernels);
    }
}

TYPED_TEST(GatesFinish, SumsGoToTheSlotsOfTheirGatesAlone) {
    using S = typename TypeParam::Scalar;
    using Step = BiasStep<TypeParam>;
    const auto expect_slots = [](const Step& step, const std::array<S, 4>& expected, Kernels kernels) {
        for (const Index slot : {kSlotZ, kSlotR, kSlotM, kSlotC})
            EXPECT_TRUE((step.gate(slot) == expected[std::size_t(slot)]).all()) << name_of(kernels) << ' ' << slot;
        EXPECT_TRUE((step.next.array() == Step::kMark).all()) << name_of(kernels);
    };
    for (const Kernels kernels : packed_kernels()) {
        Step step;
        for (const Index gate : {0, 1, 2}) step.set_bias(0, gate, S(gate + 1));
        if constexpr (TypeParam::kResetAfter) {
            for (const Index gate : {0, 1, 2}) step.set_bias(1, gate, S(8 * (gate + 1)));
            step.template run<TileGates::all>(kernels, Finish::sums);
            expect_slots(step, {9, 18, 24, 3}, kernels);
        } else {
            step.template run<TileGates::zr>(kernels, Finish::sums);
            expect_slots(step, {1, 2, Step::kMark, Step::kMark}, kernels);
            step.template run<TileGates::c>(kernels, Finish::sums);
            expect_slots(step, {1, 2, Step::kMark, 3}, kernels);
        }
    }
}

TEST(SlotsOfATile, AreThoseOfItsGates) {
    using eigengru::detail::portable::has_slot;
    const auto slots = [](const auto& has) {
        std::string names;
        for (const auto& [slot, name] : {std::pair(kSlotZ, 'z'), {kSlotR, 'r'}, {kSlotM, 'm'}, {kSlotC, 'c'}})
            if (has(slot)) names += name;
        return names;
    };
    EXPECT_EQ(slots([](Index slot) { return has_slot<TileGates::all>(slot); }), "zrmc");
    EXPECT_EQ(slots([](Index slot) { return has_slot<TileGates::zr>(slot); }), "zr");
    EXPECT_EQ(slots([](Index slot) { return has_slot<TileGates::c>(slot); }), "c");
}

}  // namespace
}  // namespace eigengru_test::gates_finish_test
