// SPDX-License-Identifier: MIT
// The kernels as a layer uses them: packed weights are never old ones, whatever way the weights have changed; and the
// choice of the kernels, for a call and for a tape.
#include "eigengru/eigengru.hpp"
#include "support/kernel_steps.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class M>
class GruKernels : public testing::Test {
protected:
    using S = typename M::Scalar;
    using Layer = Gru<S, M::kResetAfter>;
    static constexpr S kTolerance = S(64) * std::numeric_limits<S>::epsilon();

    static GruOptions options() {
        return {.units = 21, .kernel_constraint = "non_neg", .seed = 7, .return_sequences = true};
    }
    static Layer make() { return {5, options()}; }

    /// What the weights as they are now give, computed by a layer that has never had others.
    static RowMatrix<S> fresh(const Layer& layer, const Sequence<S>& inputs, Kernels kernels) {
        Layer other(5, options(), layer.get_weights());
        return other(inputs, {.kernels = kernels}).sequences.matrix();
    }

    /// Calls the layer, changes it, and calls it again, with every kernel and some of them in turn.
    static void expect_fresh(const char* what, const std::function<void(Layer&)>& change, bool changes = true) {
        const Sequence<S> inputs = random_sequence<S>({3, 4, 5});
        for (const Kernels kernels : supported_kernels()) {
            Layer layer = make();
            const RowMatrix<S> before = layer(inputs, {.kernels = kernels}).sequences.matrix();
            change(layer);
            const RowMatrix<S> after = layer(inputs, {.kernels = kernels}).sequences.matrix();
            EXPECT_EQ(after, fresh(layer, inputs, kernels)) << what << ", " << name_of(kernels);
            EXPECT_EQ(after != before, changes) << what << ", " << name_of(kernels);
            change(layer);
            EXPECT_EQ(layer(inputs, {.kernels = Kernels::eigen}).sequences.matrix(),
                      fresh(layer, inputs, Kernels::eigen))
                << what;
            EXPECT_EQ(layer(inputs, {.kernels = kernels}).sequences.matrix(), fresh(layer, inputs, kernels))
                << what << ", " << name_of(kernels) << " after eigen";
        }
    }

    static void expect_steps_as_sequence(const Shape3& shape, Index units) {
        for (const Kernels kernels : packed_kernels()) {  // Eigen's products depend on the rows that they are made for
            GruOptions options = GruKernels::options();
            options.units = units;
            options.recurrent_initializer = "glorot_uniform";  // orthogonal takes long where nothing is optimised
            options.stateful = options.return_state = true;
            Layer whole(shape.features, options), stepped(shape.features, options);
            const Sequence<S> x = random_sequence<S>(shape);
            const Output<S> all = whole(x, {.kernels = kernels});
            const SequenceView<const S> view(x);
            for (Index t = 0; t < shape.time; ++t) {
                const Output<S> y =
                    stepped(SequenceView<const S>(view.row(0, t), {shape.batch, 1, shape.features}, view.strides()),
                            {.kernels = kernels});
                for (Index b = 0; b < shape.batch; ++b)
                    ASSERT_EQ(y.sequences.sequence(b).row(0), all.sequences.sequence(b).row(t))
                        << name_of(kernels) << ' ' << t;
                EXPECT_EQ(y.state, y.sequences.matrix()) << name_of(kernels);
            }
            EXPECT_EQ(stepped.state(), whole.state()) << name_of(kernels);
        }
    }

    static std::vector<RowMatrix<S>> other_weights() {
        return {RowMatrix<S>::Random(5, 63), RowMatrix<S>::Random(21, 63),
                RowMatrix<S>::Random(M::kResetAfter ? 2 : 1, 63)};
    }
};
TYPED_TEST_SUITE(GruKernels, Modes, );

// Rows of a large batch go through a sequence in parts, 32 or (with weights beyond the cache) 64 at a time; through a
// single step together.
TYPED_TEST(GruKernels, StepByStepWithACarriedStateGivesTheBitsOfASequence) {
    for (const Index batch : {1, 4, 11, 70}) this->expect_steps_as_sequence({batch, 6, 5}, 21);
    this->expect_steps_as_sequence({65, 2, 5}, 310);  // more weights than the cache holds
    this->expect_steps_as_sequence({2, 4, 5}, 310);   // one chunk of rows, to and fro
    this->expect_steps_as_sequence({1, 6, 5}, 4);
}

