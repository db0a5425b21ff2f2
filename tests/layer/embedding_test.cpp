// SPDX-License-Identifier: MIT
#include "eigengru/layer/embedding.hpp"

#include "support/allocation_counter.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
Sequence<S> ids_of(std::initializer_list<S> ids, Index batch) {
    Sequence<S> sequence({batch, static_cast<Index>(ids.size()) / batch, Index{1}});
    std::copy(ids.begin(), ids.end(), sequence.data());
    return sequence;
}

template <class S>
class EmbeddingOf : public testing::Test {};
TYPED_TEST_SUITE(EmbeddingOf, Scalars, );

TYPED_TEST(EmbeddingOf, GivesTheRowOfEachId) {
    using S = TypeParam;
    const Embedding<S> embedding({.input_dim = 5, .output_dim = 3});
    const Sequence<S> y = embedding(ids_of<S>({4, 0, 2, 4}, 2));
    EXPECT_EQ(y.shape(), Shape3(2, 2, 3));
    EXPECT_EQ(y.sequence(0).row(0), embedding.embeddings().row(4));
    EXPECT_EQ(y.sequence(1).row(0), embedding.embeddings().row(2));
    EXPECT_EQ(embedding({4, 0, 2, 4}, 2, 2).matrix(), y.matrix());
    EXPECT_EQ(embedding(std::vector<int>{4, 0, 2, 4}, 2, 2).matrix(), y.matrix());
}

TYPED_TEST(EmbeddingOf, GradientOfARowIsTheSumOverItsSteps) {
    using S = TypeParam;
    const Embedding<S> embedding({.input_dim = 3, .output_dim = 2, .embeddings_regularizer = Regularizer::l2(0.5)});
    InputTape<S> tape;
    (void)embedding.forward(ids_of<S>({1, 0, 1}, 1), tape);
    const Sequence<S> d = random_sequence<S>({1, 3, 2});
    const NamedGradients<S> g = embedding.backward(tape, d);
    const RowMatrix<S> penalty = embedding.embeddings();  // d (w^2 / 2)
    EXPECT_TRUE((g.parameters.find("embeddings").row(0)).isApprox(d.sequence(0).row(1) + penalty.row(0)));
    EXPECT_TRUE((g.parameters.find("embeddings").row(1))
                    .isApprox(d.sequence(0).row(0) + d.sequence(0).row(2) + penalty.row(1)));
    EXPECT_EQ(g.parameters.map(0).row(2), penalty.row(2));
    EXPECT_TRUE(g.inputs.matrix().isZero(0));
}

TEST(Embedding, WhatIsNoIdIsRefused) {
    const Embedding<float> embedding({.input_dim = 5, .output_dim = 3});
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (const float wrong : {5.0f, -1.0f, 1.5f, -0.5f, 4.9f, 1e30f, nan, infinity, -infinity}) {
        EXPECT_THROW((void)embedding(ids_of<float>({0, wrong}, 1)), ShapeError) << wrong;
        EXPECT_FALSE(embedding.is_id(wrong)) << wrong;
    }
    EXPECT_TRUE(embedding.is_id(0.0f) && embedding.is_id(4.0f));
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)embedding(ids_of<float>({0, 1, 2, 7.5f}, 2));
              }),
              "Embedding::operator(): inputs(1, 1) expected an integer from 0 to 4, received 7.5");
    EXPECT_THROW((void)embedding({0, 5}, 1, 2), ShapeError);
    EXPECT_THROW((void)embedding({0, 1}, 1, 3), ShapeError);
    EXPECT_THROW((void)embedding(Sequence<float>({1, 2, 3})), ShapeError);
}

TEST(Embedding, OptionsOutOfRangeAreRefused) {
    EXPECT_EQ(message_of<OptionError>([] { Embedding<float>({.output_dim = 1}); }),
              "Embedding: input_dim expected at least 1, received 0");
    EXPECT_THROW(Embedding<float>({.input_dim = 1}), OptionError);
}

TEST(Embedding, HasWeightsAsOtherLayers) {
    Embedding<double> embedding({.input_dim = 4, .output_dim = 2, .embeddings_constraint = "non_neg", .seed = 1});
    EXPECT_EQ(embedding.get_weights(), Embedding<double>({.input_dim = 4, .output_dim = 2, .seed = 1}).get_weights());
    EXPECT_LE(embedding.embeddings().cwiseAbs().maxCoeff(), 0.05);
    EXPECT_EQ(embedding.count_params(), 8);
    embedding.apply_constraints();
    EXPECT_GE(embedding.embeddings().minCoeff(), 0.0);
    embedding.update_parameters([](auto& p) { p.find("embeddings").setOnes(); });
    EXPECT_EQ(embedding.embeddings().sum(), 8.0);
    EXPECT_EQ(message_of<ShapeError>([&] { embedding.set_weights({RowMatrix<double>::Zero(2, 4).eval()}); }),
              "Embedding::set_weights: embeddings expected shape (4, 2), received (2, 4)");
    const Embedding<double> built({.input_dim = 4, .output_dim = 2}, embedding.get_weights());
    EXPECT_EQ(built.embeddings(), embedding.embeddings());
}

TEST(Embedding, FrozenOneHasNoPenalty) {
    Embedding<double> embedding({.input_dim = 4, .output_dim = 2, .embeddings_regularizer = "l2", .trainable = false});
    EXPECT_EQ(embedding.losses().total(), 0.0);
    embedding.update_variables([](const Variable<double>& v) { EXPECT_FALSE(v.is_trainable); });
}

TEST(Embedding, AllocatesNothingTheSecondTime) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    const Embedding<float> embedding({.input_dim = 5, .output_dim = 3});
    const Sequence<float> ids = ids_of<float>({1, 2}, 1), d = random_sequence<float>({1, 2, 3});
    Sequence<float> y({1, 2, 3});
    InputTape<float> tape;
    NamedGradients<float> g;
    for (int i = 0; i < 2; ++i) {
        const AllocationCount count;
        embedding.forward(ids, tape, y);
        embedding.backward(tape, d, g);
        if (i == 1) {
            EXPECT_EQ(count.count(), 0U);
        }
    }
}

}  // namespace
}  // namespace eigengru_test
