// SPDX-License-Identifier: MIT
#include "eigengru/math/initializer.hpp"

#include "support/message_of.hpp"
#include "support/modes.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace eigengru;
using eigengru_test::kInfinity;
using eigengru_test::kNan;
using eigengru_test::message_of;
using enum InitializerKind;

template <class S>
WeightMap<S> map_of(RowMatrix<S>& m) {
    return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols())};
}

template <class S>
RowMatrix<S> filled(const Initializer& initializer, Index rows, Index cols, WeightRank rank = WeightRank::matrix,
                    std::uint64_t seed = 42) {
    RowMatrix<S> m = RowMatrix<S>::Constant(rows, cols, S(-99));
    initializer.fill(map_of(m), rank, seed);
    return m;
}

double deviation_of(const RowMatrix<double>& m) {
    return std::sqrt((m.array() - m.mean()).square().mean());
}

// Names

TEST(Initializer, DefaultIsZeros) {
    EXPECT_EQ(Initializer(), Initializer::zeros());
}

// What keras.initializers.get accepts in Keras 3.15.1, less the base class and STFT.
TEST(Initializer, KnowsEveryNameOfKeras) {
    const std::vector<std::pair<const char*, InitializerKind>> names = {
        {"Constant", constant},
        {"GlorotNormal", glorot_normal},
        {"GlorotUniform", glorot_uniform},
        {"HeNormal", he_normal},
        {"HeUniform", he_uniform},
        {"Identity", identity},
        {"IdentityInitializer", identity},
        {"LecunNormal", lecun_normal},
        {"LecunUniform", lecun_uniform},
        {"Ones", ones},
        {"Orthogonal", orthogonal},
        {"OrthogonalInitializer", orthogonal},
        {"RandomNormal", random_normal},
        {"RandomUniform", random_uniform},
        {"TruncatedNormal", truncated_normal},
        {"VarianceScaling", variance_scaling},
        {"Zeros", zeros},
        {"constant", constant},
        {"glorot_normal", glorot_normal},
        {"glorot_uniform", glorot_uniform},
        {"he_normal", he_normal},
        {"he_uniform", he_uniform},
        {"identity", identity},
        {"lecun_normal", lecun_normal},
        {"lecun_uniform", lecun_uniform},
        {"normal", random_normal},
        {"one", ones},
        {"ones", ones},
        {"orthogonal", orthogonal},
        {"random_normal", random_normal},
        {"random_uniform", random_uniform},
        {"truncated_normal", truncated_normal},
        {"uniform", random_uniform},
        {"variance_scaling", variance_scaling},
        {"zero", zeros},
        {"zeros", zeros},
    };
    for (const auto& [name, kind] : names) EXPECT_EQ(Initializer(name).kind(), kind) << name;
}

TEST(Initializer, NameIsTheSnakeCaseOne) {
    EXPECT_EQ(Initializer("GlorotUniform").name(), "glorot_uniform");
}

TEST(Initializer, ConvertsFromAString) {
    const Initializer initializer = std::string("he_normal");
    EXPECT_EQ(initializer, Initializer::he_normal());
}

TEST(Initializer, DoesNotConvertFromNullptr) {
    static_assert(!std::convertible_to<std::nullptr_t, Initializer>);
    SUCCEED();
}

TEST(Initializer, ByNameEqualsTheFactoryWithDefaults) {
    EXPECT_EQ(Initializer("zeros"), Initializer::zeros());
    EXPECT_EQ(Initializer("ones"), Initializer::ones());
    EXPECT_EQ(Initializer("identity"), Initializer::identity());
    EXPECT_EQ(Initializer("random_normal"), Initializer::random_normal());
    EXPECT_EQ(Initializer("random_uniform"), Initializer::random_uniform());
    EXPECT_EQ(Initializer("truncated_normal"), Initializer::truncated_normal());
    EXPECT_EQ(Initializer("variance_scaling"), Initializer::variance_scaling());
    EXPECT_EQ(Initializer("glorot_uniform"), Initializer::glorot_uniform());
    EXPECT_EQ(Initializer("glorot_normal"), Initializer::glorot_normal());
    EXPECT_EQ(Initializer("he_uniform"), Initializer::he_uniform());
    EXPECT_EQ(Initializer("he_normal"), Initializer::he_normal());
    EXPECT_EQ(Initializer("lecun_uniform"), Initializer::lecun_uniform());
    EXPECT_EQ(Initializer("lecun_normal"), Initializer::lecun_normal());
    EXPECT_EQ(Initializer("orthogonal"), Initializer::orthogonal());
}

