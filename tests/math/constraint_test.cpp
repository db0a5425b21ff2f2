// SPDX-License-Identifier: MIT
#include "eigengru/math/constraint.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/allocation_counter.hpp"
#include "support/golden_math.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/numbers.hpp"

namespace {

using namespace eigengru;
using eigengru_test::kInfinity;
using eigengru_test::kNan;
using eigengru_test::message_of;

// Axes

TEST(Axes, FromAnInteger) {
    const Axes axes = 1;
    EXPECT_EQ(detail::text(axes), "1");
}

TEST(Axes, FromAList) {
    const Axes axes = {0, 1};
    EXPECT_EQ(detail::text(axes), "[0, 1]");
}

TEST(Axes, FromAListOfOneIsTheInteger) {
    EXPECT_EQ(Axes({1}), Axes(1));
}

TEST(Axes, FromASpan) {
    const std::vector<int> loaded = {0, -1};
    EXPECT_EQ(Axes(std::span<const int>(loaded)), Axes({0, -1}));
}

TEST(Axes, CountsNegativeOnesFromTheEnd) {
    EXPECT_TRUE(Axes(-1).contains(1, WeightRank::matrix));
    EXPECT_FALSE(Axes(-1).contains(0, WeightRank::matrix));
    EXPECT_TRUE(Axes(-2).contains(0, WeightRank::matrix));
    EXPECT_TRUE(Axes(-1).contains(0, WeightRank::vector));
}

TEST(Axes, RefusesAnEmptyList) {
    EXPECT_EQ(message_of<OptionError>([] { Axes(std::initializer_list<int>{}); }),
              "Constraint: axis expected one or two axes, received 0");
}

TEST(Axes, RefusesThree) {
    EXPECT_THROW((Axes{0, 1, 2}), OptionError);
}

TEST(Axes, CheckRefusesWhatIsOutOfRange) {
    EXPECT_EQ(message_of<OptionError>([] { Axes(2).check(WeightRank::matrix); }),
              "Constraint: axis expected from -2 to 1 for a weight of rank 2, received 2");
    EXPECT_THROW(Axes(-3).check(WeightRank::matrix), OptionError);
}

TEST(Axes, CheckRefusesTheSecondAxisOfAVector) {
    EXPECT_EQ(message_of<OptionError>([] {
                  Axes({0, 1}).check(WeightRank::vector, "bias_constraint");
              }),
              "bias_constraint: axis expected from -1 to 0 for a weight of rank 1, received [0, 1]");
}

TEST(Axes, CheckRefusesTheSameTwice) {
    EXPECT_EQ(message_of<OptionError>([] {
                  Axes({1, -1}).check(WeightRank::matrix);
              }),
              "Constraint: axis expected two different axes, received [1, -1]");
}

// Names

TEST(Constraint, DefaultIsNone) {
    EXPECT_TRUE(Constraint().is_none());
    EXPECT_EQ(Constraint().name(), "none");
}

TEST(Constraint, KnowsEveryNameOfKeras) {
    EXPECT_EQ(Constraint("max_norm"), Constraint::max_norm());
    EXPECT_EQ(Constraint("MaxNorm"), Constraint::max_norm());
    EXPECT_EQ(Constraint("non_neg"), Constraint::non_neg());
    EXPECT_EQ(Constraint("NonNeg"), Constraint::non_neg());
    EXPECT_EQ(Constraint("unit_norm"), Constraint::unit_norm());
    EXPECT_EQ(Constraint("UnitNorm"), Constraint::unit_norm());
    EXPECT_EQ(Constraint("min_max_norm"), Constraint::min_max_norm());
    EXPECT_EQ(Constraint("MinMaxNorm"), Constraint::min_max_norm());
}

TEST(Constraint, UnknownNameListsTheKnownOnes) {
    EXPECT_EQ(message_of<OptionError>([] { Constraint("foo"); }),
              "Constraint: expected one of \"max_norm\", \"non_neg\", \"unit_norm\", \"min_max_norm\", received "
              "\"foo\"");
}

TEST(Constraint, ConvertsFromAString) {
    const Constraint constraint = std::string("non_neg");
    EXPECT_EQ(constraint.kind(), ConstraintKind::non_neg);
}

TEST(Constraint, DoesNotConvertFromNullptr) {
    static_assert(!std::convertible_to<std::nullptr_t, Constraint>);
    SUCCEED();
}

TEST(Constraint, ComparesKindsParametersAndAxes) {
    EXPECT_EQ(Constraint::max_norm({.max_value = 3}), Constraint::max_norm({.max_value = 3}));
    EXPECT_NE(Constraint::max_norm({.max_value = 3}), Constraint::max_norm({.max_value = 2}));
    EXPECT_NE(Constraint::max_norm({.axis = 0}), Constraint::max_norm({.axis = {0, 1}}));
    EXPECT_NE(Constraint::unit_norm(), Constraint::non_neg());
}

TEST(Constraint, PrintsItsParameters) {
    EXPECT_EQ(Constraint().to_string(), "none");
    EXPECT_EQ(Constraint("max_norm").to_string(), "max_norm(max_value=2, axis=0)");
    EXPECT_EQ(Constraint("non_neg").to_string(), "non_neg");
    EXPECT_EQ(Constraint::unit_norm({.axis = {0, 1}}).to_string(), "unit_norm(axis=[0, 1])");
    EXPECT_EQ(Constraint("min_max_norm").to_string(), "min_max_norm(min_value=0, max_value=1, rate=1, axis=0)");
}

TEST(Constraint, IsPartOfAMessage) {
    EXPECT_EQ(detail::text("kernel_constraint=", Constraint::non_neg()), "kernel_constraint=non_neg");
}

// Refusals

TEST(Constraint, RefusesANegativeMaximum) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Constraint::max_norm({.max_value = -1}); }),
              "Constraint: max_norm max_value expected a number of at least 0, received -1");
}

