// SPDX-License-Identifier: MIT
// Calls of one step: which they are, and that they give the bits of the way that every other call goes.
#include "eigengru/layer/single_step.hpp"

#include "eigengru/core/thread_pool.hpp"
#include "eigengru/sequence/eigen_backend.hpp"
#include "support/kernel_steps.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::CarriedState;
using eigengru::detail::EigenBackend;
using eigengru::detail::is_single_step;
using eigengru::detail::PackedWeights;
using eigengru::detail::SequenceCall;
using eigengru::detail::StepFunction;
using eigengru::detail::Workspace;

template <class S>
class IsSingleStep : public testing::Test {
protected:
    static bool with(const GruOptions& options, const CallOptions<S>& call = {}, const Shape3& shape = {2, 1, 3},
                     Kernels kernels = Kernels::portable) {
        return is_single_step<S>(options, shape, call, kernels);
    }
    static bool with_call(const CallOptions<S>& call) { return with({.units = 4}, call); }
};
TYPED_TEST_SUITE(IsSingleStep, Scalars, );

TYPED_TEST(IsSingleStep, WithTheDefaults) {
    EXPECT_TRUE(this->with({.units = 4}));
    EXPECT_TRUE(this->with({.units = 4, .use_cudnn = false}));
    EXPECT_TRUE(this->with({.units = 4, .dropout = 0.5, .use_cudnn = false}));  // active in training alone
}

TYPED_TEST(IsSingleStep, NotOfMoreStepsOrNoRowsOrByEigen) {
    const GruOptions options{.units = 4, .use_cudnn = false};
    EXPECT_FALSE(this->with(options, {}, {2, 2, 3}));
    EXPECT_FALSE(this->with(options, {}, {0, 1, 3}));
    EXPECT_FALSE(this->with(options, {}, {2, 1, 3}, Kernels::eigen));
}

TYPED_TEST(IsSingleStep, NotWithOtherOptions) {
    EXPECT_FALSE(this->with({.units = 4, .use_cudnn = true}));
    EXPECT_FALSE(this->with({.units = 4, .activation = "relu", .use_cudnn = false}));
    EXPECT_FALSE(this->with({.units = 4, .recurrent_activation = "hard_sigmoid", .use_cudnn = false}));
    EXPECT_FALSE(this->with({.units = 4, .activity_regularizer = "l2", .use_cudnn = false}));
    EXPECT_FALSE(this->with({.units = 4, .dropout = 0.5, .use_cudnn = false}, {.training = true}));
    EXPECT_FALSE(this->with({.units = 4, .recurrent_dropout = 0.5, .use_cudnn = false}, {.training = true}));
}

TYPED_TEST(IsSingleStep, NotOnThreads) {
    ThreadPool two(2), one(1);
    const GruOptions options{.units = 4, .use_cudnn = false};
    EXPECT_FALSE(this->with(options, {.executor = &two}));
    EXPECT_TRUE(this->with(options, {.executor = &one}));
}

TYPED_TEST(IsSingleStep, NotWithMasks) {
    const bool mask[] = {true, true};
    const std::vector<Index> lengths{1, 1};
    const DropoutMasks<TypeParam> masks;
    EXPECT_FALSE(this->with_call({.mask = MaskView(mask, 2, 1)}));
    EXPECT_FALSE(this->with_call({.lengths = lengths}));
    EXPECT_FALSE(this->with_call({.training = true, .dropout_masks = &masks}));
    EXPECT_TRUE(this->with({.units = 4, .use_cudnn = false}, {.dropout_masks = &masks}));
}

/// Random weights, inputs and states, and a step of them both ways.
template <class M>
class SingleStepOf : public testing::Test {
protected:
    using S = typename M::Scalar;

    /// What a call writes.
    struct Results {
        Sequence<S> sequences;
        RowMatrix<S> last, state, final_state;

        explicit Results(Index batch, Index units)
            : sequences({batch, 1, units}), last(batch, units), state(batch, units), final_state(batch, units) {}
        [[nodiscard]] OutputView<S> view() { return {sequences.view(), last, state}; }
        void expect_equal(const Results& other) const {
            EXPECT_EQ(sequences.matrix(), other.sequences.matrix());
            EXPECT_EQ(last, other.last);
            EXPECT_EQ(state, other.state);
            EXPECT_EQ(final_state, other.final_state);
        }
    };

    static void expect_same_bits(Index batch, Index features, Index units, const MatrixView<const S>& initial,
                                 Kernels kernels) {
        SCOPED_TRACE(testing::Message() << name_of(kernels) << ' ' << batch << ' ' << features << ' ' << units);
        GruParameters<S, M::kResetAfter> p(features, units, true);
        p.flat().setRandom();
        const GruParameters<S, M::kResetAfter>& weights = p;
        const Activation tanh("tanh"), sigmoid("sigmoid");
        const StepFunction<S> f{weights.kernel(), weights.recurrent_kernel(), weights.bias(), tanh, sigmoid};
        PackedWeights<S> packed;
        packed.template pack<M::kResetAfter>(f, eigengru::detail::kernel_lanes<S>(kernels));
        const Sequence<S> x = random_sequence<S>({batch, 1, features});
        const SequenceView<const S> inputs(x);
        Workspace<S> workspace;
        workspace.prepare({batch, 1, features, units});
        Results received(batch, units), expected(batch, units);
        const OutputView<S> output = received.view(), expected_output = expected.view();
        CarriedState<S> carried(units);
        carried.prepare(batch);
        eigengru::detail::run_single_step<M::kResetAfter, S>({inputs, initial, output, kernels}, packed, &carried,
                                                             workspace);
        received.final_state = carried.state();
        const SequencePlan plan(x.shape(), false, {}, {});
        const SequenceCall<S> call{.plan = plan,
                                   .inputs = inputs,
                                   .output = expected_output,
                                   .initial_state = initial,
                                   .final_state = expected.final_state.data(),
                                   .packed = &packed,
                                   .kernels = kernels};
        EigenBackend<M::kResetAfter, S>(f, call, workspace).run();
        received.expect_equal(expected);
        const Results all = received;
        // Whatever is not wanted.
        received = Results(batch, units);
        received.state.setZero();
        const OutputView<S> state_alone{{}, {}, received.state};
        eigengru::detail::run_single_step<M::kResetAfter, S>({inputs, initial, state_alone, kernels}, packed, nullptr,
                                                             workspace);
        EXPECT_EQ(received.state, all.state);
    }
};
TYPED_TEST_SUITE(SingleStepOf, Modes, );

TYPED_TEST(SingleStepOf, HasTheBitsOfTheOtherWay) {
    using Scalar = typename TypeParam::Scalar;
    for (const Kernels kernels : packed_kernels())
        for (const Index batch : {1, 3, 9, 33})
            for (const Index units : {1, 16, 19}) {
                const RowMatrix<Scalar> wide = RowMatrix<Scalar>::Random(batch, units + 5);
                const RowMatrix<Scalar> state = wide.leftCols(units);
                this->expect_same_bits(batch, 5, units, {}, kernels);
                this->expect_same_bits(batch, 5, units, state, kernels);
                this->expect_same_bits(batch, 5, units, {wide.data(), batch, units, units + 5}, kernels);
            }
}

}  // namespace
}  // namespace eigengru_test
