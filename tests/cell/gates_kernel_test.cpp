// SPDX-License-Identifier: MIT
// The fused step of every instruction set against plain products in double, in sizes that are no multiple of anything,
// and what it must leave alone.
#include "support/kernel_steps.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::Finish;
using eigengru::detail::kernel_lanes;
using eigengru::detail::kLineSize;

/// The largest difference between some columns of two sets of rows, NaN counted as infinite.
template <class S>
double difference(const MarkedRows<S>& received, const MarkedRows<double>& expected, Index first, Index count) {
    double worst = 0.0;
    for (Index row = 0; row < expected.rows(); ++row)
        for (Index i = first; i < first + count; ++i) {
            const double d = std::abs(static_cast<double>(received.row(row)[i]) - expected.row(row)[i]);
            worst = d <= worst ? worst : std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
        }
    return worst;
}

template <class M>
class GatesKernel : public testing::Test {
protected:
    using S = typename M::Scalar;
    using Steps = KernelSteps<M>;
    static constexpr double kTolerance = 40.0 * static_cast<double>(std::numeric_limits<S>::epsilon());

    /// Every finish of a step of all rows, with and without what is optional.
    static void expect_step(const Steps& steps, Index rows) {
        const Index units = steps.units();
        const auto state = steps.expected(0, rows), sums = steps.expected(0, rows, Finish::sums);
        for (const Kernels kernels : packed_kernels()) {
            const auto y = steps.run(kernels, 0, rows);
            const std::string where(name_of(kernels));
            EXPECT_LE(difference(y.next, state.next, 0, units), kTolerance) << where;
            EXPECT_LE(difference(y.gates, state.gates, 0, 4 * units), kTolerance) << where;
            EXPECT_TRUE(y.is_untouched_around()) << where;
            for (Index row = 0; row < rows; ++row)
                EXPECT_TRUE(std::equal(y.next.row(row), y.next.row(row) + units, y.out.row(row))) << where;
            const auto s = steps.run(kernels, 0, rows, {.finish = Finish::sums});
            EXPECT_LE(difference(s.gates, sums.gates, 0, 4 * units), kTolerance) << where;
            EXPECT_TRUE(s.is_untouched_around()) << where;
        }
    }
};
TYPED_TEST_SUITE(GatesKernel, Modes, );

TYPED_TEST(GatesKernel, IsTheStepForEveryNumberOfUnits) {
    for (Index units = 1; units <= 70; ++units) {
        const Index rows = 1 + units * 7 % 19;
        const typename TestFixture::Steps steps(rows, units, 1 + units % 9);
        SCOPED_TRACE(testing::Message() << rows << " rows, " << units << " units");
        TestFixture::expect_step(steps, rows);
    }
}

TYPED_TEST(GatesKernel, IsTheStepForEveryNumberOfRows) {
    for (const Index units : {5, 16, 33})
        for (Index rows = 1; rows <= 40; ++rows) {
            const typename TestFixture::Steps steps(rows, units, 1 + rows % 9);
            SCOPED_TRACE(testing::Message() << rows << " rows, " << units << " units");
            TestFixture::expect_step(steps, rows);
        }
}

TYPED_TEST(GatesKernel, IsTheStepForEveryNumberOfFeatures) {
    for (Index features = 1; features <= 9; ++features)
        for (const Index rows : {1, 2, 3, 5, 8, 12}) {
            SCOPED_TRACE(testing::Message() << rows << " rows, " << features << " features");
            TestFixture::expect_step(typename TestFixture::Steps(rows, 20, features), rows);
        }
}

TYPED_TEST(GatesKernel, IsTheStepForLargeSizesAndWithoutABias) {
    TestFixture::expect_step(typename TestFixture::Steps(67, 130, 50), 67);
    TestFixture::expect_step(typename TestFixture::Steps(33, 24, 200, false), 33);
    TestFixture::expect_step(typename TestFixture::Steps(1, 257, 3, false), 1);
}

