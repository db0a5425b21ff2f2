// SPDX-License-Identifier: MIT
#include "eigengru/training/loss.hpp"

#include "eigengru/core/sequence.hpp"
#include "support/allocation_counter.hpp"
#include "support/golden.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace eigengru;
using eigengru_test::GoldenArray;
using eigengru_test::GoldenCase;
using eigengru_test::kInfinity;
using eigengru_test::kNan;

using eigengru_test::message_of;

// Names and parameters

TEST(Loss, KnowsEveryNameOfKeras) {
    for (const char* name : {"mean_squared_error", "MeanSquaredError", "mse", "MSE"})
        EXPECT_EQ(Loss(name), Loss::mean_squared_error()) << name;
    for (const char* name : {"mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"})
        EXPECT_EQ(Loss(name), Loss::mean_absolute_error()) << name;
    for (const char* name : {"huber", "Huber"}) EXPECT_EQ(Loss(name), Loss::huber()) << name;
    for (const char* name : {"binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"})
        EXPECT_EQ(Loss(name), Loss::binary_crossentropy()) << name;
    for (const char* name : {"categorical_crossentropy", "CategoricalCrossentropy"})
        EXPECT_EQ(Loss(name), Loss::categorical_crossentropy()) << name;
    for (const char* name : {"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"})
        EXPECT_EQ(Loss(name), Loss::sparse_categorical_crossentropy()) << name;
}

TEST(Loss, UnknownNameListsTheKnownOnes) {
    EXPECT_EQ(message_of<OptionError>([] { Loss("foo"); }),
              "Loss: expected one of \"mean_squared_error\", \"mean_absolute_error\", \"huber\", "
              "\"binary_crossentropy\", \"categorical_crossentropy\", \"sparse_categorical_crossentropy\", received "
              "\"foo\"");
}

TEST(Loss, ConvertsFromAName) {
    const Loss loss = std::string("mse");
    EXPECT_EQ(loss.kind(), LossKind::mean_squared_error);
    EXPECT_EQ(loss.name(), "mean_squared_error");
    static_assert(!std::convertible_to<std::nullptr_t, Loss>);
}

TEST(Loss, ComparesKindsParametersAndReductions) {
    EXPECT_NE(Loss("mse"), Loss("mae"));
    EXPECT_NE(Loss::huber({.delta = 2}), Loss::huber());
    EXPECT_NE(Loss::mean_squared_error({.reduction = "sum"}), Loss("mse"));
    EXPECT_EQ(Loss::mean_squared_error({.reduction = "mean"}), Loss("mse"));
}

TEST(Loss, PrintsWhatDiffersFromTheDefaults) {
    EXPECT_EQ(Loss("mse").to_string(), "mean_squared_error()");
    EXPECT_EQ(Loss::huber({.delta = 0.5, .reduction = "sum"}).to_string(), "huber(delta=0.5, reduction=\"sum\")");
    EXPECT_EQ(Loss::binary_crossentropy({.from_logits = true, .label_smoothing = 0.1}).to_string(),
              "binary_crossentropy(from_logits=true, label_smoothing=0.1)");
    EXPECT_EQ(detail::text(Loss::sparse_categorical_crossentropy({.ignore_class = -1})),
              "sparse_categorical_crossentropy(ignore_class=-1)");
}

TEST(Loss, RefusesParametersOutOfRange) {
    for (const double delta : {0.0, -1.0, kNan, kInfinity})
        EXPECT_THROW((void)Loss::huber({.delta = delta}), OptionError);
    for (const double smoothing : {-0.1, 1.1, kNan}) {
        EXPECT_THROW((void)Loss::binary_crossentropy({.label_smoothing = smoothing}), OptionError);
        EXPECT_THROW((void)Loss::categorical_crossentropy({.label_smoothing = smoothing}), OptionError);
    }
    EXPECT_EQ(message_of<OptionError>([] { (void)Loss::huber({.delta = 0}); }),
              "Loss: huber delta expected a finite number above 0, received 0");
    EXPECT_EQ(message_of<OptionError>([] { (void)Loss::binary_crossentropy({.label_smoothing = 2}); }),
              "Loss: binary_crossentropy label_smoothing expected a number in [0, 1], received 2");
}

