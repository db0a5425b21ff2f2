// SPDX-License-Identifier: MIT
// Plans, through the fake. The choice between algorithms: plan_cache_test.cpp.
#include "eigengru/cuda/plan.hpp"

#include "cuda/plans.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace eigengru_test::plan_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::message_of;

TEST_F(Plan, IsAnotherForEveryFieldOfTheKey) {
    std::vector<PlanKey> keys(10, kPlanKey);
    keys[1].batch = 3;
    keys[2].time = 4;
    keys[3].features = 5;
    keys[4].units = 6;
    keys[5].is_double = true;
    keys[6].is_training = true;
    keys[7].allow_tf32 = true;
    keys[8].algorithm = CudnnAlgorithm::persist_static;
    keys[9].layout = CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED;
    std::vector<std::shared_ptr<const RnnPlan>> plans;
    for (const PlanKey& key : keys) {
        plans.push_back(context->plan(key).plan);
        ASSERT_NE(plans.back(), nullptr);
        EXPECT_EQ(plans.back()->key(), key);
    }
    for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(context->plan(keys[i]).plan, plans[i]);
    EXPECT_EQ(context->plans().size(), keys.size());
}

TEST_F(Plan, PersistentKernelThatDoesNotCompileIsNotSupported) {
    PlanKey key = kPlanKey;
    key.algorithm = CudnnAlgorithm::persist_dynamic;
    fake.fail("cudnnBuildRNNDynamic", CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED);
    const RnnPlan::Result result = context->plan(key);
    EXPECT_EQ(result.plan, nullptr);
    EXPECT_NE(result.refusal.find("cudnnBuildRNNDynamic failed with"), std::string::npos) << result.refusal;
}

TEST_F(Plan, BlocksOfWeightsLieApartWithinTheWeightSpace) {
    const WeightPlaces places = context->plan(kPlanKey).plan->weights();
    std::vector<std::pair<std::size_t, std::size_t>> blocks;  // first byte and the one behind the last
    for (std::size_t i = 0; i < kLinearLayers; ++i) {
        const Index rows = i < 3 ? kPlanKey.features : kPlanKey.units;
        blocks.emplace_back(places.matrices[i], places.matrices[i] + bytes_of<float>(rows * kPlanKey.units));
        blocks.emplace_back(places.biases[i], places.biases[i] + bytes_of<float>(kPlanKey.units));
    }
    std::ranges::sort(blocks);
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) EXPECT_LE(blocks[i].second, blocks[i + 1].first) << i;
    EXPECT_LE(blocks.back().second, places.bytes);
}

TEST_F(Plan, BlockOfAnotherSizeIsRefused) {
    CudaFunctions f = cuda_functions();
    static decltype(f.cudnnGetTensorNdDescriptor) get = nullptr;
    get = f.cudnnGetTensorNdDescriptor;
    f.cudnnGetTensorNdDescriptor = [](cudnnTensorDescriptor_t tensor, int most, cudnnDataType_t* type, int* rank,
                                      int* sizes, int* strides) {
        const cudnnStatus_t status = get(tensor, most, type, rank, sizes, strides);
        sizes[2] += 1;
        return status;
    };
    DeviceMemory scratch;
    const std::string message = message_of<BackendError>([&] {
        static_cast<void>(RnnPlan::make({f, context->handle(), scratch}, kPlanKey));
    });
    EXPECT_NE(message.find("cuDNN backend: cudnnGetRNNWeightParams: expected a block of 20 scalars within"),
              std::string::npos)
        << message;
}

}  // namespace
}  // namespace eigengru_test::plan_test
