// SPDX-License-Identifier: MIT
#include "eigengru/layer/backend.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

std::string refusal(const GruOptions& options) {
    try {
        detail::require_backend(choose_backend({.options = options}));
    } catch (const BackendError& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(RequireBackend, AutoAndNeverAreFine) {
    EXPECT_EQ(refusal({.units = 3, .activation = "relu"}), "nothing was thrown");
    EXPECT_EQ(refusal({.units = 3, .activation = "relu", .use_cudnn = false}), "nothing was thrown");
}

TEST(RequireBackend, DemandedListsEveryReason) {
    const std::string message = refusal({.units = 3, .activation = "relu", .use_bias = false, .use_cudnn = true});
    EXPECT_TRUE(message.starts_with("Gru::operator(): use_cudnn is true, but this call cannot run on cuDNN"))
        << message;
    EXPECT_NE(message.find("[failed] activation: must be tanh, is relu"), std::string::npos) << message;
    EXPECT_NE(message.find("[failed] use_bias: must be true, is false"), std::string::npos) << message;
}

#if !defined(EIGENGRU_CUDNN)
TEST(RequireBackend, DemandedFailsForWantOfTheBuildFlagAlone) {
    EXPECT_NE(refusal({.units = 3, .use_cudnn = true}).find("[failed] build: lacks the flag EIGENGRU_CUDNN"),
              std::string::npos);
}
#endif

template <class S>
class RunOnBackendOf : public testing::Test {};
TYPED_TEST_SUITE(RunOnBackendOf, eigengru_test::Scalars, );

TYPED_TEST(RunOnBackendOf, RunsOnEigen) {
    const GruParameters<TypeParam> zeros(2, 3, true);
    const Activation tanh("tanh"), sigmoid("sigmoid");
    const detail::StepFunction<TypeParam> f{zeros.kernel(), zeros.recurrent_kernel(), zeros.bias(), tanh, sigmoid};
    const Sequence<TypeParam> inputs({1, 4, 2});
    const RowMatrix<TypeParam> state = RowMatrix<TypeParam>::Ones(1, 3);
    const SequencePlan plan(inputs.shape(), false, {}, {});
    RowMatrix<TypeParam> last(1, 3);
    detail::Workspace<TypeParam> workspace;
    workspace.prepare({1, 4, 2, 3});
    const detail::SequenceCall<TypeParam> call{
        .plan = plan, .inputs = inputs, .output = {.last = last}, .initial_state = state};
    detail::run_on_backend<true, TypeParam>(f, call, workspace);
    EXPECT_EQ(last(0, 2), TypeParam(1.0 / 16));  // z = 1/2 and c = 0: the state is halved four times
}

}  // namespace