// Behind the numbers

/// Six steps of two features with a mask and weights. The numbers of Keras below are those of its JAX backend in
/// float64, which takes some means in float32: 5e-8 are allowed.
template <class S>
class LossOf : public testing::Test {
protected:
    LossOf() : y({2, 3, 2}), p({2, 3, 2}), d({2, 3, 2}), w_batch(2, 1), w_steps(2, 3) {
        fill(y, {0.2, 1.0, 0.0, 0.7, 1.0, 0.1, 0.5, 0.5, 1.0, 0.0, 0.3, 0.9});
        fill(p, {0.3, 0.6, 0.25, 0.8, 0.9, 0.4, 0.55, 0.1, 0.7, 0.2, 0.35, 0.95});
        w_batch << S(0.5), S(2);
        w_steps << S(0.5), S(1), S(0), S(2), S(0.25), S(3);
    }
    static void fill(Sequence<S>& sequence, const std::vector<double>& values) {
        std::transform(values.begin(), values.end(), sequence.data(), [](double v) { return static_cast<S>(v); });
    }
    MaskView mask() const { return MaskView(mask_values, 2, 3); }
    static void expect_near(S actual, double expected) {
        EXPECT_NEAR(static_cast<double>(actual), expected, kTolerance);
    }

    static constexpr double kTolerance = std::is_same_v<S, float> ? 5e-7 : 5e-8;

    Sequence<S> y, p, d;
    RowMatrix<S> w_batch, w_steps;
    std::array<bool, 6> mask_values{true, true, false, true, false, false};
};
TYPED_TEST_SUITE(LossOf, eigengru_test::Scalars, );

TYPED_TEST(LossOf, ReductionsWithWeightsOfTheBatchAreThoseOfKeras) {
    const LossCallOptions<TypeParam> whole{this->w_batch};
    const LossCallOptions<TypeParam> masked{this->w_batch, this->mask()};
    const Loss sum = Loss::mean_squared_error({.reduction = "sum"});
    const Loss mean = Loss::mean_squared_error({.reduction = "mean_with_sample_weight"});
    this->expect_near(Loss("mse").value(this->y, this->p, whole), 0.063854164909571);
    this->expect_near(Loss("mse").value(this->y, this->p, masked), 0.074374997988343);
    this->expect_near(sum.value(this->y, this->p, whole), 0.383124989457428);
    this->expect_near(sum.value(this->y, this->p, masked), 0.22312499396503);
    this->expect_near(mean.value(this->y, this->p, whole), 0.153249995782971);
    this->expect_near(mean.value(this->y, this->p, masked), 0.074374997988343);
}

TYPED_TEST(LossOf, ReductionsWithWeightsOfStepsAreThoseOfKeras) {
    const LossCallOptions<TypeParam> whole{this->w_steps};
    const LossCallOptions<TypeParam> masked{this->w_steps, this->mask()};
    const Loss mean = Loss::mean_squared_error({.reduction = "mean_with_sample_weight"});
    this->expect_near(Loss("mse").value(this->y, this->p, whole), 0.044166665446634);
    this->expect_near(Loss("mse").value(this->y, this->p, masked), 0.080416664481163);
    this->expect_near(mean.value(this->y, this->p, whole), 0.039259258174786);
    this->expect_near(mean.value(this->y, this->p, masked), 0.068928569555283);
}

TYPED_TEST(LossOf, AnIgnoredClassCountsAsMaskedLikeInKeras) {
    Sequence<TypeParam> classes({2, 3, 1});
    this->fill(classes, {1, 0, 1, 0, 1, 1});
    const Loss loss = Loss::sparse_categorical_crossentropy({.ignore_class = 0});
    this->expect_near(loss.value_and_gradient(classes, this->p, {}, this->d), 0.850463765020281);
    this->expect_near(this->d(0, 0, 1), -0.1388888888888889);
    EXPECT_EQ(this->d(0, 1, 0), TypeParam(0));
    EXPECT_EQ(loss.per_sample(classes, this->p)(1, 0), TypeParam(0));
}

