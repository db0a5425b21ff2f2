// SPDX-License-Identifier: MIT
// Calls and backward passes on threads: the same bits as on one, for every executor, whatever is shared out (rows of
// the batch, units, columns of the gradients).
#include "eigengru/core/thread_pool.hpp"
#include "eigengru/layer/gru.hpp"
#include "support/allocation_counter.hpp"
#include "support/backwards_executor.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// A pool that counts what it is asked for.
struct Counting {
    [[nodiscard]] Index concurrency() const { return pool.concurrency(); }
    void run(Index tasks, TaskRef task) {
        ++runs;
        pool.run(tasks, task);
    }
    bool run_concurrently(Index tasks, TaskRef task) {
        ++concurrent_runs;
        return pool.run_concurrently(tasks, task);
    }
    ThreadPool pool{2};
    Index runs = 0, concurrent_runs = 0;
};

/// What a call gives back, and the gradients of its sum with random factors.
template <class S>
struct Results {
    Output<S> output;
    Gradients<S> gradients;

    friend bool operator==(const Results& a, const Results& b) {
        return a.output.last == b.output.last && a.output.state == b.output.state &&
               a.output.sequences.matrix() == b.output.sequences.matrix() &&
               a.gradients.parameters.flat() == b.gradients.parameters.flat() &&
               a.gradients.inputs.matrix() == b.gradients.inputs.matrix() &&
               a.gradients.initial_state == b.gradients.initial_state;
    }
};

/// What is recorded, besides the arguments of the call.
struct Case {
    Shape3 shape;
    IndexListView lengths = {};
    Index checkpoint_every = 0;
    Kernels kernels = Kernels::automatic;
};

template <class M>
class GruThreads : public testing::Test {
protected:
    using S = typename M::Scalar;
    using Layer = Gru<S, M::kResetAfter>;

    static GruOptions options(Index units) {
        // Orthogonal matrices take longer than the test where nothing is optimised.
        return {.units = units, .recurrent_initializer = "glorot_uniform", .seed = 3, .return_sequences = true};
    }

    /// A recorded call, a stateful layer's second one, and its gradients: all on the same executor.
    static Results<S> results(Layer layer, const Case& c, ExecutorRef executor,
                              const DropoutMasks<S>* dropout = nullptr) {
        std::srand(7);  // the same numbers each time
        const auto inputs = random_sequence<S>(c.shape);
        const auto d = random_sequence<S>({c.shape.batch, c.shape.time, layer.units()});
        const RowMatrix<S> d_state = d.step(0);
        const CallOptions<S> call{.lengths = c.lengths,
                                  .training = dropout != nullptr,
                                  .dropout_masks = dropout,
                                  .executor = executor,
                                  .kernels = c.kernels};
        Tape<S> tape(TapeOptions{.checkpoint_every = c.checkpoint_every});
        if (layer.options().stateful) layer(inputs, call);
        Results<S> results;
        results.output = layer.forward(inputs, call, tape);
        results.gradients = layer.backward(tape, {.sequences = d, .state = d_state}, executor);
        return results;
    }

    /// Alone, on threads, and on an executor whose tasks cannot wait for each other. (Nothing is optimised in some of
    /// the test runs, and work that is shared at all is not small: what is not needed is left out.)
    static void expect_same(const Layer& layer, const Case& c, const DropoutMasks<S>* dropout = nullptr,
                            Index threads = 2) {
        const Results<S> expected = results(layer, c, nullptr, dropout);
        ThreadPool pool(threads);
        EXPECT_EQ(results(layer, c, &pool, dropout), expected) << threads << " threads";
        Backwards backwards;
        EXPECT_EQ(results(layer, c, &backwards, dropout), expected);
    }
};
TYPED_TEST_SUITE(GruThreads, Modes, );