TEST(Constraint, RefusesNan) {
    EXPECT_THROW((void)Constraint::max_norm({.max_value = kNan}), OptionError);
    EXPECT_THROW((void)Constraint::min_max_norm({.min_value = kNan}), OptionError);
    EXPECT_THROW((void)Constraint::min_max_norm({.max_value = kNan}), OptionError);
    EXPECT_THROW((void)Constraint::min_max_norm({.rate = kNan}), OptionError);
}

TEST(Constraint, RefusesANegativeMinimumAndRate) {
    EXPECT_THROW((void)Constraint::min_max_norm({.min_value = -1}), OptionError);
    EXPECT_THROW((void)Constraint::min_max_norm({.rate = -1}), OptionError);
}

TEST(Constraint, RefusesBoundsInTheWrongOrder) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Constraint::min_max_norm({.min_value = 2}); }),
              "Constraint: min_max_norm expected min_value <= max_value, received min_value 2 and max_value 1");
}

TEST(Constraint, CheckRefusesAnAxisOutOfRange) {
    EXPECT_THROW(Constraint::max_norm({.axis = 1}).check(WeightRank::vector), OptionError);
    EXPECT_NO_THROW(Constraint::max_norm({.axis = 1}).check(WeightRank::matrix));
}

TEST(Constraint, CheckPassesNoneOnEverything) {
    EXPECT_NO_THROW(Constraint().check(WeightRank::vector));
    EXPECT_NO_THROW(Constraint("non_neg").check(WeightRank::vector));
}

// Projections. The numbers are those of Keras 3.15.1 in float64.

template <class S>
class ConstraintOf : public testing::Test {
protected:
    ConstraintOf() : matrix(2, 3), vector(1, 4) {
        matrix << S(1), S(-2), S(0.5), S(0.25), S(3), S(-1.5);
        vector << S(1), S(-2), S(0.5), S(4);
    }
    static WeightMap<S> map_of(RowMatrix<S>& m) {
        return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols())};
    }
    void expect_matrix(const Constraint& constraint, std::vector<double> expected) {
        constraint.apply(map_of(matrix), WeightRank::matrix);
        expect_near(matrix, expected);
    }
    void expect_vector(const Constraint& constraint, std::vector<double> expected) {
        constraint.apply(map_of(vector), WeightRank::vector);
        expect_near(vector, expected);
    }
    static void expect_near(const RowMatrix<S>& actual, const std::vector<double>& expected,
                            double tolerance = 4 * std::numeric_limits<S>::epsilon()) {
        ASSERT_EQ(static_cast<std::size_t>(actual.size()), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i)
            EXPECT_NEAR(actual.data()[i], expected[i], tolerance * std::abs(expected[i])) << "element " << i;
    }

    RowMatrix<S> matrix;
    RowMatrix<S> vector;
};
TYPED_TEST_SUITE(ConstraintOf, eigengru_test::Scalars);

