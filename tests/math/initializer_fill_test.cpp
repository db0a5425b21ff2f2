// SPDX-License-Identifier: MIT
// Checks the functions that fill a weight, one by one; what the initializers make of them is in initializer_test.cpp.

#include "eigengru/math/initializer_fill.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class InitializerFill : public testing::Test {
protected:
    RowMatrix<S> filled(Index rows, Index cols, void (*fill)(WeightMap<S>, RandomStream&)) {
        RowMatrix<S> weights(rows, cols);
        RandomStream random(7, 0);
        fill(WeightMap<S>(weights.data(), rows, cols, Eigen::OuterStride<>(cols)), random);
        return weights;
    }
};

TYPED_TEST_SUITE(InitializerFill, eigengru_test::Scalars, );

TYPED_TEST(InitializerFill, OrthogonalHasOrthonormalRowsWhereItIsWide) {
    using S = TypeParam;
    const RowMatrix<S> w =
        this->filled(5, 12, [](WeightMap<S> m, RandomStream& r) { detail::fill_orthogonal<S>(m, 1.0, r); });
    EXPECT_TRUE((w * w.transpose()).isIdentity(S(1e-5)));
}

TYPED_TEST(InitializerFill, OrthogonalHasOrthonormalColumnsWhereItIsHigh) {
    using S = TypeParam;
    const RowMatrix<S> w =
        this->filled(12, 5, [](WeightMap<S> m, RandomStream& r) { detail::fill_orthogonal<S>(m, 1.0, r); });
    EXPECT_TRUE((w.transpose() * w).isIdentity(S(1e-5)));
}

TYPED_TEST(InitializerFill, UniformStaysInItsRange) {
    using S = TypeParam;
    const RowMatrix<S> w =
        this->filled(20, 20, [](WeightMap<S> m, RandomStream& r) { detail::fill_uniform<S>(m, -2.0, 3.0, r); });
    EXPECT_GE(w.minCoeff(), S(-2));
    EXPECT_LE(w.maxCoeff(), S(3));
    EXPECT_GT(w.maxCoeff() - w.minCoeff(), S(4));
}

}  // namespace
