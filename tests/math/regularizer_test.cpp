// SPDX-License-Identifier: MIT
#include "eigengru/math/regularizer.hpp"

#include "support/golden_math.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>

namespace {

using namespace eigengru;
using eigengru_test::kInfinity;
using eigengru_test::kNan;
using eigengru_test::message_of;

// Names

TEST(Regularizer, DefaultIsNone) {
    EXPECT_TRUE(Regularizer().is_none());
    EXPECT_EQ(Regularizer().name(), "none");
}

TEST(Regularizer, KnowsEveryNameOfKeras) {
    EXPECT_EQ(Regularizer("l1"), Regularizer::l1());
    EXPECT_EQ(Regularizer("L1"), Regularizer::l1());
    EXPECT_EQ(Regularizer("l2"), Regularizer::l2());
    EXPECT_EQ(Regularizer("L2"), Regularizer::l2());
    EXPECT_EQ(Regularizer("orthogonal_regularizer"), Regularizer::orthogonal());
    EXPECT_EQ(Regularizer("OrthogonalRegularizer"), Regularizer::orthogonal());
}

TEST(Regularizer, L1L2ByNameHasFactorsOfOneHundredth) {
    for (const char* name : {"l1_l2", "l1l2", "L1L2"})
        EXPECT_EQ(Regularizer(name), Regularizer::l1_l2({.l1 = 0.01, .l2 = 0.01})) << name;
}

TEST(Regularizer, L1L2WithoutAFactorHasNoneOfIt) {
    EXPECT_EQ(Regularizer::l1_l2({.l2 = 0.1}).parameters().l1, 0.0);
}

TEST(Regularizer, UnknownNameListsTheKnownOnes) {
    EXPECT_EQ(message_of<OptionError>([] { Regularizer("foo"); }),
              "Regularizer: expected one of \"l1\", \"l2\", \"l1_l2\", \"orthogonal_regularizer\", received \"foo\"");
}

TEST(Regularizer, RefusesNoneByName) {
    EXPECT_THROW(Regularizer("none"), OptionError);
}

TEST(Regularizer, ConvertsFromAString) {
    const Regularizer regularizer = std::string("l2");
    EXPECT_EQ(regularizer.kind(), RegularizerKind::l2);
}

TEST(Regularizer, DoesNotConvertFromNullptr) {
    static_assert(!std::convertible_to<std::nullptr_t, Regularizer>);
    SUCCEED();
}

TEST(Regularizer, ComparesKindsAndFactors) {
    EXPECT_EQ(Regularizer::l1(0.5), Regularizer::l1(0.5));
    EXPECT_NE(Regularizer::l1(0.5), Regularizer::l1(0.4));
    EXPECT_NE(Regularizer::l1(0.5), Regularizer::l1_l2({.l1 = 0.5}));
    EXPECT_NE(Regularizer::orthogonal({.mode = "rows"}), Regularizer::orthogonal({.mode = "columns"}));
}

TEST(Regularizer, PrintsItsParameters) {
    EXPECT_EQ(Regularizer().to_string(), "none");
    EXPECT_EQ(Regularizer("l1").to_string(), "l1(l1=0.01)");
    EXPECT_EQ(Regularizer::l2(0.5).to_string(), "l2(l2=0.5)");
    EXPECT_EQ(Regularizer("l1_l2").to_string(), "l1_l2(l1=0.01, l2=0.01)");
    EXPECT_EQ(Regularizer("orthogonal_regularizer").to_string(), "orthogonal_regularizer(factor=0.01, mode=\"rows\")");
}

TEST(Regularizer, IsPartOfAMessage) {
    EXPECT_EQ(detail::text("kernel_regularizer=", Regularizer::l2()), "kernel_regularizer=l2(l2=0.01)");
}

// Refusals

TEST(Regularizer, RefusesNegativeFactors) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Regularizer::l1(-1); }),
              "Regularizer: l1 expected a finite number of at least 0, received -1");
    EXPECT_EQ(message_of<OptionError>([] { (void)Regularizer::l1_l2({.l2 = -0.5}); }),
              "Regularizer: l1_l2 l2 expected a finite number of at least 0, received -0.5");
    EXPECT_THROW((void)Regularizer::l2(-1), OptionError);
    EXPECT_THROW((void)Regularizer::l1_l2({.l1 = -1}), OptionError);
    EXPECT_THROW((void)Regularizer::orthogonal({.factor = -1}), OptionError);
}