TYPED_TEST(ConstraintOf, IsThatOfKeras) {
    std::size_t count = 0;
    for (const auto& golden : eigengru_test::load_golden(EIGENGRU_GOLDEN_DIR "/constraints.golden")) {
        SCOPED_TRACE(golden.name);
        const auto& recorded = golden.array("weights");
        RowMatrix<TypeParam> weights = eigengru_test::matrix_of<TypeParam>(recorded);
        const WeightRank rank = recorded.dims.size() == 1 ? WeightRank::vector : WeightRank::matrix;
        eigengru_test::constraint_of(golden, "constraint").apply(this->map_of(weights), rank);
        const double tolerance = std::is_same_v<TypeParam, double> ? golden.number("tolerance") : 1e-6;
        this->expect_near(weights, golden.array("constrained").values, tolerance);
        ++count;
    }
    EXPECT_EQ(count, 47U);
}

TYPED_TEST(ConstraintOf, NoneChangesNothing) {
    this->expect_matrix(Constraint(), {1, -2, 0.5, 0.25, 3, -1.5});
}

TYPED_TEST(ConstraintOf, MaxNormOfColumns) {
    this->expect_matrix(Constraint::max_norm(), {0.9999999029857594, -1.1094003616812285, 0.4999999683772254,
                                                 0.24999997574643984, 1.6641005425218427, -1.4999999051316761});
}

TYPED_TEST(ConstraintOf, MaxNormOfRows) {
    this->expect_matrix(Constraint::max_norm({.max_value = 1.5, .axis = 1}),
                        {0.6546536421365499, -1.3093072842730997, 0.32732682106827493, 0.11149411862215793,
                         1.3379294234658952, -0.6689647117329476});
}

TYPED_TEST(ConstraintOf, MaxNormOfTheWholeMatrix) {
    this->expect_matrix(Constraint::max_norm({.axis = {0, 1}}),
                        {0.49143608139168954, -0.9828721627833791, 0.24571804069584477, 0.12285902034792238,
                         1.4743082441750686, -0.7371541220875343});
}

TYPED_TEST(ConstraintOf, MaxNormOfAVector) {
    this->expect_vector(Constraint::max_norm(),
                        {0.43386090622554785, -0.8677218124510957, 0.21693045311277392, 1.7354436249021914});
}

TYPED_TEST(ConstraintOf, InfiniteMaxNormIsNoBound) {
    this->expect_vector(Constraint::max_norm({.max_value = kInfinity}),
                        {0.9999999783069547, -1.9999999566139095, 0.49999998915347737, 3.999999913227819});
}

TYPED_TEST(ConstraintOf, UnitNormOfColumns) {
    this->expect_matrix(Constraint::unit_norm(), {0.9701424060276939, -0.5547001808406142, 0.3162277460168392,
                                                  0.24253560150692346, 0.8320502712609213, -0.9486832380505175});
}

TYPED_TEST(ConstraintOf, UnitNormOfTheLastAxis) {
    this->expect_matrix(Constraint::unit_norm({.axis = -1}),
                        {0.4364357614243666, -0.8728715228487332, 0.2182178807121833, 0.07432941241477195,
                         0.8919529489772634, -0.4459764744886317});
}

TYPED_TEST(ConstraintOf, UnitNormOfAVector) {
    this->expect_vector(Constraint::unit_norm(),
                        {0.21693045311277392, -0.43386090622554785, 0.10846522655638696, 0.8677218124510957});
}

TYPED_TEST(ConstraintOf, UnitNormOfAMatrixOfOneRowIsOfEachElement) {
    Constraint::unit_norm().apply(this->map_of(this->vector), WeightRank::matrix);
    EXPECT_TRUE(this->vector.cwiseAbs().isOnes(TypeParam(1e-6)));
}

TYPED_TEST(ConstraintOf, MinMaxNormOfColumns) {
    this->expect_matrix(Constraint::min_max_norm(), {0.9701424060276939, -0.5547001808406142, 0.3162277460168392,
                                                     0.24253560150692346, 0.8320502712609213, -0.9486832380505175});
}

TYPED_TEST(ConstraintOf, MinMaxNormOfRowsWithARate) {
    this->expect_matrix(Constraint::min_max_norm({.min_value = 2.5, .max_value = 3, .rate = 0.25, .axis = 1}),
                        {1.0227723181575472, -2.0455446363150944, 0.5113861590787736, 0.24324705373637304,
                         2.9189646448364766, -1.4594823224182383});
}