TEST(Initializer, ConstantByNameIsZero) {
    EXPECT_EQ(Initializer("constant"), Initializer::constant(0.0));
}

TEST(Initializer, UnknownNameListsTheKnownOnes) {
    EXPECT_EQ(message_of<OptionError>([] { Initializer("foo"); }),
              "Initializer: expected one of \"zeros\", \"ones\", \"constant\", \"identity\", \"random_normal\", "
              "\"random_uniform\", \"truncated_normal\", \"variance_scaling\", \"glorot_uniform\", \"glorot_normal\", "
              "\"he_uniform\", \"he_normal\", \"lecun_uniform\", \"lecun_normal\", \"orthogonal\", received \"foo\"");
}

TEST(Initializer, RefusesTheNoneOfKeras) {
    EXPECT_THROW(Initializer("None"), OptionError);
}

// Value semantics and text

TEST(Initializer, ComparesParameters) {
    EXPECT_EQ(Initializer::random_normal({.stddev = 0.1}), Initializer::random_normal({.stddev = 0.1}));
    EXPECT_NE(Initializer::random_normal({.stddev = 0.1}), Initializer::random_normal({.stddev = 0.2}));
}

TEST(Initializer, ComparesSeeds) {
    EXPECT_NE(Initializer::glorot_uniform({.seed = 1}), Initializer::glorot_uniform());
}

TEST(Initializer, ComparesKinds) {
    EXPECT_NE(Initializer::random_normal(), Initializer::truncated_normal());
}

TEST(Initializer, PrintsItsParameters) {
    EXPECT_EQ(Initializer::zeros().to_string(), "zeros");
    EXPECT_EQ(Initializer::constant(0.5).to_string(), "constant(value=0.5)");
    EXPECT_EQ(Initializer::identity().to_string(), "identity(gain=1)");
    EXPECT_EQ(Initializer::random_normal().to_string(), "random_normal(mean=0, stddev=0.05)");
    EXPECT_EQ(Initializer::random_uniform().to_string(), "random_uniform(minval=-0.05, maxval=0.05)");
    EXPECT_EQ(Initializer::orthogonal({.gain = 2}).to_string(), "orthogonal(gain=2)");
}

TEST(Initializer, PrintsTheModeAndDistribution) {
    EXPECT_EQ(Initializer::variance_scaling({.scale = 2, .mode = "fan_avg", .distribution = "uniform"}).to_string(),
              "variance_scaling(scale=2, mode=\"fan_avg\", distribution=\"uniform\")");
}

TEST(Initializer, PrintsTheSeedWhenThereIsOne) {
    EXPECT_EQ(Initializer::orthogonal({.seed = 7}).to_string(), "orthogonal(gain=1, seed=7)");
    EXPECT_EQ(Initializer::he_normal({.seed = 7}).to_string(), "he_normal(seed=7)");
    EXPECT_EQ(Initializer::he_normal().to_string(), "he_normal");
}

TEST(Initializer, IsPartOfAMessage) {
    EXPECT_EQ(detail::text("kernel_initializer=", Initializer::ones()), "kernel_initializer=ones");
}

TEST(Initializer, KnowsWhetherItDraws) {
    for (const char* name : {"zeros", "ones", "constant", "identity"}) EXPECT_FALSE(Initializer(name).is_random());
    for (const char* name : {"random_normal", "uniform", "glorot_uniform", "orthogonal"})
        EXPECT_TRUE(Initializer(name).is_random());
}

// Refusals

TEST(Initializer, RefusesANegativeDeviation) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Initializer::random_normal({.stddev = -1}); }),
              "Initializer: random_normal stddev expected a finite number of at least 0, received -1");
    EXPECT_EQ(message_of<OptionError>([] { (void)Initializer::truncated_normal({.stddev = -1}); }),
              "Initializer: truncated_normal stddev expected a finite number of at least 0, received -1");
}