// Up to a vector of units: a row alone is activated by other instructions.
TYPED_TEST(GruKernels, ARowAloneHasTheBitsThatItHasInABatch) {
    using Scalar = typename TypeParam::Scalar;
    for (const Index units : {1, 4, 8, 16})
        for (const Kernels kernels : packed_kernels()) {
            typename TestFixture::Layer layer(5, {.units = units, .seed = 3, .return_sequences = true});
            Sequence<Scalar> x = random_sequence<Scalar>({3, 6, 5});
            x.matrix() *= Scalar(30);  // beyond the limits of tanh too
            const Output<Scalar> all = layer(x, {.kernels = kernels});
            const SequenceView<const Scalar> view(x);
            for (Index b = 0; b < 3; ++b) {
                const SequenceView<const Scalar> row(view.row(b, 0), {1, 6, 5}, view.strides());
                EXPECT_EQ(layer(row, {.kernels = kernels}).sequences.sequence(0), all.sequences.sequence(b))
                    << name_of(kernels) << ", " << units;
            }
        }
}

TYPED_TEST(GruKernels, UpdatedParametersAreUsed) {
    using Scalar = typename TypeParam::Scalar;
    this->expect_fresh("kernel", [](auto& layer) { layer.update_parameters([](auto& p) { p.kernel() *= 2; }); });
    this->expect_fresh("recurrent_kernel",
                       [](auto& layer) { layer.update_parameters([](auto& p) { p.recurrent_kernel().setRandom(); }); });
    this->expect_fresh("bias",
                       [](auto& layer) { layer.update_parameters([](auto& p) { p.bias()(0, 3) += Scalar(0.5); }); });
    this->expect_fresh("one weight", [](auto& layer) {
        layer.update_parameters([](auto& p) { p.flat()(p.flat().size() - 1) += Scalar(1); });
    });
    this->expect_fresh(
        "nothing", [](auto& layer) { layer.update_parameters([](auto&) {}); }, false);
}

TYPED_TEST(GruKernels, WeightsOfAnUpdateThatThrowsAreUsed) {
    this->expect_fresh("update_parameters", [](auto& layer) {
        EXPECT_THROW(layer.update_parameters([](auto& p) {
            p.kernel().setRandom();
            throw std::runtime_error("half way");
        }),
                     std::runtime_error);
    });
    this->expect_fresh("update_variables", [](auto& layer) {
        EXPECT_THROW(layer.update_variables([](auto variable) {
            variable.values.setRandom();
            if (variable.name == "recurrent_kernel") throw std::runtime_error("half way");
        }),
                     std::runtime_error);
    });
}

TYPED_TEST(GruKernels, SetWeightsAreUsed) {
    this->expect_fresh("a list", [](auto& layer) {
        const auto w = TestFixture::other_weights();
        layer.set_weights({w[0], w[1], w[2]});
    });
    this->expect_fresh("a vector", [](auto& layer) { layer.set_weights(TestFixture::other_weights()); });
    this->expect_fresh(
        "weights that are refused",
        [](auto& layer) {
            const auto w = TestFixture::other_weights();
            EXPECT_THROW(layer.set_weights({w[0], w[0], w[2]}), ShapeError);
        },
        false);
}

TYPED_TEST(GruKernels, UpdatedVariablesAreUsed) {
    this->expect_fresh("update_variables",
                       [](auto& layer) { layer.update_variables([](auto variable) { variable.values *= 2; }); });
}

TYPED_TEST(GruKernels, WeightsAfterAnOptimizerStepAreUsed) {
    using Scalar = typename TypeParam::Scalar;
    this->expect_fresh("a step", [](auto& layer) {
        Optimizer<Scalar> optimizer = SGD{.learning_rate = 0.1};
        const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> gradients =
            Eigen::Matrix<Scalar, Eigen::Dynamic, 1>::Random(layer.count_params());
        optimizer.step(layer, gradients);
    });
}

TYPED_TEST(GruKernels, ConstrainedWeightsAreUsed) {
    this->expect_fresh("apply_constraints", [](auto& layer) {
        layer.update_parameters([](auto& p) { p.kernel().setRandom(); });
        static_cast<void>(layer(random_sequence<typename TypeParam::Scalar>({1, 1, 5})));
        layer.apply_constraints();
    });
}

