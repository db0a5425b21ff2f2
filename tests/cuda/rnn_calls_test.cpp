// SPDX-License-Identifier: MIT
// The three calls that compute, through the fake.
#include "eigengru/cuda/rnn_calls.hpp"

#include "cuda/on_device.hpp"
#include "cuda/plans.hpp"
#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::rnn_calls_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::message_of;

/// A plan with memory for it.
class RnnCalls : public Plan {
protected:
    using Memory = OnDevice<float>;

    void TearDown() override {
        memory_.clear();
        plan.reset();
        Plan::TearDown();
    }

    void make(bool is_training) {
        PlanKey key = kPlanKey;
        key.is_training = is_training;
        plan = context->plan(key).plan;
        const Index state = key.batch * key.units, inputs = key.batch * key.time * key.features;
        m = {.inputs = filled(inputs),
             .outputs = filled(kOutputs),
             .initial_state = filled(state),
             .final_state = filled(state),
             .weights = filled(Index(plan->weights().bytes / sizeof(float))),
             .workspace = context->workspace()};
        if (!is_training) return;
        m.reserve = filled(Index(plan->reserve_bytes() / sizeof(float)));
        m.d_outputs = filled(kOutputs);
        m.d_inputs = filled(inputs);
        m.d_initial_state = filled(state);
        m.d_weights = filled(Index(plan->weights().bytes / sizeof(float)));
    }

    [[nodiscard]] void* filled(Index size, float value = 0.25F) {
        const std::vector<float> values(static_cast<std::size_t>(size), value);
        memory_.push_back(std::make_unique<Memory>(context->stream(), values.data(), size));
        return memory_.back()->span().data;
    }
    [[nodiscard]] std::vector<float> fetch(const void* from) {
        for (const auto& memory : memory_)
            if (memory->view().data == from) return memory->fetch(context->stream());
        return {};
    }

    std::string forward() { return rnn_forward(cuda_functions(), context->handle(), *plan, m); }
    std::string backward_data() { return rnn_backward_data(cuda_functions(), context->handle(), *plan, m); }
    std::string backward_weights() { return rnn_backward_weights(cuda_functions(), context->handle(), *plan, m); }

    static constexpr Index kOutputs = kPlanKey.batch * kPlanKey.time * kPlanKey.units;
    std::shared_ptr<const RnnPlan> plan;
    RnnMemory m;

private:
    std::vector<std::unique_ptr<Memory>> memory_;
};

TEST_F(RnnCalls, StatesMayBeLeftOut) {
    make(false);
    m.initial_state = filled(kPlanKey.batch * kPlanKey.units, 0.0F);
    EXPECT_EQ(forward(), "");
    const std::vector<float> y = fetch(m.outputs), state = fetch(m.final_state);
    EXPECT_TRUE(std::equal(state.begin(), state.end(), y.end() - std::ptrdiff_t(state.size())));  // the last step
    void* const again = m.final_state = filled(kPlanKey.batch * kPlanKey.units, 7.0F);
    m.outputs = filled(kOutputs);
    m.initial_state = nullptr;  // zeros
    m.final_state = nullptr;    // not wanted
    EXPECT_EQ(forward(), "");
    EXPECT_EQ(fetch(m.outputs), y);
    EXPECT_EQ(fetch(again), std::vector<float>(state.size(), 7.0F));
}

TEST_F(RnnCalls, GradientsOfWeightsAreAddedToWhatIsThere) {
    make(true);
    m.final_state = nullptr;
    const auto pass = [&] {
        EXPECT_EQ(forward(), "");
        EXPECT_EQ(backward_data(), "");
        EXPECT_EQ(backward_weights(), "");
        return fetch(m.d_weights);
    };
    const Index size = Index(plan->weights().bytes / sizeof(float));
    m.d_weights = filled(size, 0.0F);
    const std::vector<float> once = pass(), twice = pass();
    EXPECT_GT(*std::max_element(once.begin(), once.end()), 0.0F);
    for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(twice[i], once[i] + once[i]) << i;
}

TEST_F(RnnCalls, SayWhatIsNotSupportedAndThrowOtherFailures) {
    make(true);
    const auto expect_answers = [&](const std::string& function, const auto& call) {
        fake.fail(function, CUDNN_STATUS_NOT_SUPPORTED);
        EXPECT_EQ(call().find(function + " failed with CUDNN_STATUS_NOT_SUPPORTED: "), 0U);
        fake.fail(function, CUDNN_STATUS_EXECUTION_FAILED);
        EXPECT_EQ(message_of<BackendError>([&] {
                      static_cast<void>(call());
                  }).find("cuDNN backend: " + function + " failed with CUDNN_STATUS_EXECUTION_FAILED: "),
                  0U);
        EXPECT_EQ(call(), "") << function;
    };
    expect_answers("cudnnRNNForward", [&] { return forward(); });
    expect_answers("cudnnRNNBackwardData_v8", [&] { return backward_data(); });
    expect_answers("cudnnRNNBackwardWeights_v8", [&] { return backward_weights(); });
}

}  // namespace
}  // namespace eigengru_test::rnn_calls_test
