// SPDX-License-Identifier: MIT
#include "eigengru/sequence/sequence_call.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::Recording;
using eigengru::detail::SequenceCall;

template <class S>
class SequenceCallOf : public testing::Test {};
TYPED_TEST_SUITE(SequenceCallOf, Scalars, );

TYPED_TEST(SequenceCallOf, RecordsNothingAtFirst) {
    const Recording<TypeParam> recording;
    EXPECT_EQ(recording.states, nullptr);
    EXPECT_EQ(recording.gates, nullptr);
    EXPECT_EQ(recording.every, 1);
}

TYPED_TEST(SequenceCallOf, IsAPlainCallByEigenAtFirst) {
    const Shape3 shape{2, 3, 4};
    const std::vector<TypeParam> memory(24);
    const SequenceView<const TypeParam> inputs(memory, shape);
    const SequencePlan plan(shape, false, {}, {});
    const OutputView<TypeParam> output;
    const SequenceCall<TypeParam> call{.plan = plan, .inputs = inputs, .output = output};
    EXPECT_EQ(call.kernels, Kernels::eigen);
    EXPECT_EQ(call.packed, nullptr);
    EXPECT_EQ(call.dropout, nullptr);
    EXPECT_EQ(call.final_state, nullptr);
    EXPECT_FALSE(call.is_recorded);
    EXPECT_FALSE(call.zero_output_for_mask);
    EXPECT_FALSE(call.initial_state.is_present());
}

TYPED_TEST(SequenceCallOf, RefersToWhatTheCallerHolds) {
    const std::vector<TypeParam> memory(24);
    const SequenceView<const TypeParam> inputs(memory, {2, 3, 4});
    const SequencePlan plan(inputs.shape(), true, {}, {});
    const OutputView<TypeParam> output;
    const SequenceCall<TypeParam> call{.plan = plan, .inputs = inputs, .output = output};
    EXPECT_EQ(&call.plan, &plan);
    EXPECT_EQ(&call.inputs, &inputs);
    EXPECT_EQ(&call.output, &output);
}

TEST(UnitShare, OfOneThreadIsAllAndWaitsForNobody) {
    const eigengru::detail::UnitShare alone;
    EXPECT_TRUE(alone.is_first());
    EXPECT_EQ(alone.share.of(5), (eigengru::detail::Range{0, 5}));
    alone.wait_for_others();
}

}  // namespace
}  // namespace eigengru_test