TYPED_TEST(ConstraintOf, MinMaxNormOfTheWholeMatrixWithARate) {
    this->expect_matrix(Constraint::min_max_norm({.min_value = 0.5, .max_value = 1, .rate = 0.7, .axis = {0, 1}}),
                        {0.47200262111555014, -0.9440052422311003, 0.23600131055777507, 0.11800065527888753,
                         1.4160078633466504, -0.7080039316733252});
}

TYPED_TEST(ConstraintOf, MinMaxNormOfAVectorWithARate) {
    this->expect_vector(Constraint::min_max_norm({.min_value = 5, .max_value = 6, .rate = 0.5}),
                        {1.042326121935412, -2.084652243870824, 0.521163060967706, 4.169304487741648});
}

TYPED_TEST(ConstraintOf, NonNegRemovesTheNegativeOnes) {
    this->expect_matrix(Constraint::non_neg(), {1, 0, 0.5, 0.25, 3, 0});
}

TYPED_TEST(ConstraintOf, NonNegKeepsNotANumber) {
    this->vector(0, 1) = std::numeric_limits<TypeParam>::quiet_NaN();
    Constraint::non_neg().apply(this->map_of(this->vector), WeightRank::vector);
    EXPECT_TRUE(std::isnan(this->vector(0, 1)));
}

TYPED_TEST(ConstraintOf, ZerosStayZeros) {
    RowMatrix<TypeParam> zeros = RowMatrix<TypeParam>::Zero(2, 2);
    for (const Constraint& constraint :
         {Constraint::max_norm(), Constraint::unit_norm(), Constraint::min_max_norm({.min_value = 0.5})}) {
        constraint.apply(this->map_of(zeros), WeightRank::matrix);
        EXPECT_TRUE(zeros.isZero(0)) << constraint.to_string();
    }
}

TYPED_TEST(ConstraintOf, ApplyRefusesAnAxisOutOfRange) {
    EXPECT_THROW(Constraint::max_norm({.axis = {0, 1}}).apply(this->map_of(this->vector), WeightRank::vector),
                 OptionError);
}

TYPED_TEST(ConstraintOf, EmptyWeightsAreLeftAlone) {
    RowMatrix<TypeParam> empty(0, 3);
    for (const Axes& axes : {Axes(0), Axes(1), Axes({0, 1})})
        EXPECT_NO_THROW(Constraint::max_norm({.axis = axes}).apply(this->map_of(empty), WeightRank::matrix));
}

// More columns than are handled at a time.
TYPED_TEST(ConstraintOf, UnitNormOfManyColumns) {
    RowMatrix<TypeParam> wide(3, 150);
    for (Index i = 0; i < wide.size(); ++i) wide.data()[i] = static_cast<TypeParam>(i % 7 + 1);
    Constraint::unit_norm().apply(this->map_of(wide), WeightRank::matrix);
    EXPECT_TRUE(wide.colwise().norm().isOnes(TypeParam(1e-6)));
}

TYPED_TEST(ConstraintOf, ApplyKeepsWhatLiesBetweenTheRows) {
    for (const Axes& axes : {Axes(0), Axes(1), Axes({0, 1})}) {
        const WeightMap<TypeParam> left(this->matrix.data(), 2, 2, Eigen::OuterStride<>(3));
        Constraint::unit_norm({.axis = axes}).apply(left, WeightRank::matrix);
        EXPECT_EQ(this->matrix(0, 2), TypeParam(0.5));
        EXPECT_EQ(this->matrix(1, 2), TypeParam(-1.5));
    }
}

TYPED_TEST(ConstraintOf, ApplyAllocatesNothing) {
    if (!eigengru_test::kAllocationCounterWorks) GTEST_SKIP() << "allocations cannot be counted in this build";
    RowMatrix<TypeParam> wide = RowMatrix<TypeParam>::Ones(3, 150);
    const Constraint constraints[] = {Constraint::non_neg(), Constraint::max_norm(), Constraint::max_norm({.axis = 1}),
                                      Constraint::max_norm({.axis = {0, 1}})};
    const eigengru_test::AllocationCount allocations;
    for (const Constraint& constraint : constraints) constraint.apply(this->map_of(wide), WeightRank::matrix);
    EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