TEST(Regularizer, RefusesFactorsThatAreNotFinite) {
    EXPECT_THROW((void)Regularizer::l1(kNan), OptionError);
    EXPECT_THROW((void)Regularizer::l2(kInfinity), OptionError);
    EXPECT_THROW((void)Regularizer::orthogonal({.factor = kNan}), OptionError);
}

TEST(Regularizer, RefusesAnUnknownMode) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Regularizer::orthogonal({.mode = "cols"}); }),
              "Regularizer: orthogonal_regularizer mode: expected one of \"rows\", \"columns\", received \"cols\"");
}

TEST(Regularizer, CheckRefusesOrthogonalOnAVector) {
    EXPECT_EQ(message_of<OptionError>([] { Regularizer::orthogonal().check(WeightRank::vector, "bias_regularizer"); }),
              "bias_regularizer: orthogonal_regularizer expected a weight of rank 2, received one of rank 1");
}

TEST(Regularizer, CheckPassesTheOthersOnAVector) {
    EXPECT_NO_THROW(Regularizer().check(WeightRank::vector));
    EXPECT_NO_THROW(Regularizer("l1_l2").check(WeightRank::vector));
}

// Losses. The numbers are those of Keras 3.15.1 in float32, so that five parts in ten million are allowed.

template <class S>
class RegularizerOf : public testing::Test {
protected:
    RegularizerOf() : matrix(2, 3), vector(1, 4) {
        matrix << S(1), S(-2), S(0.5), S(0.25), S(3), S(-1.5);
        vector << S(1), S(-2), S(0.5), S(4);
    }
    ConstWeightMap<S> weights() const { return map_of(matrix); }
    static ConstWeightMap<S> map_of(const RowMatrix<S>& m) {
        return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols())};
    }
    static void expect_near(S actual, double expected) { EXPECT_NEAR(actual, expected, 5e-7 * expected); }

    RowMatrix<S> matrix;
    RowMatrix<S> vector;
};
TYPED_TEST_SUITE(RegularizerOf, eigengru_test::Scalars);

TYPED_TEST(RegularizerOf, IsThatOfKeras) {
    constexpr double kExact = std::is_same_v<TypeParam, double> ? 1e-11 : 1e-6;
    std::size_t count = 0;
    for (const auto& golden : eigengru_test::load_golden(EIGENGRU_GOLDEN_DIR "/regularizers.golden")) {
        if (golden.option("kind") != "regularizer") continue;
        const auto& recorded = golden.array("weights");
        const RowMatrix<TypeParam> weights = eigengru_test::matrix_of<TypeParam>(recorded);
        const WeightRank rank = recorded.dims.size() == 1 ? WeightRank::vector : WeightRank::matrix;
        const Regularizer regularizer = eigengru_test::regularizer_of(golden, "regularizer");
        const auto loss = static_cast<double>(regularizer.loss(this->map_of(weights), rank));
        const auto expect_loss = [&](double expected, double tolerance) {
            EXPECT_NEAR(loss, expected, tolerance * expected) << golden.name;
        };
        expect_loss(golden.array("loss").values.at(0), std::max(kExact, golden.number("tolerance")));
        // Keras keeps a default factor in float32; the formula has the exact one.
        if (golden.has_array("formula.loss")) expect_loss(golden.array("formula.loss").values.at(0), kExact);
        ++count;
    }
    EXPECT_EQ(count, 41U);
}

TYPED_TEST(RegularizerOf, NoneCostsNothing) {
    EXPECT_EQ(Regularizer().loss(this->weights(), WeightRank::matrix), TypeParam(0));
}

TYPED_TEST(RegularizerOf, L1IsThatOfKeras) {
    this->expect_near(Regularizer::l1().loss(this->weights(), WeightRank::matrix), 0.082499996);
    this->expect_near(Regularizer::l1().loss(this->map_of(this->vector), WeightRank::vector), 0.074999996);
}

TYPED_TEST(RegularizerOf, L2IsThatOfKeras) {
    this->expect_near(Regularizer::l2().loss(this->weights(), WeightRank::matrix), 0.16562499);
    this->expect_near(Regularizer::l2().loss(this->map_of(this->vector), WeightRank::vector), 0.21249999);
}

