// SPDX-License-Identifier: MIT
// The memory of the passes of one layer, and what a training pass leaves, through the fake.
#include "eigengru/cuda/buffers.hpp"

#include "cuda/cudnn_layer.hpp"
#include "cuda/plans.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace eigengru_test::buffers_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using namespace eigengru_test::cudnn_layer;
using eigengru_test::random_sequence;

// Of kPlanKey.
constexpr std::size_t kInputBytes = 2 * 3 * 4 * sizeof(float), kOutputBytes = 2 * 3 * 5 * sizeof(float),
                      kStateBytes = 2 * 5 * sizeof(float);

/// kPlanKey for training.
PlanKey training_key() {
    PlanKey key = kPlanKey;
    key.is_training = true;
    return key;
}

TEST_F(Plan, BuffersOfAForwardPassLieOnBothSides) {
    CudnnBuffers buffers;
    buffers.prepare_forward(cuda_functions(), *context->plan(kPlanKey).plan);
    for (const PinnedMemory* memory : {&buffers.host_inputs, &buffers.host_outputs, &buffers.host_state})
        EXPECT_NE(memory->data(), nullptr);
    EXPECT_EQ(buffers.host_inputs.bytes(), kInputBytes);
    EXPECT_EQ(buffers.host_outputs.bytes(), kOutputBytes);
    EXPECT_EQ(buffers.host_state.bytes(), kStateBytes);
    EXPECT_EQ(buffers.inputs.bytes(), kInputBytes);
    EXPECT_EQ(buffers.outputs.bytes(), kOutputBytes);
    for (const DeviceMemory& state : buffers.states) EXPECT_EQ(state.bytes(), kStateBytes);
    EXPECT_EQ(buffers.d_inputs.bytes() + buffers.d_weights.bytes() + buffers.host_weights.bytes(), 0U);
}

TEST_F(Plan, BuffersOfTrainingLeaveInputsAndOutputsToTheRecord) {
    const auto plan = context->plan(training_key()).plan;
    CudnnBuffers buffers;
    buffers.prepare_forward(cuda_functions(), *plan);
    EXPECT_EQ(buffers.host_outputs.bytes(), kOutputBytes);
    EXPECT_EQ(buffers.inputs.bytes() + buffers.outputs.bytes(), 0U);
    buffers.prepare_backward(cuda_functions(), *plan);
    EXPECT_EQ(buffers.d_inputs.bytes(), kInputBytes);
    EXPECT_EQ(buffers.d_outputs.bytes(), kOutputBytes);
    EXPECT_EQ(buffers.d_state.bytes(), kStateBytes);
    EXPECT_EQ(buffers.d_weights.bytes(), plan->weights().bytes);
    EXPECT_EQ(buffers.host_weights.bytes(), plan->weights().bytes);
}

TEST_F(Plan, BuffersGrowWithTheLargestCallAndAreNotMadeAgainForASmallerOne) {
    PlanKey large = kPlanKey;
    large.is_double = true;
    const auto plan = context->plan(large).plan, small = context->plan(kPlanKey).plan;
    CudnnBuffers buffers;
    buffers.prepare_forward(cuda_functions(), *plan);
    EXPECT_EQ(buffers.inputs.bytes(), 2 * kInputBytes);
    fake.reset_counts();
    buffers.prepare_forward(cuda_functions(), *small);
    EXPECT_EQ(fake.allocations(), 0);
    EXPECT_EQ(buffers.inputs.bytes(), 2 * kInputBytes);
}

TEST_F(Plan, RecordHasRoomForWhatItsPassLeaves) {
    CudnnRecord<float> record;
    EXPECT_EQ(record.size(), 0);
    const auto plan = context->plan(training_key()).plan;
    record.is_spent = true;
    record.prepare(*context, plan);
    EXPECT_FALSE(record.is_spent);
    EXPECT_EQ(record.plan, plan);
    EXPECT_EQ(record.device, context->device());
    EXPECT_EQ(record.inputs.bytes(), kInputBytes);
    EXPECT_EQ(record.outputs.bytes(), kOutputBytes);
    EXPECT_EQ(record.initial_state.bytes(), kStateBytes);
    EXPECT_EQ(record.reserve.bytes(), plan->reserve_bytes());
    EXPECT_EQ(static_cast<std::size_t>(record.size()) * sizeof(float),
              kInputBytes + kOutputBytes + kStateBytes + plan->reserve_bytes());
}

TEST_F(Cudnn, CopiesOfATapeShareItsRecordUntilOneIsWrittenAgain) {
    Gru<double> layer = layer_of<double>({}), other = on_eigen(layer);
    const Sequence<double> first = random_sequence<double>({kBatch, kTime, kFeatures}), second = first;
    const RowMatrix<double> d_last = RowMatrix<double>::Ones(kBatch, kUnits);
    Tape<double> tape, eigen_tape;
    static_cast<void>(layer.forward(first, {}, tape));
    static_cast<void>(other.forward(first, {}, eigen_tape));
    const Gradients<double> expected = other.backward(eigen_tape, {.last = d_last});
    Tape<double> copy = tape;
    static_cast<void>(layer.forward(random_sequence<double>({kBatch, kTime, kFeatures}), {}, tape));
    expect_same(layer.backward(copy, {.last = d_last}), expected);
    Tape<double> given_away = copy;
    expect_same(layer.backward(std::move(given_away), {.last = d_last}), expected);
    expect_same(layer.backward(copy, {.last = d_last}), expected);
    EXPECT_GT(copy.size(), kBatch * kTime * (kFeatures + kUnits));
}

}  // namespace
}  // namespace eigengru_test::buffers_test
