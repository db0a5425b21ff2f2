// SPDX-License-Identifier: MIT
#include "eigengru/cell/product.hpp"

#include "support/allocation_counter.hpp"
#include "support/modes.hpp"
#include "support/plain_product.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// A matrix in the middle of a larger one, whose other elements are NaN: neither to be read nor written.
template <class S>
class Embedded {
public:
    Embedded(Index rows, Index cols, Index gap)
        : memory_(RowMatrix<S>::Constant(rows + 2, cols + 2 * gap, std::numeric_limits<S>::quiet_NaN())),
          rows_(rows),
          cols_(cols),
          gap_(gap) {
        map() = RowMatrix<S>::Random(rows, cols);
    }

    [[nodiscard]] MatrixMap<S> map() {
        return {memory_.data() + memory_.cols() + gap_, rows_, cols_, Eigen::OuterStride<>(memory_.cols())};
    }
    [[nodiscard]] MatrixMap<const S> view() {
        return {memory_.data() + memory_.cols() + gap_, rows_, cols_, Eigen::OuterStride<>(memory_.cols())};
    }
    [[nodiscard]] bool is_untouched_around() {
        map().setConstant(std::numeric_limits<S>::quiet_NaN());
        return memory_.array().isNaN().all();
    }

private:
    RowMatrix<S> memory_;
    Index rows_, cols_, gap_;
};

/// out + a b in double.
template <class S>
RowMatrix<double> expected_sum(MatrixMap<const S> a, MatrixMap<const S> b, MatrixMap<const S> out) {
    return out.template cast<double>() + plain_product(a.template cast<double>(), b.template cast<double>());
}

/// out += a b
template <class S>
void add(Embedded<S>& a, Embedded<S>& b, Embedded<S>& out) {
    eigengru::detail::add_product<S>(a.view(), b.view(), out.map().data(), out.map().outerStride());
}

template <class S>
void expect_product(Index rows, Index depth, Index cols, Index gap) {
    Embedded<S> a(rows, depth, gap), b(depth, cols, gap), out(rows, cols, gap);
    const RowMatrix<double> expected = expected_sum<S>(a.view(), b.view(), out.view());
    add(a, b, out);
    // The bound of a sum of depth + 1 terms below 1, rounded after each.
    const double tolerance = static_cast<double>(depth + 1) * 0.5 *
                             static_cast<double>(std::numeric_limits<S>::epsilon()) *
                             std::max(1.0, static_cast<double>(depth));
    const RowMatrix<double> difference = out.map().template cast<double>() - expected;
    EXPECT_TRUE((difference.array().abs() <= tolerance).all())
        << rows << " x " << depth << " x " << cols << ", gap " << gap;
    EXPECT_TRUE(out.is_untouched_around()) << rows << " x " << depth << " x " << cols << ", gap " << gap;
}

template <class S>
class AddProductOf : public testing::Test {};
TYPED_TEST_SUITE(AddProductOf, Scalars, );

TYPED_TEST(AddProductOf, IsThePlainProductInEverySmallSize) {
    for (Index rows = 0; rows <= 9; ++rows)
        for (const Index depth : {0, 1, 2, 3, 5, 8})
            for (Index cols = 0; cols <= 26; ++cols) expect_product<TypeParam>(rows, depth, cols, rows % 3);
}

TYPED_TEST(AddProductOf, IsThePlainProductInAwkwardSizes) {
    for (const Index rows : {1, 2, 3, 4, 5, 7, 31, 65})
        for (const Index depth : {1, 17, 63, 64, 65})
            for (const Index cols : {1, 31, 47, 48, 49, 95, 97, 130})
                expect_product<TypeParam>(rows, depth, cols, cols % 2);
}

TYPED_TEST(AddProductOf, IsThePlainProductBeyondEveryLimitOfABlock) {
    expect_product<TypeParam>(300, 5, 7, 1);
    expect_product<TypeParam>(3, 600, 5, 1);
    expect_product<TypeParam>(1, 5, 1000, 1);
    expect_product<TypeParam>(1, 600, 3, 1);
    expect_product<TypeParam>(5, 3, 1000, 1);
}

TYPED_TEST(AddProductOf, IsThePlainProductWhereTheWeightsExceedTheCache) {
    constexpr Index kDepth = 2200 / Index(sizeof(TypeParam));  // with 1950 columns just above 4 MiB
    expect_product<TypeParam>(64, kDepth, 1950, 1);
    expect_product<TypeParam>(2, kDepth, 1950, 0);
}

TYPED_TEST(AddProductOf, IsThePlainProductThroughEigenToo) {
    for (const auto& [rows, depth, cols] : {std::array<Index, 3>{300, 270, 20}, {70, 20, 270}, {1, 1, 1}, {3, 0, 2}}) {
        Embedded<TypeParam> a(rows, depth, 1), b(depth, cols, 2), out(rows, cols, 1);
        const RowMatrix<double> expected = expected_sum<TypeParam>(a.view(), b.view(), out.view());
        eigengru::detail::add_product_packed<TypeParam>(a.view(), b.view(), out.map());
        EXPECT_TRUE(out.map().template cast<double>().isApprox(expected, sizeof(TypeParam) == 4 ? 1e-5 : 1e-13));
        EXPECT_TRUE(out.is_untouched_around());
    }
}

TYPED_TEST(AddProductOf, RowGivesTheSameBitsInEveryBatchOfTiles) {
    Embedded<TypeParam> a(9, 70, 0), b(70, 50, 0), all(9, 50, 0);
    all.map().setZero();
    add(a, b, all);
    for (Index rows = 2; rows <= 9; ++rows) {
        Embedded<TypeParam> some(rows, 50, 0);
        some.map().setZero();
        const MatrixMap<const TypeParam> first(a.view().data(), rows, 70, Eigen::OuterStride<>(70));
        eigengru::detail::add_product<TypeParam>(first, b.view(), some.map().data(), 50);
        EXPECT_EQ(some.map(), all.map().topRows(rows)) << rows;
    }
}

TYPED_TEST(AddProductOf, NotANumberInARowStaysInIt) {
    for (const Index rows : {2, 5, 9, 33}) {
        Embedded<TypeParam> a(rows, 20, 0), b(20, 30, 0), out(rows, 30, 0);
        a.map()(1, 3) = std::numeric_limits<TypeParam>::quiet_NaN();
        add(a, b, out);
        EXPECT_TRUE(out.map().row(1).array().isNaN().all());
        EXPECT_FALSE(out.map().row(0).hasNaN() || out.map().bottomRows(rows - 2).hasNaN()) << rows;
    }
}

TYPED_TEST(AddProductOf, AllocatesNothing) {
    if (!kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    for (const auto& [rows, depth, cols] : {std::array<Index, 3>{1, 3, 5},
                                            {1, 700, 900},
                                            {7, 300, 300},
                                            {64, 300, 300},
                                            {65, 530, 2010},
                                            {300, 40, 40}}) {
        Embedded<TypeParam> a(rows, depth, 0), b(depth, cols, 0), out(rows, cols, 0);
        const AllocationCount counter;
        add(a, b, out);
        EXPECT_EQ(counter.count(), 0U) << rows << " x " << depth << " x " << cols;
    }
}

}  // namespace
}  // namespace eigengru_test