TEST(Initializer, RefusesParametersThatAreNotFinite) {
    EXPECT_THROW((void)Initializer::constant(kNan), OptionError);
    EXPECT_THROW((void)Initializer::identity(kInfinity), OptionError);
    EXPECT_THROW((void)Initializer::random_normal({.mean = kNan}), OptionError);
    EXPECT_THROW((void)Initializer::random_normal({.stddev = kInfinity}), OptionError);
    EXPECT_THROW((void)Initializer::truncated_normal({.mean = kInfinity}), OptionError);
    EXPECT_THROW((void)Initializer::random_uniform({.minval = -kInfinity}), OptionError);
    EXPECT_THROW((void)Initializer::random_uniform({.maxval = kNan}), OptionError);
    EXPECT_THROW((void)Initializer::variance_scaling({.scale = kNan}), OptionError);
    EXPECT_THROW((void)Initializer::orthogonal({.gain = kNan}), OptionError);
}

TEST(Initializer, RefusesBoundsInTheWrongOrder) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Initializer::random_uniform({.minval = 1, .maxval = 0}); }),
              "Initializer: random_uniform expected minval <= maxval, received minval 1 and maxval 0");
}

TEST(Initializer, RefusesAScaleOfZero) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Initializer::variance_scaling({.scale = 0}); }),
              "Initializer: variance_scaling scale expected a finite number above 0, received 0");
}

TEST(Initializer, RefusesAnUnknownMode) {
    EXPECT_EQ(message_of<OptionError>([] { (void)Initializer::variance_scaling({.mode = "fan"}); }),
              "Initializer: variance_scaling mode: expected one of \"fan_in\", \"fan_out\", \"fan_avg\", received "
              "\"fan\"");
}

TEST(Initializer, RefusesAnUnknownDistribution) {
    EXPECT_THROW((void)Initializer::variance_scaling({.distribution = "cauchy"}), OptionError);
}

TEST(Initializer, NormalIsAnOldNameOfTruncatedNormal) {
    EXPECT_EQ(Initializer::variance_scaling({.distribution = "normal"}), Initializer::variance_scaling());
}

TEST(Initializer, CheckRefusesOrthogonalOnAVector) {
    EXPECT_EQ(message_of<OptionError>([] {
                  Initializer("orthogonal").check({1, 48, WeightRank::vector}, "bias_initializer");
              }),
              "bias_initializer: orthogonal expected a weight of rank 2, received shape (48,) of rank 1");
}

TEST(Initializer, CheckRefusesIdentityOnAVector) {
    EXPECT_THROW(Initializer("identity").check({1, 48, WeightRank::vector}), OptionError);
}

TEST(Initializer, CheckPassesOrthogonalOnABiasOfTwoRows) {
    EXPECT_NO_THROW(Initializer("orthogonal").check({2, 48, WeightRank::matrix}));
}

TEST(Initializer, CheckPassesTheOthersOnAVector) {
    for (const char* name : {"zeros", "ones", "constant", "random_normal", "glorot_uniform", "variance_scaling"})
        EXPECT_NO_THROW(Initializer(name).check({1, 48, WeightRank::vector})) << name;
}

TEST(Initializer, FillChecksToo) {
    RowMatrix<float> bias(1, 6);
    EXPECT_THROW(Initializer("orthogonal").fill(map_of(bias), WeightRank::vector, 1), OptionError);
}

// Filling, in both scalars

template <class S>
class InitializerOf : public testing::Test {
protected:
    /// Keras's promise is for float; the arithmetic is in double.
    static constexpr double kTolerance = std::is_same_v<S, float> ? 1e-6 : 1e-14;
};
TYPED_TEST_SUITE(InitializerOf, eigengru_test::Scalars);

TYPED_TEST(InitializerOf, ZerosAreZero) {
    EXPECT_TRUE(filled<TypeParam>("zeros", 2, 3).isZero(0));
}

TYPED_TEST(InitializerOf, OnesAreOne) {
    EXPECT_TRUE(filled<TypeParam>("ones", 2, 3).isOnes(0));
}