TYPED_TEST(GatesKernel, ARowHasTheSameBitsInEveryBatch) {
    for (const Index units : {5, 24, 70}) {
        const typename TestFixture::Steps steps(40, units, 7);
        for (const Kernels kernels : packed_kernels()) {
            const auto all = steps.run(kernels, 0, 40);
            for (Index rows = 1; rows <= 40; ++rows) {
                const Index first = (40 - rows) / 2;
                const auto some = steps.run(kernels, first, rows);
                for (Index row = 0; row < rows; ++row) {
                    const bool is_same =
                        std::equal(some.next.row(row), some.next.row(row) + units, all.next.row(first + row)) &&
                        std::equal(some.gates.row(row), some.gates.row(row) + 4 * units, all.gates.row(first + row));
                    ASSERT_TRUE(is_same) << name_of(kernels) << ' ' << units << ' ' << rows << ' ' << row;
                }
            }
        }
    }
}

TYPED_TEST(GatesKernel, ProjectedInputsGiveTheSameBits) {
    for (const Index units : {3, 16, 24, 70})
        for (const Index rows : {1, 2, 3, 4, 7, 9, 33}) {
            const typename TestFixture::Steps steps(rows, units, 6);
            for (const Kernels kernels : packed_kernels())
                for (const Finish finish : {Finish::state, Finish::sums}) {
                    const auto fused = steps.run(kernels, 0, rows, {.finish = finish});
                    const auto projected = steps.run(kernels, 0, rows, {.finish = finish, .is_projected = true});
                    EXPECT_EQ(projected.next, fused.next) << name_of(kernels) << ' ' << units << ' ' << rows;
                    EXPECT_EQ(projected.gates, fused.gates) << name_of(kernels) << ' ' << units << ' ' << rows;
                    EXPECT_TRUE(projected.is_untouched_around()) << name_of(kernels) << ' ' << units << ' ' << rows;
                }
        }
}

TYPED_TEST(GatesKernel, ProjectsTheInputsGateByGateOfEachBlock) {
    using Scalar = typename TypeParam::Scalar;
    for (const Index units : {3, 16, 21}) {
        const typename TestFixture::Steps steps(5, units, 4);
        const RowMatrix<double> sums = steps.input_sums(0, 5);
        for (const Kernels kernels : packed_kernels()) {
            const auto y = steps.run(kernels, 0, 5, {.finish = Finish::input});
            EXPECT_TRUE(y.is_untouched_around()) << name_of(kernels);
            const Index lanes = kernel_lanes<Scalar>(kernels);
            for (Index row = 0; row < 5; ++row)
                for (Index gate = 0; gate < 3; ++gate)
                    for (Index unit = 0; unit < units; ++unit) {
                        const Index place = (unit / lanes * 3 + gate) * lanes + unit % lanes;
                        EXPECT_NEAR(static_cast<double>(y.projected.row(row)[place]), sums(row, gate * units + unit),
                                    TestFixture::kTolerance)
                            << name_of(kernels) << ' ' << row << ' ' << gate << ' ' << unit;
                    }
        }
    }
}

TYPED_TEST(GatesKernel, FetchingAheadChangesNoBit) {
    for (Index rows = 1; rows <= 40; ++rows) {
        const typename TestFixture::Steps steps(rows, 70, 9);
        for (const Kernels kernels : packed_kernels())
            EXPECT_EQ(steps.run(kernels, 0, rows, {.fetches_ahead = true}), steps.run(kernels, 0, rows))
                << name_of(kernels) << ' ' << rows;
    }
}

TYPED_TEST(GatesKernel, GoingBackChangesNoBit) {
    for (const Index units : {1, 16, 33, 57, 100})
        for (const Index rows : {1, 2, 3, 9, 40, 70}) {
            const typename TestFixture::Steps steps(rows, units, 9);
            for (const Kernels kernels : packed_kernels())
                for (const bool fetches : {false, true})
                    EXPECT_EQ(steps.run(kernels, 0, rows, {.fetches_ahead = fetches, .goes_back = true}),
                              steps.run(kernels, 0, rows))
                        << name_of(kernels) << ' ' << rows << ' ' << units;
        }
}

