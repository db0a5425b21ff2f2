// SPDX-License-Identifier: MIT
#include "eigengru/model/parameters.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace {

using namespace eigengru;
using eigengru_test::message_of;

/// Features 2, units 3, the weights counted from 0 on.
template <class Parameters>
Parameters counted(bool use_bias = true) {
    Parameters p(2, 3, use_bias);
    std::iota(p.flat().data(), p.flat().data() + p.size(), typename Parameters::Scalar(0));
    return p;
}

template <class P>
class GruParametersOf : public testing::Test {};
using Kinds = testing::Types<GruParameters<float, true>, GruParameters<float, false>, GruParameters<double, true>,
                             GruParameters<double, false>>;
TYPED_TEST_SUITE(GruParametersOf, Kinds, );

TYPED_TEST(GruParametersOf, StartAsZeros) {
    const TypeParam p(2, 3, true);
    EXPECT_EQ(p.flat().cwiseAbs().maxCoeff(), 0);
}

TYPED_TEST(GruParametersOf, LieInOnePieceInKerasOrder) {
    const TypeParam p = counted<TypeParam>();
    EXPECT_EQ(p.kernel().data(), p.flat().data());
    EXPECT_EQ(p.recurrent_kernel().data(), p.flat().data() + 2 * 9);
    EXPECT_EQ(p.bias().data(), p.flat().data() + (2 + 3) * 9);
    EXPECT_EQ(p.size(), (2 + 3 + p.bias().rows()) * 9);
    EXPECT_EQ(p.flat().size(), p.size());
}

TYPED_TEST(GruParametersOf, AreRowMajorWithoutGaps) {
    const TypeParam p = counted<TypeParam>();
    EXPECT_EQ(p.kernel()(1, 4), 9 + 4);
    EXPECT_EQ(p.recurrent_kernel()(2, 8), 2 * 9 + 2 * 9 + 8);
    EXPECT_EQ(p.kernel().outerStride(), 9);
}

TYPED_TEST(GruParametersOf, HaveNoBiasWithoutUseBias) {
    const TypeParam p(2, 3, false);
    EXPECT_FALSE(p.use_bias());
    EXPECT_EQ(p.bias().rows(), 0);
    EXPECT_EQ(p.bias().cols(), 9);
    EXPECT_EQ(p.size(), 5 * 9);
}

TYPED_TEST(GruParametersOf, GiveTheirWeightsInKerasOrder) {
    const TypeParam p = counted<TypeParam>();
    const auto weights = p.get_weights();
    ASSERT_EQ(weights.size(), 3U);
    EXPECT_EQ(weights[0], p.kernel());
    EXPECT_EQ(weights[1], p.recurrent_kernel());
    EXPECT_EQ(weights[2], p.bias());
    EXPECT_EQ(counted<TypeParam>(false).get_weights().size(), 2U);
}

TYPED_TEST(GruParametersOf, TakeTheirWeightsInKerasOrder) {
    using S = typename TypeParam::Scalar;
    const TypeParam p = counted<TypeParam>();
    TypeParam q(2, 3, true);
    q.set_weights(std::vector<MatrixView<const S>>{p.kernel(), p.recurrent_kernel(), p.bias()});
    EXPECT_EQ(q.flat(), p.flat());
}

TYPED_TEST(GruParametersOf, TakeWeightsThatLieApart) {
    using S = typename TypeParam::Scalar;
    const TypeParam p = counted<TypeParam>();
    const RowMatrix<S> wide = RowMatrix<S>::Random(3, 20);
    TypeParam q = p;
    q.set_weights(std::vector<MatrixView<const S>>{wide.block(0, 1, 2, 9), wide.block(0, 2, 3, 9), p.bias()});
    EXPECT_EQ(q.kernel(), wide.block(0, 1, 2, 9));
    EXPECT_EQ(q.recurrent_kernel(), wide.block(0, 2, 3, 9));
}