TYPED_TEST(InitializerOf, ConstantIsItsValue) {
    EXPECT_TRUE(filled<TypeParam>(Initializer::constant(0.1), 2, 3).isConstant(TypeParam(0.1), 0));
}

TYPED_TEST(InitializerOf, IdentityOfAWideMatrix) {
    RowMatrix<TypeParam> expected(2, 3);
    expected << 2, 0, 0, 0, 2, 0;
    EXPECT_EQ(filled<TypeParam>(Initializer::identity(2), 2, 3), expected);
}

TYPED_TEST(InitializerOf, IdentityOfAHighMatrix) {
    RowMatrix<TypeParam> expected(3, 2);
    expected << 1, 0, 0, 1, 0, 0;
    EXPECT_EQ(filled<TypeParam>("identity", 3, 2), expected);
}

TYPED_TEST(InitializerOf, UniformBitsArePinned) {
    RowMatrix<TypeParam> expected(2, 2);
    expected << TypeParam(0x1.72259d8cbba80p-7), TypeParam(-0x1.5d9bcaa9e551cp-5), TypeParam(0x1.8f8a03bb175ecp-5),
        TypeParam(0x1.6c8a929d80567p-10);
    EXPECT_EQ(filled<TypeParam>("random_uniform", 2, 2), expected);
}

TYPED_TEST(InitializerOf, GlorotUniformBitsArePinned) {
    RowMatrix<TypeParam> expected(2, 3);
    expected << TypeParam(0x1.fad8356b04582p-3), TypeParam(-0x1.deb8a30f6298cp-1), TypeParam(0x1.118bb5509bef9p+0),
        TypeParam(0x1.f32b320c6d517p-6), TypeParam(0x1.6d89575e79d0cp-1), TypeParam(0x1.cd019d6b94b5cp-3);
    EXPECT_EQ(filled<TypeParam>("glorot_uniform", 2, 3), expected);
}

TYPED_TEST(InitializerOf, NormalsArePinned) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("random_normal", 2, 2);
    EXPECT_NEAR(m(0, 0), 0.061727091048907778, this->kTolerance);
    EXPECT_NEAR(m(1, 1), -0.012942827962225553, this->kTolerance);
}

TYPED_TEST(InitializerOf, OrthogonalIsPinned) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("orthogonal", 2, 3);
    EXPECT_NEAR(m(0, 0), 0.3493645656860398, this->kTolerance);
    EXPECT_NEAR(m(1, 2), -0.78819067110111762, this->kTolerance);
}

TYPED_TEST(InitializerOf, FloatIsTheRoundedDouble) {
    for (const char* name : {"random_normal", "random_uniform", "truncated_normal", "glorot_normal", "orthogonal"})
        EXPECT_EQ(filled<TypeParam>(name, 4, 6), filled<double>(name, 4, 6).template cast<TypeParam>()) << name;
}

TYPED_TEST(InitializerOf, OrthogonalRowsOfAWideMatrix) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("orthogonal", 16, 48);
    EXPECT_TRUE((m * m.transpose()).isIdentity(TypeParam(this->kTolerance)));
}

TYPED_TEST(InitializerOf, OrthogonalColumnsOfAHighMatrix) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("orthogonal", 48, 16);
    EXPECT_TRUE((m.transpose() * m).isIdentity(TypeParam(this->kTolerance)));
}

TYPED_TEST(InitializerOf, OrthogonalSquareIsBoth) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("orthogonal", 64, 64);
    EXPECT_TRUE((m.transpose() * m).isIdentity(TypeParam(this->kTolerance)));
    EXPECT_TRUE((m * m.transpose()).isIdentity(TypeParam(this->kTolerance)));
}

TYPED_TEST(InitializerOf, OrthogonalWideIsTheTransposeOfHigh) {
    const RowMatrix<TypeParam> high = filled<TypeParam>("orthogonal", 9, 4);
    EXPECT_EQ(filled<TypeParam>("orthogonal", 4, 9), high.transpose());
}

