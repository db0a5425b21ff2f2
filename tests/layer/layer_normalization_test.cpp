// SPDX-License-Identifier: MIT
#include "eigengru/layer/layer_normalization.hpp"

#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// The numbers of every combination, with gradients, are compared with Keras's in layers_golden_test.cpp; what both
// normalisations share is tested in normalization_test.cpp.

template <class S>
class LayerNormalizationOf : public testing::Test {};
TYPED_TEST_SUITE(LayerNormalizationOf, Scalars, );

TYPED_TEST(LayerNormalizationOf, RowsHaveMeanZeroAndVarianceOne) {
    using S = TypeParam;
    const LayerNormalization<S> norm(16, {.epsilon = 0});
    const Sequence<S> y = norm(random_sequence<S>({2, 3, 16}));
    for (Index i = 0; i < 6; ++i) {
        EXPECT_NEAR(y.matrix().row(i).mean(), S(0), S(1e-6));
        EXPECT_NEAR(y.matrix().row(i).squaredNorm() / 16, S(1), S(1e-5));
    }
}

TEST(LayerNormalization, HasTheWeightsThatItsOptionsSay) {
    EXPECT_EQ(LayerNormalization<float>(5).count_params(), 10);
    const LayerNormalization<float> gamma_alone(5, {.center = false}), beta_alone(5, {.scale = false});
    EXPECT_EQ(gamma_alone.parameters().entry(0).name, "gamma");
    EXPECT_EQ(beta_alone.parameters().entry(0).name, "beta");
    EXPECT_EQ(LayerNormalization<float>(5, {.center = false, .scale = false}).count_params(), 0);
    EXPECT_EQ(LayerNormalization<float>(5, {.rms_scaling = true}).count_params(), 5);
}

}  // namespace
}  // namespace eigengru_test
