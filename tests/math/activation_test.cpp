// SPDX-License-Identifier: MIT
#include "eigengru/math/activation.hpp"

#include "support/golden_math.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
MatrixMap<S> map_of(RowMatrix<S>& m) {
    return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols())};
}

template <class S>
S value_of(const Activation& activation, double x) {
    RowMatrix<S> m = RowMatrix<S>::Constant(1, 1, static_cast<S>(x));
    activation.apply<S>(map_of(m));
    return m(0, 0);
}

const std::set<std::string> kRowWise{"softmax", "log_softmax", "sparsemax"};

// Values

template <class S>
class ActivationOf : public testing::Test {};
TYPED_TEST_SUITE(ActivationOf, Scalars, );

/// Rows of inputs are one block, so that the row-wise ones see the rows that Keras saw.
template <class S>
RowMatrix<S> outputs_of(const GoldenCase& golden) {
    RowMatrix<S> block = matrix_of<S>(golden.array("inputs"));
    activation_of(golden, "activation").template apply<S>(map_of(block));
    return block;
}

/// What Keras gave; where an input is the threshold itself after rounding to S, which jumps, the value below it.
template <class S>
GoldenArray expected_outputs(const GoldenCase& golden) {
    GoldenArray expected = golden.array("outputs");
    if (golden.option("activation") != "threshold") return expected;
    const std::vector<double>& inputs = golden.array("inputs").values;
    const S threshold = static_cast<S>(golden.number("activation.threshold"));
    for (std::size_t i = 0; i < inputs.size(); ++i)
        if (static_cast<S>(inputs[i]) == threshold) expected.values[i] = golden.number("activation.default_value");
    return expected;
}

TYPED_TEST(ActivationOf, IsThatOfKeras) {
    std::size_t count = 0;
    for (const GoldenCase& golden : load_golden(EIGENGRU_GOLDEN_DIR "/activations.golden")) {
        const RowMatrix<TypeParam> y = outputs_of<TypeParam>(golden);
        const double tolerance = std::is_same_v<TypeParam, double> ? golden.number("tolerance") : 1e-6;
        const double difference =
            relative_difference(expected_outputs<TypeParam>(golden), y.data(), static_cast<std::size_t>(y.size()));
        EXPECT_LE(difference, tolerance) << golden.name;
        ++count;
    }
    EXPECT_EQ(count, 45U);
}

TEST(ActivationValues, AreTheFormulaWhereKerasRoundsAConstant) {
    std::size_t count = 0;
    for (const GoldenCase& golden : load_golden(EIGENGRU_GOLDEN_DIR "/activations.golden")) {
        if (!golden.has_array("formula.outputs")) continue;
        const RowMatrix<double> y = outputs_of<double>(golden);
        const std::size_t size = static_cast<std::size_t>(y.size());
        EXPECT_LE(relative_difference(golden.array("formula.outputs"), y.data(), size), 1e-11) << golden.name;
        ++count;
    }
    EXPECT_GE(count, 3U);
}

TYPED_TEST(ActivationOf, WritesNothingBetweenTheRows) {
    for (const auto& [name, kind] : eigengru::detail::kActivationNames) {
        RowMatrix<TypeParam> wide = RowMatrix<TypeParam>::Constant(3, 7, TypeParam(0.25));
        wide.rightCols(2).setConstant(TypeParam(9));
        RowMatrix<TypeParam> narrow = wide.leftCols(5);
        Activation(name).apply<TypeParam>(MatrixMap<TypeParam>(wide.data(), 3, 5, Eigen::OuterStride<>(7)));
        Activation(name).apply<TypeParam>(map_of(narrow));
        EXPECT_TRUE((wide.rightCols(2).array() == TypeParam(9)).all()) << name;
        EXPECT_TRUE(wide.leftCols(5).isApprox(narrow, TypeParam(1e-6))) << name;
    }
}

TYPED_TEST(ActivationOf, TakesAnEmptyBlock) {
    for (const auto& [name, kind] : eigengru::detail::kActivationNames)
        for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 5}, {3, 0}, {0, 0}}) {
            RowMatrix<TypeParam> empty(rows, cols);
            EXPECT_NO_THROW(Activation(name).apply<TypeParam>(map_of(empty))) << name;
        }
}

TYPED_TEST(ActivationOf, KeepsNotANumber) {
    // Those that compare put a NaN where Keras does: hard_shrink and soft_shrink are 0 between their limits.
    const std::set<std::string_view> selecting{"hard_shrink", "soft_shrink"};
    for (const auto& [name, kind] : eigengru::detail::kActivationNames)
        EXPECT_TRUE(selecting.contains(name) || std::isnan(value_of<TypeParam>(Activation(name), kNan))) << name;
}