TYPED_TEST(InitializerOf, OrthogonalIsTimesItsGain) {
    const RowMatrix<TypeParam> m = filled<TypeParam>(Initializer::orthogonal({.gain = -3}), 5, 8);
    EXPECT_TRUE((m * m.transpose() / TypeParam(9)).isIdentity(TypeParam(this->kTolerance)));
    EXPECT_TRUE(m.isApprox(TypeParam(-3) * filled<TypeParam>("orthogonal", 5, 8)));
}

TYPED_TEST(InitializerOf, OrthogonalOfOneUnit) {
    const RowMatrix<TypeParam> m = filled<TypeParam>("orthogonal", 1, 3);
    EXPECT_NEAR(m.norm(), 1.0, this->kTolerance);
}

TYPED_TEST(InitializerOf, EmptyWeightsAreLeftAlone) {
    for (const char* name : {"zeros", "identity", "random_normal", "glorot_uniform", "orthogonal"})
        EXPECT_EQ(filled<TypeParam>(name, 0, 3).size(), 0) << name;
}

TYPED_TEST(InitializerOf, FillKeepsWhatLiesBetweenTheRows) {
    RowMatrix<TypeParam> memory = RowMatrix<TypeParam>::Constant(2, 4, TypeParam(-99));
    const WeightMap<TypeParam> left(memory.data(), 2, 3, Eigen::OuterStride<>(4));
    for (const char* name : {"ones", "random_uniform", "orthogonal"}) {
        Initializer(name).fill(left, WeightRank::matrix, 42);
        EXPECT_EQ(memory.leftCols(3), filled<TypeParam>(name, 2, 3)) << name;
        EXPECT_TRUE(memory.col(3).isConstant(TypeParam(-99), 0)) << name;
    }
}

// Seeds

TEST(InitializerSeed, TheCallersIsUsedWithoutAnOwn) {
    EXPECT_EQ(filled<float>("glorot_uniform", 3, 4, WeightRank::matrix, 1),
              filled<float>("glorot_uniform", 3, 4, WeightRank::matrix, 1));
    EXPECT_NE(filled<float>("glorot_uniform", 3, 4, WeightRank::matrix, 1),
              filled<float>("glorot_uniform", 3, 4, WeightRank::matrix, 2));
}

TEST(InitializerSeed, TheOwnOneWins) {
    const Initializer seeded = Initializer::glorot_uniform({.seed = 1});
    EXPECT_EQ(filled<float>(seeded, 3, 4, WeightRank::matrix, 5),
              filled<float>("glorot_uniform", 3, 4, WeightRank::matrix, 1));
}

TEST(InitializerSeed, OfZeroIsASeed) {
    const Initializer seeded = Initializer::random_normal({.seed = 0});
    EXPECT_EQ(filled<float>(seeded, 3, 4, WeightRank::matrix, 5),
              filled<float>("random_normal", 3, 4, WeightRank::matrix, 0));
}

// Distributions; the bounds are five standard errors wide at 200 x 500 draws

TEST(InitializerDistribution, RandomNormalHasItsMoments) {
    const auto m = filled<double>(Initializer::random_normal({.mean = 1, .stddev = 2}), 200, 500);
    EXPECT_NEAR(m.mean(), 1.0, 2 * 0.0159);
    EXPECT_NEAR(deviation_of(m), 2.0, 2 * 0.0112);
}

TEST(InitializerDistribution, RandomNormalDefaultsToKerass) {
    const auto m = filled<double>("random_normal", 200, 500);
    EXPECT_NEAR(m.mean(), 0.0, 0.05 * 0.0159);
    EXPECT_NEAR(deviation_of(m), 0.05, 0.05 * 0.0112);
}

TEST(InitializerDistribution, TruncatedNormalStaysWithinTwoDeviations) {
    const auto m = filled<double>(Initializer::truncated_normal({.mean = 1, .stddev = 2}), 200, 500);
    EXPECT_GT(m.minCoeff(), -3.0);
    EXPECT_LT(m.maxCoeff(), 5.0);
}

TEST(InitializerDistribution, TruncatedNormalIsNotCorrectedForTheCut) {
    EXPECT_NEAR(deviation_of(filled<double>("truncated_normal", 200, 500)), 0.05 * 0.8796, 0.05 * 0.0112);
}

