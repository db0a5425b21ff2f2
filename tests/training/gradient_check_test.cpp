// SPDX-License-Identifier: MIT
#include "eigengru/training/gradient_check.hpp"

#include "eigengru/layer/gru.hpp"
#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "training/mock_model.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// The bowl whose gradients are MockModel's: a (k - 1/2)^2 / 2 for the kernel, 3 (b + 1)^2 / 2 for the bias.
template <class S>
double bowl(MockModel<S>& model) {
    const std::array<double, 6> a{1.0, -2.0, 0.5, 4.0, 0.25, -1.0};
    const auto w = model.weights().template cast<double>().eval();
    double sum = 0.0;
    for (Index i = 0; i < 6; ++i) sum += a[static_cast<std::size_t>(i)] * (w(i) - 0.5) * (w(i) - 0.5) / 2;
    for (Index i = 6; i < 9; ++i) sum += 3 * (w(i) + 1) * (w(i) + 1) / 2;
    return sum;
}

template <class S>
constexpr double kTolerance = std::is_same_v<S, float> ? 1e-2 : 1e-6;

template <class S>
class CheckGradients : public testing::Test {
protected:
    GradientCheckReport check(GradientCheckOptions options = {}) {
        options.tolerance = kTolerance<S>;
        return check_gradients(model, bowl<S>, gradients, options);
    }

    MockModel<S> model;
    Eigen::Matrix<S, Eigen::Dynamic, 1> gradients = model.gradients();
};
TYPED_TEST_SUITE(CheckGradients, Scalars, );

TYPED_TEST(CheckGradients, PassesRightOnes) {
    const GradientCheckReport report = this->check();
    EXPECT_TRUE(report.passed) << report.text();
    EXPECT_EQ(report.entries, 9);
    EXPECT_LE(report.worst, kTolerance<TypeParam>);
}

TYPED_TEST(CheckGradients, NamesTheOneEntryThatIsWrong) {
    const std::array<std::string, 9> places{"kernel(0, 0)", "kernel(0, 1)", "kernel(0, 2)",
                                            "kernel(1, 0)", "kernel(1, 1)", "kernel(1, 2)",
                                            "bias(0, 0)",   "bias(0, 1)",   "bias(0, 2)"};
    for (std::size_t i = 0; i < places.size(); ++i) {
        this->gradients = this->model.gradients();
        this->gradients(static_cast<Index>(i)) += TypeParam(0.25);
        const GradientCheckReport report = this->check();
        EXPECT_FALSE(report.passed);
        EXPECT_EQ(report.text().substr(0, report.text().find(':')), "mock/" + places[i]);
        EXPECT_NEAR(report.analytic - report.numeric, 0.25, 1e-3);
    }
}

TYPED_TEST(CheckGradients, SeesARelativeErrorOfAHundredth) {
    this->gradients(3) *= TypeParam(1.02);
    EXPECT_FALSE(this->check().passed);
}

TYPED_TEST(CheckGradients, SeesASignAndAZero) {
    for (const TypeParam factor : {TypeParam(-1), TypeParam(0)}) {
        this->gradients = this->model.gradients();
        this->gradients(7) *= factor;
        EXPECT_EQ(this->check().col, 1);
        EXPECT_FALSE(this->check().passed);
    }
}

TYPED_TEST(CheckGradients, NotANumberNeverPasses) {
    this->gradients(4) = std::numeric_limits<TypeParam>::quiet_NaN();
    const GradientCheckReport report = this->check();
    EXPECT_FALSE(report.passed);
    EXPECT_EQ(report.row, 1);
    EXPECT_EQ(report.col, 1);
    EXPECT_TRUE(std::isinf(report.worst));
}

TYPED_TEST(CheckGradients, ALossThatIsNotANumberNeverPasses) {
    const auto loss = [](MockModel<TypeParam>&) { return std::numeric_limits<double>::quiet_NaN(); };
    EXPECT_FALSE(check_gradients(this->model, loss, this->gradients).passed);
}

