// SPDX-License-Identifier: MIT
#include "eigengru/cell/step_call.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::Finish;
using eigengru::detail::PanelProduct;
using eigengru::detail::projected_width;
using eigengru::detail::StepCall;

template <class S>
class StepCallOf : public testing::Test {};
TYPED_TEST_SUITE(StepCallOf, Scalars, );

TYPED_TEST(StepCallOf, AsksForNothingAtFirst) {
    const StepCall<TypeParam> call;
    EXPECT_EQ(call.rows, 0);
    EXPECT_EQ(call.row_chunk, 32);
    EXPECT_EQ(call.finish, Finish::state);
    EXPECT_FALSE(call.fetches_ahead);
    EXPECT_EQ(call.input.depth, 0);
    for (const TypeParam* pointer : {call.bias, call.h, call.input.rows, call.input.panels, call.recurrent.panels})
        EXPECT_EQ(pointer, nullptr);
    for (const TypeParam* pointer : {call.projected, call.next, call.out, call.gates}) EXPECT_EQ(pointer, nullptr);
}

TYPED_TEST(StepCallOf, IsPlainData) {
    static_assert(std::is_trivially_copyable_v<StepCall<TypeParam>>);
    static_assert(std::is_standard_layout_v<StepCall<TypeParam>>);
    static_assert(std::is_trivially_copyable_v<PanelProduct<TypeParam>>);
    SUCCEED();
}

TYPED_TEST(StepCallOf, IsMadeOfPackedWeights) {
    const GruParameters<TypeParam, true> p(3, 20, true);
    const Activation tanh("tanh"), sigmoid("sigmoid");
    eigengru::detail::PackedWeights<TypeParam> packed;
    packed.template pack<true>({p.kernel(), p.recurrent_kernel(), p.bias(), tanh, sigmoid}, 4);
    const StepCall<TypeParam> call = eigengru::detail::step_call(packed, 3, 7);
    EXPECT_EQ(call.rows, 7);
    EXPECT_EQ(call.units, 20);
    EXPECT_EQ(call.input.depth, 3);
    EXPECT_EQ(call.recurrent.depth, 20);
    EXPECT_EQ(call.input.panels, packed.kernel());
    EXPECT_EQ(call.recurrent.panels, packed.recurrent_kernel());
    EXPECT_EQ(call.bias, packed.bias());
    EXPECT_FALSE(call.fetches_ahead);
}

TYPED_TEST(StepCallOf, TurnsWhereWeightsExceedTheCacheAndAnOddNumberOfChunksHasPassed) {
    for (const Index rows : {1, 32, 33, 64, 65}) {
        StepCall<TypeParam> call;
        call.rows = rows;
        call.turn();
        EXPECT_FALSE(call.goes_back) << rows;
        call.fetches_ahead = true;
        call.turn();
        EXPECT_EQ(call.goes_back, rows != 33 && rows != 64) << rows;
        call.turn();
        EXPECT_FALSE(call.goes_back) << rows;
        call.row_chunk = 64;
        call.turn();
        EXPECT_EQ(call.goes_back, rows != 65) << rows;
    }
}

TYPED_TEST(StepCallOf, TakesMoreRowsAtATimeWhereWeightsComeFromFarAway) {
    const Activation tanh("tanh"), sigmoid("sigmoid");
    for (const Index units : {300, 600}) {
        const GruParameters<TypeParam, true> p(1300, units, false);
        eigengru::detail::PackedWeights<TypeParam> packed;
        packed.template pack<true>({p.kernel(), p.recurrent_kernel(), p.bias(), tanh, sigmoid}, 4);
        const bool is_far = units == 600 || sizeof(TypeParam) == 8;  // 300 units: 6 MB, or 12
        EXPECT_EQ(eigengru::detail::step_call(packed, 1300, 64).row_chunk, is_far ? 64 : 32) << units;
    }
}

TEST(ProjectedWidth, IsThreeLinesForEachLineOfUnits) {
    EXPECT_EQ(projected_width<float>(1), 48);
    EXPECT_EQ(projected_width<float>(16), 48);
    EXPECT_EQ(projected_width<float>(17), 96);
    EXPECT_EQ(projected_width<double>(17), 72);
}

}  // namespace
}  // namespace eigengru_test
