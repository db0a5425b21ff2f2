// SPDX-License-Identifier: MIT
#include "eigengru/core/types.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace eigengru;

TEST(Types, IndexIsEigensIndex) {
    static_assert(std::is_same_v<Index, Eigen::Index> && std::is_signed_v<Index>);
    SUCCEED();
}

TEST(Types, RealScalarIsFloatOrDouble) {
    static_assert(RealScalar<float> && RealScalar<double>);
    static_assert(!RealScalar<int> && !RealScalar<long double> && !RealScalar<const float>);
    SUCCEED();
}

TEST(Types, KerasHasThreeGates) {
    EXPECT_EQ(kGates, 3);
}

template <class S>
class TypesOf : public testing::Test {};
TYPED_TEST_SUITE(TypesOf, eigengru_test::Scalars);

TYPED_TEST(TypesOf, RowMatrixLaysRowsOneAfterTheOther) {
    RowMatrix<TypeParam> m(2, 3);
    m << 1, 2, 3, 4, 5, 6;
    EXPECT_EQ(m.data()[3], TypeParam(4));
}

TYPED_TEST(TypesOf, MatrixMapHonoursTheRowStride) {
    std::vector<TypeParam> memory = {1, 2, 99, 3, 4, 99};
    const MatrixMap<TypeParam> map(memory.data(), 2, 2, Eigen::OuterStride<>(3));
    EXPECT_EQ(map(1, 0), TypeParam(3));
}

TYPED_TEST(TypesOf, MatrixMapOfConstIsReadOnly) {
    static_assert(std::is_same_v<decltype(std::declval<MatrixMap<const TypeParam>&>().data()), const TypeParam*>);
    static_assert(std::is_same_v<decltype(std::declval<MatrixMap<TypeParam>&>().data()), TypeParam*>);
    SUCCEED();
}

TYPED_TEST(TypesOf, VectorMapWritesToTheMemory) {
    std::vector<TypeParam> memory = {1, 2, 3};
    VectorMap<TypeParam>(memory.data(), 3)(1) = TypeParam(7);
    EXPECT_EQ(memory[1], TypeParam(7));
}

TYPED_TEST(TypesOf, VectorMapOfConstIsReadOnly) {
    static_assert(std::is_same_v<decltype(std::declval<VectorMap<const TypeParam>&>().data()), const TypeParam*>);
    SUCCEED();
}

TYPED_TEST(TypesOf, ArrayMapWritesToTheMemory) {
    std::vector<TypeParam> memory = {1, 2, 3};
    ArrayMap<TypeParam>(memory.data(), 3)(2) = TypeParam(7);
    EXPECT_EQ(memory[2], TypeParam(7));
}

TYPED_TEST(TypesOf, ArrayMapIsElementWise) {
    static_assert(std::is_base_of_v<Eigen::ArrayBase<ArrayMap<TypeParam>>, ArrayMap<TypeParam>>);
    SUCCEED();
}

TYPED_TEST(TypesOf, ArrayMapOfConstIsReadOnly) {
    static_assert(std::is_same_v<decltype(std::declval<ArrayMap<const TypeParam>&>().data()), const TypeParam*>);
    SUCCEED();
}

}  // namespace
