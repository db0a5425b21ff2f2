// SPDX-License-Identifier: MIT
#include "eigengru/model/gradients.hpp"

#include "support/allocation_counter.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class GradientsOf : public testing::Test {};
TYPED_TEST_SUITE(GradientsOf, Scalars, );

TYPED_TEST(GradientsOf, OfTheOutputsAreAbsentAtFirst) {
    const OutputGradients<TypeParam> d;
    EXPECT_FALSE(d.sequences.is_present());
    EXPECT_FALSE(d.last.is_present());
    EXPECT_FALSE(d.state.is_present());
}

TYPED_TEST(GradientsOf, HaveTheShapesOfWhatWentIn) {
    const GruWeights<TypeParam> weights(3, 4, 2);
    Gradients<TypeParam> gradients;
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    EXPECT_EQ(gradients.parameters.size(), weights.size());
    EXPECT_EQ(gradients.parameters.kernel().rows(), 3);
    EXPECT_EQ(gradients.parameters.recurrent_kernel().rows(), 4);
    EXPECT_EQ(gradients.parameters.bias().rows(), 2);
    EXPECT_EQ(gradients.inputs.shape(), Shape3(2, 5, 3));
    EXPECT_EQ(gradients.initial_state.rows(), 2);
    EXPECT_EQ(gradients.initial_state.cols(), 4);
}

TYPED_TEST(GradientsOf, StartFromZerosForTheParameters) {
    const GruWeights<TypeParam> weights(3, 4, 1);
    Gradients<TypeParam> gradients;
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    gradients.parameters.flat().setConstant(TypeParam(7));
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    EXPECT_EQ(gradients.parameters.flat().cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(GradientsOf, ResizeToTheSameSizesAllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    const GruWeights<TypeParam> weights(3, 4, 0);
    Gradients<TypeParam> gradients;
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    const AllocationCount counter;
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    EXPECT_EQ(counter.count(), 0U);
}

TYPED_TEST(GradientsOf, ResizeToAnotherBatchGivesItsShapes) {
    const GruWeights<TypeParam> weights(3, 4, 0);
    Gradients<TypeParam> gradients;
    eigengru::detail::resize(gradients, {2, 5, 3}, weights);
    eigengru::detail::resize(gradients, {7, 1, 3}, weights);
    EXPECT_EQ(gradients.inputs.shape(), Shape3(7, 1, 3));
    EXPECT_EQ(gradients.initial_state.rows(), 7);
    EXPECT_EQ(gradients.parameters.bias().rows(), 0);
}

}  // namespace
}  // namespace eigengru_test