TYPED_TEST(GruThreads, RowsGiveTheSameBits) {
    const typename TestFixture::Layer layer(30, TestFixture::options(40));
    TestFixture::expect_same(layer, {.shape = {17, 20, 30}}, nullptr, 1);
    TestFixture::expect_same(layer, {.shape = {17, 40, 30}}, nullptr, 4);
    TestFixture::expect_same(layer, {.shape = {17, 15, 30}, .kernels = Kernels::portable});
    TestFixture::expect_same(layer, {.shape = {130, 2, 30}});
}

TYPED_TEST(GruThreads, UnitsGiveTheSameBits) {
    const typename TestFixture::Layer layer(9, TestFixture::options(330));
    TestFixture::expect_same(layer, {.shape = {1, 20, 9}}, nullptr, 3);
    TestFixture::expect_same(layer, {.shape = {2, 10, 9}, .kernels = Kernels::portable});
}

TYPED_TEST(GruThreads, MaskedRowsGiveTheSameBits) {
    const typename TestFixture::Layer layer(30, TestFixture::options(40));
    const IndexListView lengths{20, 3, 0, 7, 20, 1, 1, 1, 2, 1, 1, 20};  // a thread's rows may all be over
    TestFixture::expect_same(layer, {.shape = {12, 20, 30}, .lengths = lengths});
}

TYPED_TEST(GruThreads, CheckpointsGiveTheSameBits) {
    const typename TestFixture::Layer layer(30, TestFixture::options(40));
    const IndexListView lengths{24, 3, 0, 7, 20, 1, 1, 1, 2, 1, 1, 24};
    TestFixture::expect_same(layer, {.shape = {12, 24, 30}, .checkpoint_every = 15});
    TestFixture::expect_same(layer, {.shape = {12, 24, 30}, .lengths = lengths, .checkpoint_every = 1});
    const typename TestFixture::Layer larger(10, TestFixture::options(255));
    TestFixture::expect_same(larger, {.shape = {1, 40, 10}, .checkpoint_every = 1});
}

TYPED_TEST(GruThreads, StatefulLayersGoOnAlike) {
    GruOptions options = TestFixture::options(40);
    options.stateful = true;
    options.go_backwards = true;
    const typename TestFixture::Layer layer(30, options);
    TestFixture::expect_same(layer, {.shape = {9, 20, 30}});
    options.units = 250;
    TestFixture::expect_same(typename TestFixture::Layer(30, options), {.shape = {1, 20, 30}});
}

TYPED_TEST(GruThreads, OtherActivationsGiveTheSameBits) {
    GruOptions options = TestFixture::options(40);
    options.activation = "softsign";
    options.recurrent_activation = "hard_sigmoid";
    options.activity_regularizer = Regularizer::l2(0.01);
    const typename TestFixture::Layer layer(30, options);
    TestFixture::expect_same(layer, {.shape = {9, 20, 30}});
}

TYPED_TEST(GruThreads, DropoutGivesTheSameBits) {
    using Scalar = typename TypeParam::Scalar;
    const typename TestFixture::Layer layer(30, TestFixture::options(40));
    const DropoutMasks<Scalar> inputs{.input = {RowMatrix<Scalar>::Random(9, 30)}};
    const RowMatrix<Scalar> mask = RowMatrix<Scalar>::Random(9, 40);
    const DropoutMasks<Scalar> states{.state = {mask, mask, mask}};
    TestFixture::expect_same(layer, {.shape = {9, 20, 30}}, &inputs);
    TestFixture::expect_same(layer, {.shape = {9, 20, 30}}, &states);
}

TYPED_TEST(GruThreads, ABatchOfAnotherSizeFollows) {
    using Scalar = typename TypeParam::Scalar;
    ThreadPool pool(3);
    typename TestFixture::Layer layer(30, TestFixture::options(40));
    for (const Index batch : {24, 1, 13, 2, 30}) {
        const auto inputs = random_sequence<Scalar>({batch, 12, 30});
        const RowMatrix<Scalar> d = RowMatrix<Scalar>::Random(batch, 40);
        Tape<Scalar> tape;
        const auto y = layer.forward(inputs, {.executor = &pool}, tape);
        const auto g = layer.backward(tape, {.last = d}, &pool);
        typename TestFixture::Layer fresh = layer;
        Tape<Scalar> alone;
        EXPECT_EQ(fresh.forward(inputs, {}, alone).last, y.last) << batch;
        EXPECT_EQ(fresh.backward(alone, {.last = d}).parameters.flat(), g.parameters.flat()) << batch;
    }
}