TYPED_TEST(ActivationOf, RowOfARowWiseOneDoesNotReachAnother) {
    for (const std::string& name : kRowWise) {
        RowMatrix<TypeParam> block = RowMatrix<TypeParam>::Random(3, 5);
        RowMatrix<TypeParam> clean = block;
        block(1, 2) = std::numeric_limits<TypeParam>::quiet_NaN();
        Activation(name).apply<TypeParam>(map_of(block));
        Activation(name).apply<TypeParam>(map_of(clean));
        EXPECT_EQ(block.row(0), clean.row(0)) << name;
        EXPECT_EQ(block.row(2), clean.row(2)) << name;
        EXPECT_TRUE(block.row(1).hasNaN()) << name;
    }
}

TYPED_TEST(ActivationOf, LimitsAreThoseOfTheFormulas) {
    EXPECT_EQ(value_of<TypeParam>("tanh", kInfinity), TypeParam(1));
    EXPECT_EQ(value_of<TypeParam>("tanh", -kInfinity), TypeParam(-1));
    EXPECT_EQ(value_of<TypeParam>("sigmoid", kInfinity), TypeParam(1));
    EXPECT_LE(value_of<TypeParam>("sigmoid", -kInfinity), std::numeric_limits<TypeParam>::min() * TypeParam(2));
    EXPECT_EQ(value_of<TypeParam>("relu", kInfinity), std::numeric_limits<TypeParam>::infinity());
    EXPECT_EQ(value_of<TypeParam>("softplus", 1e30), static_cast<TypeParam>(1e30));
    EXPECT_EQ(value_of<TypeParam>("softmax", 1e30), TypeParam(1));
}

TYPED_TEST(ActivationOf, LinearChangesNothing) {
    EXPECT_EQ(value_of<TypeParam>(Activation(), 0.1), static_cast<TypeParam>(0.1));
}

// Names

TEST(Activation, DefaultIsLinear) {
    EXPECT_EQ(Activation(), Activation("linear"));
    EXPECT_EQ(Activation().name(), "linear");
}

TEST(Activation, KnowsEveryNameOfKeras) {
    for (const char* name :
         {"celu",           "elu",         "exponential", "gelu",       "hard_shrink", "hard_sigmoid",
          "hard_silu",      "hard_swish",  "hard_tanh",   "leaky_relu", "linear",      "log_sigmoid",
          "log_softmax",    "mish",        "relu",        "relu6",      "selu",        "sigmoid",
          "silu",           "soft_shrink", "softmax",     "softplus",   "softsign",    "sparse_plus",
          "sparse_sigmoid", "sparsemax",   "squareplus",  "swish",      "tanh",        "tanh_shrink"})
        EXPECT_NO_THROW(Activation{name}) << name;
}

TEST(Activation, AliasesAreTheSame) {
    EXPECT_EQ(Activation("swish"), Activation("silu"));
    EXPECT_EQ(Activation("hard_swish"), Activation("hard_silu"));
    EXPECT_EQ(Activation("swish").name(), "silu");
}

TEST(Activation, UnknownNameListsTheKnownOnes) {
    const std::string message = message_of<OptionError>([] { Activation("foo"); });
    EXPECT_TRUE(message.starts_with("Activation: expected one of \"linear\", \"tanh\", \"sigmoid\", ")) << message;
    EXPECT_TRUE(message.ends_with("received \"foo\"")) << message;
    EXPECT_NE(message.find("\"sparsemax\""), std::string::npos) << message;
}

TEST(Activation, CaseOfLettersCounts) {
    EXPECT_THROW(Activation("Tanh"), OptionError);
    EXPECT_THROW(Activation("TANH"), OptionError);
    EXPECT_THROW(Activation(""), OptionError);
}

TEST(Activation, GluIsRefusedWithItsReason) {
    EXPECT_EQ(message_of<OptionError>([] { Activation("glu"); }),
              "Activation: \"glu\" halves the width of its input, so no GRU can use it");
}

TEST(Activation, ThresholdByBareNameIsRefusedWithTheWayOut) {
    EXPECT_EQ(message_of<OptionError>([] { Activation("threshold"); }),
              "Activation: \"threshold\" needs its two arguments; write "
              "Activation::threshold({.threshold = ..., .default_value = ...})");
}

TEST(Activation, ConvertsFromAnyString) {
    const Activation a = "relu", b = std::string("relu"), c = std::string_view("relu");
    EXPECT_EQ(a, b);
    EXPECT_EQ(b, c);
    static_assert(!std::convertible_to<std::nullptr_t, Activation>);
}