TYPED_TEST(LossOf, AnIgnoredClassNeedNotBeAClass) {
    Sequence<TypeParam> classes({2, 3, 1});
    classes(0, 0, 0) = -1;
    EXPECT_THROW((void)Loss("sparse_categorical_crossentropy").value(classes, this->p), OptionError);
    EXPECT_NO_THROW((void)Loss::sparse_categorical_crossentropy({.ignore_class = -1}).value(classes, this->p));
}

TYPED_TEST(LossOf, PerSampleWeighsAndMasksEveryStep) {
    const RowMatrix<TypeParam> losses = Loss("mse").per_sample(this->y, this->p, {this->w_steps, this->mask()});
    RowMatrix<TypeParam> expected(2, 3);
    expected << TypeParam(0.0425), TypeParam(0.03625), 0, TypeParam(0.1625), 0, 0;
    EXPECT_LT((losses - expected).cwiseAbs().maxCoeff(), TypeParam(1e-6));
}

TYPED_TEST(LossOf, MatricesAreOneSequence) {
    const RowMatrix<TypeParam> targets = this->y.matrix(), predictions = this->p.matrix();
    RowMatrix<TypeParam> gradient(6, 2);
    const TypeParam loss = Loss("mse").value_and_gradient(targets, predictions, {}, gradient);
    EXPECT_EQ(loss, Loss("mse").value(this->y, this->p));
    EXPECT_EQ(loss, Loss("mse").value(this->y.view(), this->p.view()));
    Loss("mse").value_and_gradient(this->y, this->p, {}, this->d);
    EXPECT_EQ(gradient, this->d.matrix());
}

TYPED_TEST(LossOf, StridesAreFollowed) {
    // The steps of the first feature alone.
    const SequenceView<const TypeParam> targets(this->y.data(), {2, 3, 1}, {6, 2});
    const SequenceView<const TypeParam> predictions(this->p.data(), {2, 3, 1}, {6, 2});
    const SequenceView<TypeParam> gradient(this->d.data(), {2, 3, 1}, {6, 2});
    this->expect_near(Loss("mae").value_and_gradient(targets, predictions, {}, gradient), 0.85 / 6);
    this->expect_near(this->d(0, 1, 0), 1.0 / 6);
    EXPECT_EQ(this->d(0, 1, 1), TypeParam(0));
}

TYPED_TEST(LossOf, WhatStandsAtMaskedStepsReachesNothing) {
    const std::array<const char*, 5> names{"mse", "mae", "huber", "bce", "categorical_crossentropy"};
    const LossCallOptions<TypeParam> options{this->w_steps, this->mask()};
    for (const char* name : names) {
        Sequence<TypeParam> clean({2, 3, 2});
        const TypeParam expected = Loss(name).value_and_gradient(this->y, this->p, options, clean);
        Sequence<TypeParam> targets = this->y, predictions = this->p;
        targets(0, 2, 0) = predictions(1, 1, 0) = TypeParam(kNan);
        predictions(0, 2, 1) = predictions(1, 2, 0) = TypeParam(kInfinity);
        RowMatrix<TypeParam> weights = this->w_steps;
        weights(0, 2) = TypeParam(kNan);
        this->d.matrix().setConstant(TypeParam(kNan));
        const LossCallOptions<TypeParam> spoilt{weights, this->mask()};
        EXPECT_EQ(Loss(name).value_and_gradient(targets, predictions, spoilt, this->d), expected) << name;
        EXPECT_EQ(this->d.matrix(), clean.matrix()) << name;
        EXPECT_TRUE(Loss(name).per_sample(targets, predictions, spoilt).allFinite()) << name;
    }
}

TYPED_TEST(LossOf, NotANumberAtAUsedStepReachesTheLoss) {
    this->p(0, 0, 0) = TypeParam(kNan);
    EXPECT_TRUE(std::isnan(Loss("mse").value_and_gradient(this->y, this->p, {}, this->d)));
    EXPECT_TRUE(std::isnan(this->d(0, 0, 0)));
}

TYPED_TEST(LossOf, AMaskOfNothingGivesZero) {
    const std::array<bool, 6> nothing{};
    const LossCallOptions<TypeParam> options{{}, MaskView(nothing, 2, 3)};
    this->d.matrix().setConstant(TypeParam(kNan));
    EXPECT_EQ(Loss("mse").value_and_gradient(this->y, this->p, options, this->d), TypeParam(0));
    EXPECT_EQ(this->d.matrix().cwiseAbs().maxCoeff(), TypeParam(0));
}