TYPED_TEST(RegularizerOf, L1L2IsThatOfKeras) {
    const Regularizer regularizer = Regularizer::l1_l2({.l1 = 0.3, .l2 = 0.2});
    this->expect_near(regularizer.loss(this->weights(), WeightRank::matrix), 5.7875004);
    this->expect_near(regularizer.loss(this->map_of(this->vector), WeightRank::vector), 6.5);
}

TYPED_TEST(RegularizerOf, OrthogonalRowsAreThatOfKeras) {
    this->expect_near(Regularizer::orthogonal().loss(this->weights(), WeightRank::matrix), 0.00843440368771553);
}

TYPED_TEST(RegularizerOf, OrthogonalColumnsAreThatOfKeras) {
    const Regularizer regularizer = Regularizer::orthogonal({.factor = 0.7, .mode = "columns"});
    this->expect_near(regularizer.loss(this->weights(), WeightRank::matrix), 0.3214859068393707);
}

TYPED_TEST(RegularizerOf, OrthogonalOfARowOfZerosIsZero) {
    RowMatrix<TypeParam> m(2, 3);
    m << 0, 0, 0, 1, 2, 3;
    EXPECT_EQ(Regularizer::orthogonal().loss(this->map_of(m), WeightRank::matrix), TypeParam(0));
}

TYPED_TEST(RegularizerOf, OrthogonalOfOneRowIsZero) {
    const RowMatrix<TypeParam> row = this->matrix.topRows(1);
    EXPECT_EQ(Regularizer::orthogonal().loss(this->map_of(row), WeightRank::matrix), TypeParam(0));
}

TYPED_TEST(RegularizerOf, OrthogonalOfOrthogonalRowsIsZero) {
    const RowMatrix<TypeParam> identity = RowMatrix<TypeParam>::Identity(3, 5);
    EXPECT_EQ(Regularizer::orthogonal().loss(this->map_of(identity), WeightRank::matrix), TypeParam(0));
}

TYPED_TEST(RegularizerOf, OrthogonalOfEqualRowsIsItsFactor) {
    const RowMatrix<TypeParam> equal = RowMatrix<TypeParam>::Constant(4, 5, TypeParam(3));
    this->expect_near(Regularizer::orthogonal({.factor = 2}).loss(this->map_of(equal), WeightRank::matrix), 2.0);
}

TYPED_TEST(RegularizerOf, LossRefusesOrthogonalOnAVector) {
    EXPECT_THROW((void)Regularizer::orthogonal().loss(this->map_of(this->vector), WeightRank::vector), OptionError);
}

TYPED_TEST(RegularizerOf, LossOfAWritableMapIsTheSame) {
    const WeightMap<TypeParam> writable(this->matrix.data(), 2, 3, Eigen::OuterStride<>(3));
    EXPECT_EQ(Regularizer("l1_l2").loss(writable, WeightRank::matrix),
              Regularizer("l1_l2").loss(this->weights(), WeightRank::matrix));
}

TYPED_TEST(RegularizerOf, LossLeavesOutWhatLiesBetweenTheRows) {
    const ConstWeightMap<TypeParam> left(this->matrix.data(), 2, 2, Eigen::OuterStride<>(3));
    this->expect_near(Regularizer::l1(1).loss(left, WeightRank::matrix), 6.25);
}

TYPED_TEST(RegularizerOf, LossOfNotANumberIsNotANumber) {
    this->matrix(1, 1) = std::numeric_limits<TypeParam>::quiet_NaN();
    EXPECT_TRUE(std::isnan(Regularizer::l2().loss(this->weights(), WeightRank::matrix)));
    EXPECT_TRUE(std::isnan(Regularizer::orthogonal().loss(this->weights(), WeightRank::matrix)));
}

TYPED_TEST(RegularizerOf, LossOfManyWeightsIsSummedExactly) {
    const RowMatrix<TypeParam> many = RowMatrix<TypeParam>::Constant(1000, 1000, TypeParam(0.125));
    EXPECT_EQ(Regularizer::l1(1).loss(this->map_of(many), WeightRank::matrix), TypeParam(125000));
}

// Gradients

template <class S>
RowMatrix<S> gradient_of(const Regularizer& regularizer, const RowMatrix<S>& weights,
                         WeightRank rank = WeightRank::matrix, S scale = S(1)) {
    RowMatrix<S> gradient = RowMatrix<S>::Zero(weights.rows(), weights.cols());
    const Eigen::OuterStride<> stride(weights.cols());
    regularizer.add_gradient<S>({weights.data(), weights.rows(), weights.cols(), stride}, rank, scale,
                                {gradient.data(), weights.rows(), weights.cols(), stride});
    return gradient;
}