TEST(Activation, NamesHaveTheDefaultsOfTheFactories) {
    EXPECT_EQ(Activation("relu"), Activation::relu());
    EXPECT_EQ(Activation("leaky_relu"), Activation::leaky_relu({.negative_slope = 0.2}));
    EXPECT_EQ(Activation("elu"), Activation::elu({.alpha = 1.0}));
    EXPECT_EQ(Activation("celu"), Activation::celu({.alpha = 1.0}));
    EXPECT_EQ(Activation("gelu"), Activation::gelu({.approximate = false}));
    EXPECT_EQ(Activation("soft_shrink"), Activation::soft_shrink({.threshold = 0.5}));
    EXPECT_EQ(Activation("hard_shrink"), Activation::hard_shrink({.threshold = 0.5}));
    EXPECT_EQ(Activation("squareplus"), Activation::squareplus({.b = 4.0}));
}

TEST(Activation, ComparesParameters) {
    EXPECT_NE(Activation::relu({.negative_slope = 0.1}), Activation::relu());
    EXPECT_NE(Activation::relu({.max_value = 0.0}), Activation::relu());
    EXPECT_NE(Activation::gelu({.approximate = true}), Activation("gelu"));
    EXPECT_NE(Activation("tanh"), Activation("sigmoid"));
}

TEST(Activation, OnlyThreeAreRowWise) {
    for (const auto& [name, kind] : eigengru::detail::kActivationNames)
        EXPECT_EQ(Activation(name).is_row_wise(), kRowWise.contains(std::string(name))) << name;
}

TEST(Activation, PrintsItsNameAndWhatIsNotDefault) {
    EXPECT_EQ(Activation("tanh").to_string(), "tanh");
    EXPECT_EQ(Activation("relu").to_string(), "relu");
    EXPECT_EQ(Activation::relu({.negative_slope = 0.1}).to_string(),
              "relu(negative_slope=0.1, max_value=None, threshold=0)");
    EXPECT_EQ(Activation::relu({.max_value = 6.0}).to_string(), "relu(negative_slope=0, max_value=6, threshold=0)");
    EXPECT_EQ(Activation::leaky_relu({.negative_slope = 0.3}).to_string(), "leaky_relu(negative_slope=0.3)");
    EXPECT_EQ(Activation::elu({.alpha = 2}).to_string(), "elu(alpha=2)");
    EXPECT_EQ(Activation::celu({.alpha = 2}).to_string(), "celu(alpha=2)");
    EXPECT_EQ(Activation::gelu({.approximate = true}).to_string(), "gelu(approximate=True)");
    EXPECT_EQ(Activation::soft_shrink({.threshold = 1}).to_string(), "soft_shrink(threshold=1)");
    EXPECT_EQ(Activation::threshold({.threshold = 1, .default_value = 2}).to_string(),
              "threshold(threshold=1, default_value=2)");
    EXPECT_EQ(Activation::squareplus({.b = 1}).to_string(), "squareplus(b=1)");
}

// Parameters

TEST(Activation, ParametersMustBeFinite) {
    EXPECT_EQ(message_of<OptionError>([] { Activation::elu({.alpha = kNan}); }),
              "Activation::elu: expected finite parameters, received nan");
    EXPECT_THROW(Activation::relu({.negative_slope = kInfinity}), OptionError);
    EXPECT_THROW(Activation::relu({.max_value = kNan}), OptionError);
    EXPECT_THROW(Activation::relu({.threshold = kNan}), OptionError);
    EXPECT_THROW(Activation::leaky_relu({.negative_slope = kNan}), OptionError);
    EXPECT_THROW(Activation::celu({.alpha = kInfinity}), OptionError);
    EXPECT_THROW(Activation::soft_shrink({.threshold = kNan}), OptionError);
    EXPECT_THROW(Activation::hard_shrink({.threshold = kNan}), OptionError);
    EXPECT_THROW(Activation::threshold({.threshold = 0, .default_value = kNan}), OptionError);
    EXPECT_THROW(Activation::squareplus({.b = kInfinity}), OptionError);
}

TEST(Activation, MaxValueMustNotBeNegative) {
    EXPECT_EQ(message_of<OptionError>([] { Activation::relu({.max_value = -1.0}); }),
              "Activation::relu: expected max_value of at least 0, received -1");
}

TEST(Activation, AlphaOfCeluMustNotBeZero) {
    EXPECT_EQ(message_of<OptionError>([] { Activation::celu({.alpha = 0}); }),
              "Activation::celu: expected an alpha other than 0, received 0");
}

}  // namespace
}  // namespace eigengru_test
