// SPDX-License-Identifier: MIT
#include "eigengru/layer/backend.hpp"

#include "eigengru/core/thread_pool.hpp"
#include "eigengru/layer/gru.hpp"
#include "support/kernel_steps.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace eigengru_test {
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
TYPED_TEST_SUITE(RunOnBackendOf, Scalars, );

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

/// Rows of a large batch go through the steps in parts of 32. (Those of 64, with weights beyond the cache, are in
/// gru_kernels_test.cpp.)
template <class M>
class RowsInTurn : public testing::Test {
protected:
    using S = typename M::Scalar;
    static constexpr Index kBatch = 70, kTime = 4, kFeatures = 5;

    struct Case {
        GruOptions options = {.units = 9};
        Index checkpoint_every = 0;
        bool has_lengths = false, has_dropout = false;
    };
    struct Results {
        Output<S> output;
        Gradients<S> gradients;
    };

    static Results results(const Case& c, detail::Range rows, Kernels kernels, ExecutorRef executor = {}) {
        GruOptions options = c.options;
        options.return_sequences = options.return_state = true;
        options.recurrent_initializer = "glorot_uniform";  // orthogonal takes long where nothing is optimised
        options.seed = 4;
        Gru<S, M::kResetAfter> layer(kFeatures, options);
        std::srand(11);  // the same numbers each time
        const auto x = random_sequence<S>({kBatch, kTime, kFeatures}), d = random_sequence<S>({kBatch, kTime, 400});
        const SequenceView<const S> inputs(x), gradients(d);
        const RowMatrix<S> states = RowMatrix<S>::Random(kBatch, options.units + 3);
        const RowMatrix<S> mask = RowMatrix<S>::Random(kBatch, kFeatures);
        const DropoutMasks<S> dropout{.input = {mask.middleRows(rows.first, rows.count)}};
        std::vector<Index> lengths;  // nothing is used of the second part of the rows
        for (Index b = rows.first; b < rows.end(); ++b) lengths.push_back(b / 32 == 1 ? 0 : b % (kTime + 1));
        CallOptions<S> call{.training = c.has_dropout, .executor = executor, .kernels = kernels};
        call.initial_state =
            MatrixView<const S>(states.row(rows.first).data(), rows.count, options.units, options.units + 3);
        if (c.has_lengths) call.lengths = lengths;
        if (c.has_dropout) call.dropout_masks = &dropout;
        Tape<S> tape(TapeOptions{.checkpoint_every = c.checkpoint_every});
        Results r;
        r.output =
            layer.forward({inputs.row(rows.first, 0), {rows.count, kTime, kFeatures}, inputs.strides()}, call, tape);
        r.gradients = layer.backward(
            tape,
            {.sequences = {gradients.row(rows.first, 0), {rows.count, kTime, options.units}, gradients.strides()}},
            executor);
        return r;
    }

    /// Some rows, of each part and across parts, have the same numbers alone.
    static void expect_same(const Case& c, ExecutorRef executor = {}) {
        for (const Kernels kernels : packed_kernels()) {
            const Results all = results(c, {0, kBatch}, kernels, executor);
            for (const detail::Range rows : {detail::Range{2, 3}, detail::Range{29, 7}, detail::Range{61, 9}}) {
                const Results few = results(c, rows, kernels);
                EXPECT_EQ(all.output.last.middleRows(rows.first, rows.count), few.output.last) << name_of(kernels);
                EXPECT_EQ(all.output.state.middleRows(rows.first, rows.count), few.output.state) << name_of(kernels);
                EXPECT_EQ(all.gradients.initial_state.middleRows(rows.first, rows.count), few.gradients.initial_state)
                    << name_of(kernels);
                for (Index b = 0; b < rows.count; ++b) {
                    EXPECT_EQ(all.output.sequences.sequence(rows.first + b), few.output.sequences.sequence(b));
                    EXPECT_EQ(all.gradients.inputs.sequence(rows.first + b), few.gradients.inputs.sequence(b));
                }
            }
        }
    }
};
TYPED_TEST_SUITE(RowsInTurn, Modes, );

TYPED_TEST(RowsInTurn, AreAsTheyAreAlone) {
    this->expect_same({});
    this->expect_same({.options = {.units = 9, .go_backwards = true}, .has_lengths = true});
    this->expect_same({.has_dropout = true});
}

TYPED_TEST(RowsInTurn, AreAsTheyAreAloneWithOtherActivations) {
    const GruOptions options{.units = 9, .activation = "gelu", .recurrent_activation = "hard_sigmoid"};
    this->expect_same({.options = options});
    this->expect_same({.options = options, .checkpoint_every = 1, .has_lengths = true});
}

TYPED_TEST(RowsInTurn, AreAsTheyAreAloneWithCheckpoints) {
    this->expect_same({.checkpoint_every = 2});
    this->expect_same({.checkpoint_every = 3, .has_lengths = true, .has_dropout = true});
}

TYPED_TEST(RowsInTurn, AreAsTheyAreAloneOnThreadsThatHaveSeveralParts) {
    ThreadPool pool(2);
    this->expect_same({.options = {.units = 60}}, &pool);
    this->expect_same({.options = {.units = 60, .activation = "gelu"}}, &pool);
}

}  // namespace
}  // namespace eigengru_test