TYPED_TEST(CheckGradients, PutsEveryWeightBack) {
    const auto before = this->model.weights();
    (void)this->check();
    EXPECT_EQ(this->model.weights(), before);
    EXPECT_EQ(this->model.between_rows(), TypeParam(77));
}

TYPED_TEST(CheckGradients, PutsTheWeightBackWhenTheLossThrows) {
    const auto before = this->model.weights();
    int calls = 0;
    const auto loss = [&](MockModel<TypeParam>& moved) {
        if (++calls == 6) throw std::runtime_error("enough");
        return bowl(moved);
    };
    EXPECT_THROW((void)check_gradients(this->model, loss, this->gradients), std::runtime_error);
    EXPECT_EQ(this->model.weights(), before);
}

TYPED_TEST(CheckGradients, ComparesSoManyEntriesOfEachVariable) {
    EXPECT_EQ(this->check({.max_entries_per_variable = 2}).entries, 4);
    EXPECT_EQ(this->check({.max_entries_per_variable = 4}).entries, 4 + 3);
    EXPECT_EQ(this->check({.max_entries_per_variable = 100}).entries, 9);
}

TYPED_TEST(CheckGradients, TheSeedDrawsTheEntries) {
    this->gradients.setConstant(TypeParam(1000));
    std::array<int, 6> found{};
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const GradientCheckReport a = this->check({.max_entries_per_variable = 1, .seed = seed});
        const GradientCheckReport b = this->check({.max_entries_per_variable = 1, .seed = seed});
        EXPECT_EQ(a.text(), b.text());
        if (a.variable == "kernel") ++found[static_cast<std::size_t>(a.row * 3 + a.col)];
    }
    EXPECT_GE(std::count_if(found.begin(), found.end(), [](int n) { return n > 0; }), 4);
}

TYPED_TEST(CheckGradients, TakesTheStepOfTheCaller) {
    // The central difference of |w|^3 is exact up to step^2.
    Eigen::Matrix<TypeParam, 1, 1> w(TypeParam(0)), zero(TypeParam(0));
    const auto cubed = [&] { return static_cast<double>(w(0) * w(0) * w(0)); };
    const MatrixView<TypeParam> values(w.data(), 1, 1);
    const RowMatrix<TypeParam> d = zero;
    EXPECT_NEAR(check_gradients("w", values, cubed, d, {.step = 0.25}).numeric, 0.0625, 1e-6);
    EXPECT_NEAR(check_gradients("w", values, cubed, d, {.step = 0.5}).numeric, 0.25, 1e-6);
}

TYPED_TEST(CheckGradients, ComparesValuesOutsideAModel) {
    RowMatrix<TypeParam> x = RowMatrix<TypeParam>::Random(3, 4);
    RowMatrix<TypeParam> d = 2 * x;
    const RowMatrix<TypeParam> before = x;
    const auto loss = [&] { return x.squaredNorm(); };
    const GradientCheckOptions options{.tolerance = kTolerance<TypeParam>};
    EXPECT_TRUE(check_gradients("inputs", x, loss, d, options).passed);
    d(2, 1) += TypeParam(0.5);
    const GradientCheckReport report = check_gradients("inputs", x, loss, d, options);
    EXPECT_FALSE(report.passed);
    EXPECT_EQ(report.text().substr(0, 13), "inputs(2, 1):");
    EXPECT_EQ(x, before);
}

TYPED_TEST(CheckGradients, ReadsStridedValuesAndGradients) {
    RowMatrix<TypeParam> x = RowMatrix<TypeParam>::Random(3, 7), d(3, 9);
    d.middleCols(1, 4) = 2 * x.leftCols(4);
    const auto loss = [&] { return x.leftCols(4).squaredNorm(); };
    const GradientCheckReport report =
        check_gradients("x", x.leftCols(4), loss, d.middleCols(1, 4), {.tolerance = kTolerance<TypeParam>});
    EXPECT_TRUE(report.passed) << report.text();
    EXPECT_EQ(report.entries, 12);
}

