// SPDX-License-Identifier: MIT
#include "eigengru/layer/batch_normalization.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

// The numbers of every combination, with gradients, are compared with Keras's in layers_golden_test.cpp; what both
// normalisations share is tested in normalization_test.cpp.

TEST(BatchNormalization, UsesItsStatistics) {
    BatchNormalization<double> norm(1, {.epsilon = 0.25});
    norm.set_weights(
        {RowMatrix<double>{{3}}, RowMatrix<double>{{1}}, RowMatrix<double>{{2}}, RowMatrix<double>{{0.75}}});
    Sequence<double> x({1, 1, 1});
    x(0, 0, 0) = 4;
    EXPECT_EQ(norm(x)(0, 0, 0), 7.0);  // 3 (4 - 2) / 1 + 1
}

TEST(BatchNormalization, StatisticsAreWeightsThatAreNotTrained) {
    BatchNormalization<float> norm(2, {.center = false, .name = "norm"});
    EXPECT_EQ(norm.count_params(), 6);
    std::string names;
    norm.update_variables([&](const Variable<float>& v) {
        names.append(v.layer).append("/").append(v.name).append(v.is_trainable ? " " : "- ");
    });
    EXPECT_EQ(names, "norm/gamma norm/moving_mean- norm/moving_variance- ");
}

}  // namespace
}  // namespace eigengru_test
