// SPDX-License-Identifier: MIT
#include "eigengru/layer/layer_data.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class LayerDataOf : public testing::Test {};
TYPED_TEST_SUITE(LayerDataOf, eigengru_test::Scalars, );

TYPED_TEST(LayerDataOf, IsASequenceWithoutAMaskByDefault) {
    const LayerData<TypeParam> data;
    EXPECT_TRUE(data.is_sequence);
    EXPECT_FALSE(data.mask_view().is_present());
    EXPECT_EQ(data.values.size(), 0);
}

TYPED_TEST(LayerDataOf, ShowsItsMask) {
    LayerData<TypeParam> data{.values = Sequence<TypeParam>({2, 3, 1}), .mask = Mask::Constant(2, 3, true)};
    data.mask(1, 2) = false;
    ASSERT_TRUE(data.mask_view().is_present());
    EXPECT_EQ(data.mask_view().batch(), 2);
    EXPECT_EQ(data.mask_view().time(), 3);
    EXPECT_TRUE(data.mask_view()(1, 1));
    EXPECT_FALSE(data.mask_view()(1, 2));
}

}  // namespace