TYPED_TEST(GatesKernel, ChunksOfAnySizeGiveTheSameBits) {
    for (const Index units : {16, 57})
        for (const Index rows : {1, 40, 64, 70}) {
            const typename TestFixture::Steps steps(rows, units, 9);
            for (const Kernels kernels : packed_kernels()) {
                const auto expected = steps.run(kernels, 0, rows);
                for (const Index row_chunk : {1, 7, 64})
                    for (const bool is_far : {false, true})
                        EXPECT_EQ(steps.run(kernels, 0, rows,
                                            {.fetches_ahead = is_far, .goes_back = is_far, .row_chunk = row_chunk}),
                                  expected)
                            << name_of(kernels) << ' ' << rows << ' ' << units << ' ' << row_chunk;
            }
        }
}

TYPED_TEST(GatesKernel, AStepIsTheSameWithAndWithoutItsGates) {
    for (const Index rows : {1, 7, 33}) {
        const typename TestFixture::Steps steps(rows, 39, 9);
        if (!TypeParam::kResetAfter) continue;  // it always needs them
        for (const Kernels kernels : packed_kernels())
            EXPECT_EQ(steps.run(kernels, 0, rows, {.wants_gates = false}).next, steps.run(kernels, 0, rows).next)
                << name_of(kernels) << ' ' << rows;
    }
}

TYPED_TEST(GatesKernel, LinesOfUnitsGiveTheSameBitsAndLeaveTheOthersAlone) {
    using Scalar = typename TypeParam::Scalar;
    constexpr Index kParts = 3, kUnits = 70;
    const Index lines = eigengru::detail::line_count<Scalar>(kUnits);
    for (const Index rows : {1, 5, 16, 33, 70}) {
        const typename TestFixture::Steps steps(rows, kUnits, 9);
        // Reset before needs all units of its first half in the second: there the projection of the inputs alone.
        const Finish finish = TypeParam::kResetAfter ? Finish::state : Finish::input;
        const auto written = [&](const auto& y) { return TypeParam::kResetAfter ? y.next : y.projected; };
        const Index width = TypeParam::kResetAfter ? 1 : 3;
        for (const Kernels kernels : packed_kernels()) {
            const auto all = written(steps.run(kernels, 0, rows, {.finish = finish}));
            for (Index i = 0; i < kParts; ++i) {
                const auto range = eigengru::detail::Share{i, kParts}.of(lines);
                const bool is_far = i % 2 == 0;
                const auto some = written(steps.run(kernels, 0, rows,
                                                    {.finish = finish,
                                                     .fetches_ahead = is_far,
                                                     .goes_back = is_far,
                                                     .row_chunk = is_far ? 64 : 32,
                                                     .lines = range}));
                EXPECT_TRUE(some.is_untouched_around());
                const Index columns = TypeParam::kResetAfter ? kUnits : lines * 3 * kLineSize<Scalar>;
                for (Index row = 0; row < rows; ++row)
                    for (Index col = 0; col < columns; ++col) {
                        const Index line = col / (width * kLineSize<Scalar>);
                        const bool is_asked = line >= range.first && line < range.end();
                        ASSERT_EQ(some.row(row)[col], is_asked ? all.row(row)[col] : MarkedRows<Scalar>::kMark)
                            << name_of(kernels) << ' ' << rows << ' ' << i << ' ' << row << ' ' << col;
                    }
            }
        }
    }
}

TYPED_TEST(GatesKernel, WhatIsNotWantedIsNotWritten) {
    const typename TestFixture::Steps steps(9, 21, 3);
    for (const Kernels kernels : packed_kernels()) {
        const auto all = steps.run(kernels, 0, 9);
        const auto bare = steps.run(kernels, 0, 9, {.wants_gates = !TypeParam::kResetAfter, .wants_out = false});
        const auto untouched = steps.run(kernels, 0, 9, {.finish = Finish::input});
        EXPECT_EQ(bare.next, all.next) << name_of(kernels);
        EXPECT_EQ(bare.out, untouched.out) << name_of(kernels);
        if (TypeParam::kResetAfter) {
            EXPECT_EQ(bare.gates, untouched.gates) << name_of(kernels);
        }
    }
}

TYPED_TEST(GatesKernel, NoRowsAreNoWork) {
    const typename TestFixture::Steps steps(1, 21, 3);
    for (const Kernels kernels : packed_kernels()) EXPECT_TRUE(steps.run(kernels, 0, 0).is_untouched_around());
}

}  // namespace
}  // namespace eigengru_test