TEST(InitializerDistribution, RandomUniformHasItsMomentsAndRange) {
    const auto m = filled<double>(Initializer::random_uniform({.minval = 1, .maxval = 3}), 200, 500);
    EXPECT_NEAR(m.mean(), 2.0, 0.0092);
    EXPECT_NEAR(deviation_of(m), 2.0 / std::sqrt(12.0), 0.0092);
    EXPECT_GE(m.minCoeff(), 1.0);
    EXPECT_LT(m.maxCoeff(), 3.0);
}

TEST(InitializerDistribution, RandomUniformOfEqualBoundsIsConstant) {
    EXPECT_TRUE(filled<double>(Initializer::random_uniform({.minval = 2, .maxval = 2}), 2, 3).isConstant(2.0, 0));
}

struct Scaling {
    const char* name;
    double variance;
};

// A kernel of 100 rows and 900 columns: fan_in 100, fan_out 900.
TEST(InitializerDistribution, ScaledNormalsHaveTheirVariance) {
    for (const Scaling& s :
         {Scaling{"glorot_normal", 2.0 / 1000}, Scaling{"he_normal", 2.0 / 100}, Scaling{"lecun_normal", 1.0 / 100}}) {
        const auto m = filled<double>(s.name, 100, 900);
        EXPECT_NEAR(deviation_of(m) / std::sqrt(s.variance), 1.0, 0.0118) << s.name;
        EXPECT_LT(m.cwiseAbs().maxCoeff(), 2 * std::sqrt(s.variance) / 0.87962566103423978) << s.name;
    }
}

TEST(InitializerDistribution, ScaledUniformsHaveTheirLimit) {
    for (const Scaling& s : {Scaling{"glorot_uniform", 2.0 / 1000}, Scaling{"he_uniform", 2.0 / 100},
                             Scaling{"lecun_uniform", 1.0 / 100}}) {
        const double largest = filled<double>(s.name, 100, 900).cwiseAbs().maxCoeff();
        EXPECT_NEAR(largest / std::sqrt(3 * s.variance), 1.0, 1e-3) << s.name;
    }
}

TEST(InitializerDistribution, VarianceScalingTakesItsMode) {
    for (const auto& [mode, n] : {std::pair{FanMode::fan_in, 100}, {FanMode::fan_out, 900}, {FanMode::fan_avg, 500}}) {
        const auto m = filled<double>(Initializer::variance_scaling({.scale = 3, .mode = mode}), 100, 900);
        EXPECT_NEAR(deviation_of(m) / std::sqrt(3.0 / n), 1.0, 0.0118);
    }
}

TEST(InitializerDistribution, UntruncatedNormalIsNotCutOff) {
    const auto m = filled<double>(Initializer::variance_scaling({.distribution = "untruncated_normal"}), 100, 900);
    EXPECT_NEAR(deviation_of(m), 0.1, 0.1 * 0.0118);
    EXPECT_GT(m.maxCoeff(), 0.35);
}

TEST(InitializerDistribution, VectorHasItsLengthAsBothFans) {
    const double limit = std::sqrt(6.0 / (90000 + 90000));
    const double largest = filled<double>("glorot_uniform", 1, 90000, WeightRank::vector).cwiseAbs().maxCoeff();
    EXPECT_NEAR(largest / limit, 1.0, 1e-3);
}

TEST(InitializerDistribution, MatrixOfOneRowHasAFanInOfOne) {
    const double limit = std::sqrt(6.0 / (1 + 90000));
    const double largest = filled<double>("glorot_uniform", 1, 90000, WeightRank::matrix).cwiseAbs().maxCoeff();
    EXPECT_NEAR(largest / limit, 1.0, 1e-3);
}

TEST(InitializerDistribution, OrthogonalSignsAreBalanced) {
    // Without the signs of diag(R), the corner of Q would always have the same sign.
    int positive = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed)
        positive += filled<double>("orthogonal", 3, 3, WeightRank::matrix, seed)(0, 0) > 0 ? 1 : 0;
    EXPECT_NEAR(positive, 200, 50);
}

}  // namespace