TYPED_TEST(LossOf, AnEmptyBatchGivesZero) {
    const Sequence<TypeParam> empty({0, 3, 2});
    EXPECT_EQ(Loss("mse").value(empty, empty), TypeParam(0));
    EXPECT_EQ(Loss("mse").per_sample(empty, empty).rows(), 0);
}

TYPED_TEST(LossOf, ManyStepsAreSummedExactly) {
    Sequence<TypeParam> zeros({1, 100000, 1}), eighths({1, 100000, 1});
    eighths.matrix().setConstant(TypeParam(0.125));
    EXPECT_EQ(Loss::mean_absolute_error({.reduction = "sum"}).value(zeros, eighths), TypeParam(12500));
}

TYPED_TEST(LossOf, AllocatesNothing) {
    if constexpr (!eigengru_test::kAllocationCounterWorks)
        GTEST_SKIP() << "allocations cannot be counted in this build";
    Sequence<TypeParam> classes({2, 3, 1});
    const LossCallOptions<TypeParam> options{this->w_steps, this->mask()};
    std::vector<std::pair<Loss, SequenceView<const TypeParam>>> calls;
    for (const char* name : {"mse", "mae", "huber", "bce", "categorical_crossentropy"})
        calls.emplace_back(name, this->y.view());
    calls.emplace_back("sparse_categorical_crossentropy", classes.view());
    calls.emplace_back(Loss::categorical_crossentropy({.from_logits = true}), this->y.view());
    calls.emplace_back(Loss::mean_squared_error({.reduction = "mean_with_sample_weight"}), this->y.view());
    const eigengru_test::AllocationCount allocations;
    for (const auto& [loss, targets] : calls) {
        loss.value_and_gradient(targets, this->p, options, this->d);
        loss.value_and_gradient(targets, this->p, {this->w_batch}, this->d);
    }
    EXPECT_EQ(allocations.count(), 0U);
}

// Refusals

TYPED_TEST(LossOf, RefusesShapesThatDoNotFit) {
    const Sequence<TypeParam> other({2, 3, 1});
    EXPECT_EQ(message_of<ShapeError>([&] { (void)Loss("mse").value(other, this->p); }),
              "Loss::value: targets expected the shape (2, 3, 2) for predictions of shape (2, 3, 2), received (2, 3, "
              "1)");
    EXPECT_THROW((void)Loss("mse").per_sample(other, this->p), ShapeError);
    EXPECT_THROW((void)Loss("sparse_categorical_crossentropy").value(this->y, this->p), ShapeError);
    Sequence<TypeParam> gradient({2, 3, 1});
    EXPECT_EQ(message_of<ShapeError>([&] { Loss("mse").value_and_gradient(this->y, this->p, {}, gradient); }),
              "Loss::value_and_gradient: d_predictions expected (2, 3, 2), received (2, 3, 1)");
}

TYPED_TEST(LossOf, RefusesAClassNumberOutOfRangeAndWritesNothing) {
    Sequence<TypeParam> classes({2, 3, 1});
    classes(1, 2, 0) = 2;
    this->d.matrix().setConstant(TypeParam(7));
    const Loss loss = "sparse_categorical_crossentropy";
    EXPECT_EQ(message_of<OptionError>([&] { loss.value_and_gradient(classes, this->p, {}, this->d); }),
              "Loss::value_and_gradient: targets expected class numbers from 0 to 1, received 2 for step 2 of sequence "
              "1");
    EXPECT_EQ(this->d.matrix().minCoeff(), TypeParam(7));
}

TYPED_TEST(LossOf, OneNumberNeedsAReduction) {
    const Loss loss = Loss::mean_squared_error({.reduction = "none"});
    EXPECT_EQ(message_of<OptionError>([&] { (void)loss.value(this->y, this->p); }),
              "Loss::value: expected a reduction to one number, received none (see per_sample)");
    EXPECT_THROW(loss.value_and_gradient(this->y, this->p, {}, this->d), OptionError);
    EXPECT_EQ(loss.per_sample(this->y, this->p), Loss("mse").per_sample(this->y, this->p));
}