TYPED_TEST(GruThreads, SmallCallsStayOnTheirThread) {
    using Scalar = typename TypeParam::Scalar;
    Backwards executor;
    typename TestFixture::Layer layer(3, TestFixture::options(4));
    Tape<Scalar> tape;
    const auto y = layer.forward(random_sequence<Scalar>({8, 10, 3}), {.executor = &executor}, tape);
    static_cast<void>(layer.backward(tape, {.last = y.last}, &executor));
    EXPECT_EQ(executor.runs, 0);
}

TYPED_TEST(GruThreads, RowsAreSharedWithoutABarrierAndUnitsOfFewRowsWithOne) {
    using Scalar = typename TypeParam::Scalar;
    Counting executor;
    typename TestFixture::Layer layer(30, TestFixture::options(250));
    layer(random_sequence<Scalar>({16, 20, 30}), {.executor = &executor});
    EXPECT_EQ(executor.runs, 1);
    EXPECT_EQ(executor.concurrent_runs, 0);
    layer(random_sequence<Scalar>({1, 50, 30}), {.executor = &executor});
    EXPECT_EQ(executor.runs, 1);
    EXPECT_EQ(executor.concurrent_runs, 1);
}

TYPED_TEST(GruThreads, AllocateNothingFromTheSecondTimeOn) {
    if constexpr (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    using Scalar = typename TypeParam::Scalar;
    ThreadPool pool(2);
    for (const Index batch : {1, 16}) {
        typename TestFixture::Layer layer(30, TestFixture::options(250));
        const auto inputs = random_sequence<Scalar>({batch, 20, 30});
        const auto d = random_sequence<Scalar>({batch, 20, 250});
        Sequence<Scalar> outputs({batch, 20, 250});
        Tape<Scalar> tape(TapeOptions{.checkpoint_every = batch == 1 ? 0 : 10});
        Gradients<Scalar> gradients;
        const auto train = [&] {
            layer.forward(inputs, {.executor = &pool}, tape, {.sequences = outputs});
            layer.backward(std::move(tape), {.sequences = d}, gradients, &pool);
        };
        train();
        const AllocationCount counter;
        train();
        EXPECT_EQ(counter.count(), 0U) << batch;
    }
}

TYPED_TEST(GruThreads, WhatAnActivationThrowsComesOutOfBothPasses) {
    using Scalar = typename TypeParam::Scalar;
    ThreadPool pool(3);
    GruOptions options = TestFixture::options(40);
    const auto is_bad = std::make_shared<std::atomic<bool>>(false);
    options.activation = Activation::custom(
        "brittle",
        [is_bad](auto x) {
            if (*is_bad) throw std::runtime_error("brittle");
            return x;
        },
        [is_bad](auto x, auto) {
            if (*is_bad) throw std::runtime_error("brittle");
            return x - x + 1;
        });
    typename TestFixture::Layer layer(30, options);
    const auto inputs = random_sequence<Scalar>({12, 20, 30});
    const RowMatrix<Scalar> d = RowMatrix<Scalar>::Random(12, 40);
    Tape<Scalar> tape;
    static_cast<void>(layer.forward(inputs, {.executor = &pool}, tape));
    *is_bad = true;
    EXPECT_THROW(layer.backward(tape, {.last = d}, &pool), std::runtime_error);
    EXPECT_THROW(layer(inputs, {.executor = &pool}), std::runtime_error);
    *is_bad = false;
    typename TestFixture::Layer fresh = layer;
    EXPECT_EQ(layer.backward(tape, {.last = d}, &pool).parameters.flat(),
              fresh.backward(tape, {.last = d}).parameters.flat());
}

}  // namespace
}  // namespace eigengru_test
