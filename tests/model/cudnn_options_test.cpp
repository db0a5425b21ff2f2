// SPDX-License-Identifier: MIT
#include "eigengru/model/cudnn_options.hpp"

#include "eigengru/layer/gru.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::cudnn_options_test {
namespace {

using namespace eigengru;

TEST(CudnnOptions, DefaultsComputeWhatKerasComputesInFullPrecision) {
    const CudnnOptions o;
    EXPECT_EQ(o.algorithm, CudnnAlgorithm::automatic);
    EXPECT_FALSE(o.allow_tf32);
    EXPECT_FALSE(o.any_mask);  // beyond Keras
    EXPECT_EQ(CallOptions<float>().cudnn.least_work, o.least_work);
}

TEST(CudnnOptions, HaveNoUseInABuildWithoutCudnn) {
    Gru<float> layer(3, {.units = 4});
    const Sequence<float> x = random_sequence<float>({2, 5, 3});
    const CudnnOptions options{
        .least_work = 0, .algorithm = CudnnAlgorithm::persist_static, .allow_tf32 = true, .any_mask = true};
    const RowMatrix<float> y = layer(x, {.lengths = {5, 0}, .cudnn = options}).last;
    EXPECT_EQ(layer.last_backend(), Backend::eigen);
    EXPECT_EQ(y, layer(x, {.lengths = {5, 0}}).last);
}

}  // namespace
}  // namespace eigengru_test::cudnn_options_test