TYPED_TEST(GruKernels, AssignedLayersAreUsed) {
    using Loaded = typename TestFixture::Layer;
    const auto load = [] { return Loaded(5, TestFixture::options(), TestFixture::other_weights()); };
    this->expect_fresh("what a loader returns", [&](auto& layer) { layer = load(); });
    this->expect_fresh("a copy", [&](auto& layer) {
        const Loaded other = load();
        layer = other;
    });
    this->expect_fresh("one that has been called", [&](auto& layer) {
        Loaded other = load();
        static_cast<void>(other(random_sequence<typename TypeParam::Scalar>({1, 1, 5})));
        layer = other;
    });
    this->expect_fresh("one that has been changed as often", [&](auto& layer) {
        Loaded other = TestFixture::make();
        other.update_parameters([](auto& p) { p.flat().setRandom(); });
        layer.update_parameters([](auto& p) { p.flat().setRandom(); });
        static_cast<void>(layer(random_sequence<typename TypeParam::Scalar>({1, 1, 5})));
        layer = std::move(other);
    });
    this->expect_fresh(
        "itself",
        [](auto& layer) {
            auto& same = layer;
            layer = same;
        },
        false);
    this->expect_fresh("another by swap", [&](auto& layer) {
        Loaded other = load();
        std::swap(layer, other);
    });
}

TYPED_TEST(GruKernels, ACopyKeepsItsWeightsWhenTheOriginalChanges) {
    const auto inputs = random_sequence<typename TypeParam::Scalar>({2, 3, 5});
    for (const Kernels kernels : supported_kernels()) {
        auto layer = TestFixture::make();
        const auto before = layer(inputs, {.kernels = kernels}).last;
        auto copy = layer;
        layer.update_parameters([](auto& p) { p.flat().setRandom(); });
        static_cast<void>(layer(inputs, {.kernels = kernels}));
        EXPECT_EQ(copy(inputs, {.kernels = kernels}).last, before) << name_of(kernels);
    }
}

TYPED_TEST(GruKernels, AModelUsesTheWeightsOfEachStep) {
    using Scalar = typename TypeParam::Scalar;
    const auto inputs = random_sequence<Scalar>({2, 3, 5});
    Sequential<Scalar> model({TestFixture::make()});
    static_cast<void>(model.predict(inputs));
    Optimizer<Scalar> optimizer = SGD{.learning_rate = 0.1};
    const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> gradients =
        Eigen::Matrix<Scalar, Eigen::Dynamic, 1>::Random(model.count_params());
    optimizer.step(model, gradients);
    const auto& layer = std::get<typename TestFixture::Layer>(model.layer(0));
    EXPECT_EQ(model.predict(inputs).matrix(), TestFixture::fresh(layer, inputs, Kernels::automatic));
}

TYPED_TEST(GruKernels, AreTheSameFunctionToRounding) {
    const auto inputs = random_sequence<typename TypeParam::Scalar>({9, 7, 5});
    auto layer = TestFixture::make();
    const auto expected = layer(inputs, {.kernels = Kernels::eigen}).sequences;
    for (const Kernels kernels : supported_kernels()) {
        const auto y = layer(inputs, {.kernels = kernels}).sequences;
        EXPECT_LE((y.matrix() - expected.matrix()).cwiseAbs().maxCoeff(), TestFixture::kTolerance) << name_of(kernels);
    }
}

TYPED_TEST(GruKernels, CheckpointsAreComputedAgainByTheKernelsOfTheTape) {
    using Scalar = typename TypeParam::Scalar;
    const auto inputs = random_sequence<Scalar>({3, 6, 5});
    const RowMatrix<Scalar> d_last = RowMatrix<Scalar>::Random(3, 21);
    auto layer = TestFixture::make();
    for (const Kernels kernels : supported_kernels()) {
        Tape<Scalar> whole, checkpoints(TapeOptions{.checkpoint_every = 2});
        static_cast<void>(layer.forward(inputs, {.kernels = kernels}, whole));
        static_cast<void>(layer.forward(inputs, {.kernels = kernels}, checkpoints));
        static_cast<void>(layer(inputs, {.kernels = Kernels::eigen}));
        EXPECT_EQ(layer.backward(checkpoints, {.last = d_last}).parameters.flat(),
                  layer.backward(whole, {.last = d_last}).parameters.flat())
            << name_of(kernels);
    }
}

TYPED_TEST(GruKernels, ThatThisProcessorDoesNotRunAreRefused) {
    auto layer = TestFixture::make();
    const auto inputs = random_sequence<typename TypeParam::Scalar>({1, 2, 5});
    for (const Kernels kernels : {Kernels::avx2, Kernels::avx512}) {
        if (!is_supported(kernels)) {
            EXPECT_THROW(layer(inputs, {.kernels = kernels}), OptionError);
        }
    }
}

}  // namespace
}  // namespace eigengru_test