// Gradients by finite differences

class LossGradient : public testing::TestWithParam<Loss> {};

TEST_P(LossGradient, IsThatOfFiniteDifferences) {
    const Loss& loss = GetParam();
    const bool is_sparse = loss.kind() == LossKind::sparse_categorical_crossentropy;
    Sequence<double> y({2, 3, is_sparse ? 1 : 4}), p({2, 3, 4}), d({2, 3, 4});
    RowMatrix<double> weights(2, 3);
    std::mt19937 engine(7);
    std::uniform_real_distribution<double> uniform(0.05, 0.95);
    for (Index i = 0; i < y.size(); ++i) y.data()[i] = is_sparse ? double(i % 4) : uniform(engine);
    for (Index i = 0; i < p.size(); ++i) p.data()[i] = uniform(engine) * (loss.parameters().from_logits ? 6 : 1);
    for (Index i = 0; i < weights.size(); ++i) weights.data()[i] = uniform(engine);
    const std::array<bool, 6> mask{true, false, true, true, true, false};
    const LossCallOptions<double> options{weights, MaskView(mask, 2, 3)};
    loss.value_and_gradient(y, p, options, d);
    for (Index i = 0; i < p.size(); ++i) {
        const double before = p.data()[i], step = 1e-6;
        p.data()[i] = before + step;
        const double above = loss.value(y, p, options);
        p.data()[i] = before - step;
        const double below = loss.value(y, p, options);
        p.data()[i] = before;
        EXPECT_NEAR(d.data()[i], (above - below) / (2 * step), 1e-8) << loss.to_string() << ", element " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LossGradient,
    testing::Values(Loss("mse"), Loss("mae"), Loss::huber({.delta = 0.2}), Loss("bce"),
                    Loss::binary_crossentropy({.label_smoothing = 0.3, .reduction = "sum"}),
                    Loss::binary_crossentropy({.from_logits = true, .label_smoothing = 0.1}),
                    Loss("categorical_crossentropy"), Loss::categorical_crossentropy({.label_smoothing = 0.2}),
                    Loss::categorical_crossentropy({.from_logits = true, .reduction = "mean_with_sample_weight"}),
                    Loss("sparse_categorical_crossentropy"),
                    Loss::sparse_categorical_crossentropy({.from_logits = true, .ignore_class = 2})));

// Every case recorded from Keras

Loss loss_of(const GoldenCase& golden, const std::string& reduction) {
    const std::string& name = golden.option("loss");
    const auto arguments = golden.numbers_below("loss");
    const auto argument = [&](const char* key, double otherwise) {
        const auto found = arguments.find(key);
        return found == arguments.end() ? otherwise : found->second;
    };
    // With a softmax or a sigmoid in front, Keras takes the loss on its argument, and so do the cases: on `logits`.
    const bool from_logits = argument("from_logits", 0) != 0 || golden.has_option("head");
    const CrossentropyOptions crossentropy{from_logits, argument("label_smoothing", 0), reduction};
    if (name == "mean_squared_error") return Loss::mean_squared_error({reduction});
    if (name == "mean_absolute_error") return Loss::mean_absolute_error({reduction});
    if (name == "huber") return Loss::huber({argument("delta", 1), reduction});
    if (name == "binary_crossentropy") return Loss::binary_crossentropy(crossentropy);
    if (name == "categorical_crossentropy") return Loss::categorical_crossentropy(crossentropy);
    if (name == "sparse_categorical_crossentropy")
        return Loss::sparse_categorical_crossentropy({.from_logits = from_logits, .reduction = reduction});
    throw std::invalid_argument("unknown loss " + name);
}

/// The arrays of a case as the arguments of a call with scalar S.
template <class S>
struct GoldenLoss {
    explicit GoldenLoss(const GoldenCase& golden)
        : loss(loss_of(golden, golden.option("reduction"))),
          tolerance(golden.number("tolerance")),
          predictions(golden.array(golden.has_option("head") ? "logits" : "predictions").as<S>()),
          targets(golden.array("targets").as<S>()) {
        const auto& dims = golden.array(golden.has_option("head") ? "logits" : "predictions").dims;
        shape = Shape3(dims.at(0), dims.at(1), dims.at(2));
        if (golden.has_array("sample_weight")) {
            const GoldenArray& array = golden.array("sample_weight");
            weights = array.as<S>();
            const std::size_t steps = array.dims.size() == 2 ? array.dims[1] : 1;
            options.sample_weight = {weights.data(), array.dims[0], steps};
        }
        if (golden.has_array("mask")) {
            mask = golden.array("mask").as<unsigned char>();
            options.mask = MaskView(mask, shape.batch, shape.time);
        }
    }
    GoldenLoss(const GoldenLoss&) = delete;

    SequenceView<const S> p() const { return {predictions.data(), shape}; }
    SequenceView<const S> y() const {
        const bool is_sparse = loss.kind() == LossKind::sparse_categorical_crossentropy;
        return {targets.data(), Shape3(shape.batch, shape.time, is_sparse ? Index{1} : shape.features)};
    }

    Loss loss;
    double tolerance;
    Shape3 shape;
    std::vector<S> predictions, targets, weights;
    std::vector<unsigned char> mask;
    LossCallOptions<S> options;
};

/// The recorded inputs are floats and everything is computed in double, so that the result in float is the rounded one.
template <class S>
double allowed(double tolerance, double expected) {
    const double rounding = std::is_same_v<S, float> ? 0.5 * std::numeric_limits<float>::epsilon() : 0.0;
    const double smallest = std::is_same_v<S, float> ? std::numeric_limits<float>::denorm_min() : 0.0;
    return (tolerance + rounding) * std::abs(expected) + tolerance + smallest;
}

template <class S, class Values>
void expect_values(const Values& actual, const GoldenArray& expected, double tolerance, const std::string& name) {
    ASSERT_EQ(static_cast<std::size_t>(actual.size()), expected.values.size()) << name;
    for (std::size_t i = 0; i < expected.values.size(); ++i)
        EXPECT_NEAR(static_cast<double>(actual.data()[i]), expected.values[i],
                    allowed<S>(tolerance, expected.values[i]))
            << name << ", element " << i;
}

/// Keras on TensorFlow, which made the cases, clips the probabilities of the sparse loss before it makes their sum 1.
/// JAX treats both categorical losses alike, and so do we: expected is the dense loss of the same classes.
std::string expected_case(const std::string& name) {
    const std::string sparse = "awkward.corners.scce.";
    return name.starts_with(sparse) ? "awkward.corners.cce." + name.substr(sparse.size()) : name;
}

template <class S>
void expect_golden(const GoldenCase& golden, const GoldenCase& expected) {
    const GoldenLoss<S> given(golden);
    const std::string& name = golden.name;
    Sequence<S> d(given.shape);
    if (given.loss.reduction() == LossReduction::none) {
        expect_values<S>(given.loss.per_sample(given.y(), given.p(), given.options), expected.array("losses"),
                         given.tolerance, name);
        // The gradient recorded there is that of the sum of the losses.
        loss_of(golden, "sum").value_and_gradient(given.y(), given.p(), given.options, d);
    } else {
        const S value = given.loss.value_and_gradient(given.y(), given.p(), given.options, d);
        EXPECT_EQ(given.loss.value(given.y(), given.p(), given.options), value);
        const double number = expected.array("loss").values.at(0);
        EXPECT_NEAR(static_cast<double>(value), number, allowed<S>(given.tolerance, number)) << name;
    }
    expect_values<S>(d.matrix(), expected.array(golden.has_option("head") ? "d_logits" : "d_predictions"),
                     given.tolerance, name);
}

TYPED_TEST(LossOf, EveryGoldenCaseIsThatOfKeras) {
    const auto cases = eigengru_test::load_golden(EIGENGRU_GOLDEN_DIR "/losses.golden");
    ASSERT_GE(cases.size(), 300U);
    for (const GoldenCase& golden : cases) {
        const std::string name = expected_case(golden.name);
        const auto expected = std::find_if(cases.begin(), cases.end(), [&](const auto& c) { return c.name == name; });
        ASSERT_NE(expected, cases.end()) << name;
        expect_golden<TypeParam>(golden, *expected);
    }
}

}  // namespace
