// SPDX-License-Identifier: MIT
#include "eigengru/layer/dense.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

template <class S>
class DenseOf : public testing::Test {};
TYPED_TEST_SUITE(DenseOf, eigengru_test::Scalars, );

TYPED_TEST(DenseOf, IsTheAffineMapOfEachRow) {
    Dense<TypeParam> dense(3, {.units = 2, .bias_initializer = "random_normal"});
    const RowMatrix<TypeParam> x = RowMatrix<TypeParam>::Random(5, 3);
    const RowMatrix<TypeParam> expected = (x * dense.kernel()).rowwise() + dense.bias().row(0);
    EXPECT_TRUE(dense(x).isApprox(expected, TypeParam(1e-6)));
}

TYPED_TEST(DenseOf, AppliesItsActivation) {
    const Dense<TypeParam> dense(3, {.units = 4, .activation = "softmax"});
    const RowMatrix<TypeParam> y = dense(RowMatrix<TypeParam>::Random(5, 3).eval());
    for (Index r = 0; r < 5; ++r) EXPECT_NEAR(y.row(r).sum(), 1.0, 1e-6);
}

TYPED_TEST(DenseOf, MapsEachStepOfASequence) {
    const Dense<TypeParam> dense(3, {.units = 2, .activation = "tanh"});
    Sequence<TypeParam> x({2, 4, 3});
    x.matrix().setRandom();
    const Sequence<TypeParam> y = dense(x);
    EXPECT_EQ(y.shape(), Shape3(2, 4, 2));
    EXPECT_TRUE(RowMatrix<TypeParam>(y.step(2)).isApprox(dense(RowMatrix<TypeParam>(x.step(2))), TypeParam(1e-6)));
}

TYPED_TEST(DenseOf, MapsStridedSequences) {
    const Dense<TypeParam> dense(3, {.units = 2});
    const RowMatrix<TypeParam> memory = RowMatrix<TypeParam>::Random(1, 100);
    const Sequence<TypeParam> y = dense(SequenceView<const TypeParam>(memory.data(), {2, 4, 3}, {40, 5}));
    const RowMatrix<TypeParam> row = MatrixView<const TypeParam>(memory.data() + 40 + 2 * 5, 1, 3).map();
    EXPECT_TRUE(RowMatrix<TypeParam>(y.sequence(1).row(2)).isApprox(dense(row), TypeParam(1e-6)));
}

TYPED_TEST(DenseOf, WithoutBiasIsTheProduct) {
    const Dense<TypeParam> dense(3, {.units = 2, .use_bias = false});
    EXPECT_EQ(dense.bias().rows(), 0);
    EXPECT_EQ(dense.count_params(), 6);
    EXPECT_EQ(dense(RowMatrix<TypeParam>::Zero(5, 3).eval()).cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(DenseOf, TakesAnEmptyBatch) {
    const Dense<TypeParam> dense(3, {.units = 2});
    EXPECT_EQ(dense(RowMatrix<TypeParam>(0, 3)).rows(), 0);
    EXPECT_EQ(dense(Sequence<TypeParam>({0, 4, 3})).shape(), Shape3(0, 4, 2));
}

TEST(Dense, StartsAsInKeras) {
    const Dense<double> dense(30, {.units = 20});
    const double limit = std::sqrt(6.0 / 50);
    EXPECT_LE(dense.kernel().cwiseAbs().maxCoeff(), limit);
    EXPECT_GT(dense.kernel().cwiseAbs().maxCoeff(), 0.9 * limit);
    EXPECT_EQ(dense.bias().cwiseAbs().maxCoeff(), 0.0);
    EXPECT_EQ(dense.options().activation, Activation("linear"));
    EXPECT_EQ(dense.name(), "dense");
}

TEST(Dense, SeedMakesTheWeights) {
    EXPECT_EQ((Dense<float>(3, {.units = 2, .seed = 1}).get_weights()),
              (Dense<float>(3, {.units = 2, .seed = 1}).get_weights()));
    EXPECT_NE((Dense<float>(3, {.units = 2}).get_weights()), (Dense<float>(3, {.units = 2}).get_weights()));
}

TEST(Dense, CopiesAreIndependent) {
    Dense<float> dense(3, {.units = 2});
    const Dense<float> copy = dense;
    dense.set_weights({RowMatrix<float>::Zero(3, 2).eval(), RowMatrix<float>::Zero(1, 2).eval()});
    EXPECT_GT(copy.kernel().cwiseAbs().maxCoeff(), 0.0f);
    EXPECT_EQ(dense.kernel().cwiseAbs().maxCoeff(), 0.0f);
}

TEST(Dense, TakesItsWeightsInKerasOrder) {
    Dense<float> dense(3, {.units = 2});
    const RowMatrix<float> kernel = RowMatrix<float>::Random(3, 2), bias = RowMatrix<float>::Random(1, 2);
    dense.set_weights(std::vector<RowMatrix<float>>{kernel, bias});
    EXPECT_EQ(dense.get_weights(), (std::vector<RowMatrix<float>>{kernel, bias}));
}

TEST(Dense, TakesABiasVectorInEitherOrientation) {
    Dense<float> dense(3, {.units = 2});
    const RowMatrix<float> kernel = RowMatrix<float>::Random(3, 2);
    dense.set_weights({kernel, Eigen::Vector2f(1, 2)});
    EXPECT_EQ(dense.bias()(0, 1), 2.0f);
    dense.set_weights({kernel, Eigen::RowVector2f(3, 4)});
    EXPECT_EQ(dense.bias()(0, 1), 4.0f);
}

TEST(Dense, RefusesWrongWeightsAndStaysAsItWas) {
    Dense<float> dense(3, {.units = 2});
    const std::vector<RowMatrix<float>> before = dense.get_weights();
    const RowMatrix<float> kernel = RowMatrix<float>::Ones(3, 2), bias = RowMatrix<float>::Ones(1, 2);
    EXPECT_EQ(message_of<ShapeError>([&] { dense.set_weights({kernel}); }),
              "Dense::set_weights: expected 2 weights, received 1");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  dense.set_weights({bias, bias});
              }),
              "Dense::set_weights: kernel expected shape (3, 2), received (1, 2)");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  dense.set_weights({kernel, kernel});
              }),
              "Dense::set_weights: bias expected shape (1, 2), received (3, 2)");
    EXPECT_EQ(dense.get_weights(), before);
}

TEST(Dense, RefusesInputsOfOtherFeatures) {
    const Dense<float> dense(3, {.units = 2});
    EXPECT_EQ(message_of<ShapeError>([&] { (void)dense(RowMatrix<float>(5, 4)); }),
              "Dense::operator(): inputs have 4 features, the layer was built for 3");
    EXPECT_THROW((void)dense(Sequence<float>({2, 5, 4})), ShapeError);
}

TEST(Dense, NotANumberInARowStaysThere) {
    const Dense<float> dense(3, {.units = 2});
    RowMatrix<float> x = RowMatrix<float>::Random(12, 3);
    x(4, 1) = std::numeric_limits<float>::quiet_NaN();
    const RowMatrix<float> y = dense(x);
    EXPECT_TRUE(y.row(4).array().isNaN().all());
    EXPECT_FALSE(y.topRows(4).hasNaN() || y.bottomRows(7).hasNaN());
}

}  // namespace