// A layer

template <class S, bool ResetAfter>
void expect_right_gradients() {
    Gru<S, ResetAfter> layer(
        3, {.units = 4, .bias_initializer = "random_normal", .kernel_regularizer = Regularizer::l2(0.1), .seed = 5});
    Sequence<S> inputs({2, 5, 3});
    inputs.matrix().setRandom();
    RowMatrix<S> state = RowMatrix<S>::Random(2, 4);
    const CallOptions<S> call{.initial_state = state};
    Tape<S> tape;
    const Output<S> y = layer.forward(inputs, call, tape);
    const Gradients<S> g = layer.backward(tape, {.last = y.last});
    const auto loss = [&](Gru<S, ResetAfter>& l) {
        return static_cast<double>(l(inputs, call).last.squaredNorm()) / 2 + static_cast<double>(l.losses().total());
    };
    const auto loss_of_values = [&] { return loss(layer); };
    const GradientCheckOptions options{.tolerance = kTolerance<S>};
    for (const GradientCheckReport& report :
         {check_gradients(layer, loss, g.parameters.flat(), options),
          check_gradients("inputs", inputs.matrix(), loss_of_values, g.inputs.matrix(), options),
          check_gradients("initial_state", state, loss_of_values, g.initial_state, options)})
        EXPECT_TRUE(report.passed) << report.text();
    auto wrong = g.parameters.flat().eval();
    wrong(3 * 12 + 2 * 12 + 7) += S(0.5);
    const GradientCheckReport report = check_gradients(layer, loss, wrong, options);
    EXPECT_FALSE(report.passed);
    EXPECT_EQ(report.text().substr(0, 27), "gru/recurrent_kernel(2, 7):");
}

TEST(CheckGradientsOfAGru, PassAndAWrongEntryIsNamed) {
    expect_right_gradients<float, true>();
    expect_right_gradients<double, true>();
    expect_right_gradients<double, false>();
}

// Words

TEST(GradientCheckReport, SaysWhere) {
    const GradientCheckReport report{.passed = false,
                                     .entries = 60,
                                     .worst = 0.5,
                                     .layer = "gru",
                                     .variable = "kernel",
                                     .row = 3,
                                     .col = 7,
                                     .analytic = 0.5,
                                     .numeric = 0.25};
    EXPECT_EQ(report.text(), "gru/kernel(3, 7): analytic 0.5, numeric 0.25, relative error 0.5, the largest of 60");
    EXPECT_EQ(GradientCheckReport().text(), "no entries to compare");
}

TEST(GradientCheckErrors, NameWhatIsWrong) {
    MockModel<double> model;
    const auto g = model.gradients();
    EXPECT_EQ(message_of<ShapeError>([&] { (void)check_gradients(model, bowl<double>, g.head(8)); }),
              "check_gradients: gradients expected 9 elements, one for each weight, received 8");
    RowMatrix<double> x(2, 3);
    const RowMatrix<double> d(3, 2);
    EXPECT_EQ(message_of<ShapeError>([&] {
                  (void)check_gradients(
                      "x", x, [] { return 0.0; }, d);
              }),
              "check_gradients: gradients expected shape (2, 3), received (3, 2)");
    const auto refusal = [&](const GradientCheckOptions& options) {
        return message_of<OptionError>([&] { (void)check_gradients(model, bowl<double>, g, options); });
    };
    EXPECT_EQ(refusal({.step = -1}), "check_gradients: step expected a finite number of at least 0, received -1");
    EXPECT_EQ(refusal({.tolerance = 0}), "check_gradients: tolerance expected a finite number above 0, received 0");
    EXPECT_EQ(refusal({.max_entries_per_variable = -2}),
              "check_gradients: max_entries_per_variable expected at least 0, received -2");
}

}  // namespace
}  // namespace eigengru_test