TYPED_TEST(GruParametersOf, RefuseWrongShapesAndStayAsTheyWere) {
    using S = typename TypeParam::Scalar;
    using Views = std::vector<MatrixView<const S>>;
    const TypeParam before = counted<TypeParam>();
    TypeParam p = before;
    const RowMatrix<S> kernel = RowMatrix<S>::Ones(2, 9), recurrent = RowMatrix<S>::Ones(3, 9), bias = p.bias();
    EXPECT_EQ(message_of<ShapeError>([&] {
                  p.set_weights(Views{recurrent, recurrent, bias});
              }),
              "Gru::set_weights: kernel expected shape (2, 9), received (3, 9)");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  p.set_weights(Views{kernel, kernel, bias});
              }),
              "Gru::set_weights: recurrent_kernel expected shape (3, 9), received (2, 9)");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  p.set_weights(Views{kernel, recurrent, recurrent});
              }),
              detail::text("Gru::set_weights: bias expected shape ", detail::shape_text(p.bias().rows(), 9),
                           ", received (3, 9)"));
    EXPECT_THROW(p.set_weights(Views{kernel, recurrent, {}}), ShapeError);
    EXPECT_EQ(p.flat(), before.flat());
}

TYPED_TEST(GruParametersOf, RefuseAWrongCountAndStayAsTheyWere) {
    using S = typename TypeParam::Scalar;
    using Views = std::vector<MatrixView<const S>>;
    const TypeParam before = counted<TypeParam>();
    TypeParam p = before;
    TypeParam without(2, 3, false);
    const RowMatrix<S> kernel = RowMatrix<S>::Ones(2, 9), recurrent = RowMatrix<S>::Ones(3, 9), bias = p.bias();
    EXPECT_EQ(message_of<ShapeError>([&] {
                  p.set_weights(Views{kernel, recurrent});
              }),
              "Gru::set_weights: expected 3 weights, received 2");
    EXPECT_EQ(message_of<ShapeError>([&] {
                  without.set_weights(Views{kernel, recurrent, bias});
              }),
              "Gru::set_weights: expected 2 weights, received 3");
    EXPECT_THROW(p.set_weights(Views{}), ShapeError);
    EXPECT_EQ(p.flat(), before.flat());
}

TYPED_TEST(GruParametersOf, CopiesAreIndependent) {
    const TypeParam p = counted<TypeParam>();
    TypeParam copy = p;
    copy.flat().setZero();
    EXPECT_EQ(p.flat()(5), 5);
}

TEST(GruParameters, BiasHasTwoRowsWithResetAfterAndOneWithout) {
    EXPECT_EQ((GruParameters<float, true>(2, 3, true).bias().rows()), 2);
    EXPECT_EQ((GruParameters<float, false>(2, 3, true).bias().rows()), 1);
}

TEST(GruParameters, TakeABiasVectorInEitherOrientation) {
    using Views = std::vector<MatrixView<const float>>;
    const RowMatrix<float> kernel = RowMatrix<float>::Ones(2, 9), recurrent = RowMatrix<float>::Ones(3, 9);
    const Eigen::VectorXf column = Eigen::VectorXf::LinSpaced(9, 0.0f, 8.0f);
    const Eigen::RowVectorXf row = column.transpose();
    GruParameters<float, false> a(2, 3, true), b(2, 3, true);
    a.set_weights(Views{kernel, recurrent, column});
    b.set_weights(Views{kernel, recurrent, row});
    EXPECT_EQ(a.bias(), row);
    EXPECT_EQ(b.bias(), row);
}

TEST(GruParameters, RefuseSizesThatOverflow) {
    EXPECT_THROW((GruParameters<float>(Index{1} << 40, Index{1} << 40, true)), ShapeError);
}

TEST(GruParameters, MapsOfConstantOnesAreReadOnly) {
    const GruParameters<float> p(2, 3, true);
    static_assert(std::is_same_v<decltype(p.kernel()), MatrixMap<const float>>);
    static_assert(std::is_same_v<decltype(p.flat()), VectorMap<const float>>);
    EXPECT_EQ(p.kernel().rows(), 2);
}

TEST(ParameterUpdate, WritesThrough) {
    GruParameters<float> p(2, 3, true);
    ParameterUpdate<float> update(p);
    update.kernel().setConstant(1);
    update.recurrent_kernel().setConstant(2);
    update.bias().setConstant(3);
    EXPECT_EQ(p.flat().sum(), 1 * 18 + 2 * 27 + 3 * 18);
    update.flat().setZero();
    EXPECT_EQ(p.flat().sum(), 0);
}

TEST(ParameterUpdate, CannotBeCopied) {
    static_assert(!std::is_copy_constructible_v<ParameterUpdate<float, true>>);
    static_assert(!std::is_move_constructible_v<ParameterUpdate<float, true>>);
    static_assert(!std::is_copy_assignable_v<ParameterUpdate<double, false>>);
    SUCCEED();
}

}  // namespace