TYPED_TEST(RegularizerOf, GradientIsThatOfKeras) {
    std::size_t count = 0;
    for (const auto& golden : eigengru_test::load_golden(EIGENGRU_GOLDEN_DIR "/regularizers.golden")) {
        if (golden.option("kind") != "regularizer") continue;
        const auto& recorded = golden.array("weights");
        const RowMatrix<TypeParam> gradient = gradient_of(
            eigengru_test::regularizer_of(golden, "regularizer"), eigengru_test::matrix_of<TypeParam>(recorded),
            recorded.dims.size() == 1 ? WeightRank::vector : WeightRank::matrix);
        // Keras keeps a default factor in float32, where the loss was recorded once more with the exact one.
        const bool is_rounded = std::is_same_v<TypeParam, float> || golden.has_array("formula.loss");
        const double tolerance = std::max(is_rounded ? 1e-6 : 1e-11, golden.number("tolerance"));
        EXPECT_LE(eigengru_test::relative_difference(golden.array("d_weights"), gradient.data(),
                                                     static_cast<std::size_t>(gradient.size())),
                  tolerance)
            << golden.name;
        ++count;
    }
    EXPECT_EQ(count, 41U);
}

TYPED_TEST(RegularizerOf, GradientOfNoneIsZero) {
    EXPECT_EQ(gradient_of(Regularizer(), this->matrix).cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(RegularizerOf, GradientOfAnAbsoluteValueIsZeroAtZero) {
    const RowMatrix<TypeParam> zeros = RowMatrix<TypeParam>::Zero(2, 3);
    EXPECT_EQ(gradient_of(Regularizer("l1_l2"), zeros).cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(RegularizerOf, GradientIsScaledAndAdded) {
    RowMatrix<TypeParam> sum = RowMatrix<TypeParam>::Constant(2, 3, TypeParam(5));
    Regularizer::l2(0.25).add_gradient<TypeParam>(this->weights(), WeightRank::matrix, TypeParam(4),
                                                  {sum.data(), 2, 3, Eigen::OuterStride<>(3)});
    EXPECT_TRUE((sum.array() == 2 * this->matrix.array() + TypeParam(5)).all());
    const RowMatrix<TypeParam> orthogonal = gradient_of(Regularizer::orthogonal(), this->matrix);
    const RowMatrix<TypeParam> twice =
        gradient_of(Regularizer::orthogonal(), this->matrix, WeightRank::matrix, TypeParam(2));
    EXPECT_LE((twice - 2 * orthogonal).cwiseAbs().maxCoeff(), TypeParam(1e-9));
    EXPECT_GT(orthogonal.cwiseAbs().maxCoeff(), TypeParam(1e-4));
}

TYPED_TEST(RegularizerOf, GradientLeavesWhatLiesBetweenTheRows) {
    RowMatrix<TypeParam> memory = RowMatrix<TypeParam>::Constant(2, 4, TypeParam(7));
    Regularizer("l1_l2").add_gradient<TypeParam>(this->weights(), WeightRank::matrix, TypeParam(1),
                                                 {memory.data(), 2, 3, Eigen::OuterStride<>(4)});
    EXPECT_EQ(memory(0, 3), TypeParam(7));
    EXPECT_EQ(memory(1, 3), TypeParam(7));
    EXPECT_NE(memory(1, 2), TypeParam(7));
}

TYPED_TEST(RegularizerOf, OrthogonalGradientsOfDegenerateRowsAreFinite) {
    RowMatrix<TypeParam> m(3, 2);
    m << 0, 0, 1, 2, 2, 4;  // none, and two that are parallel
    EXPECT_TRUE(gradient_of(Regularizer::orthogonal({.factor = 1}), m).allFinite());
    const RowMatrix<TypeParam> row = this->matrix.topRows(1);
    EXPECT_EQ(gradient_of(Regularizer::orthogonal({.factor = 1}), row).cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(RegularizerOf, GradientRefusesOrthogonalOnAVector) {
    EXPECT_THROW((void)gradient_of(Regularizer::orthogonal(), this->vector, WeightRank::vector), OptionError);
}

}  // namespace
