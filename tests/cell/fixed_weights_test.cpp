// SPDX-License-Identifier: MIT
#include "eigengru/cell/fixed_weights.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// 1, 2, 3, ...
template <class S, std::size_t N>
constexpr std::array<S, N> counted(S first) {
    std::array<S, N> values{};
    for (std::size_t i = 0; i < N; ++i) values[i] = first + static_cast<S>(i);
    return values;
}

template <class S>
class FixedGruWeightsOf : public testing::Test {};
TYPED_TEST_SUITE(FixedGruWeightsOf, Scalars, );

TYPED_TEST(FixedGruWeightsOf, RowsOfAGateLieTogetherAndArePadded) {
    using S = TypeParam;
    using Weights = FixedGruWeights<S, 2, 3>;
    static constexpr auto kKernel = counted<S, 2 * 9>(1);
    static constexpr auto kRecurrentKernel = counted<S, 3 * 9>(101);
    static constexpr Weights weights(kKernel, kRecurrentKernel);
    for (std::size_t slot = 0; slot < 3; ++slot) {
        const std::size_t column = (slot == detail::kFixedR ? 1 : slot == detail::kFixedZ ? 0 : 2) * 3;
        for (std::size_t k = 0; k < 5; ++k) {
            const S* row = weights.rows() + slot * Weights::kGateSize + k * Weights::kLanes;
            for (std::size_t unit = 0; unit < Weights::kLanes; ++unit) {
                const std::size_t at = (k < 2 ? k : k - 2) * 9 + column + unit % 3;
                const S weight = k < 2 ? kKernel[at] : kRecurrentKernel[at];
                EXPECT_EQ(row[unit], unit < 3 ? weight : S(0)) << slot << ' ' << k << ' ' << unit;
            }
        }
    }
    EXPECT_EQ(weights.recurrent_rows(), weights.rows() + 2 * Weights::kLanes);
}

TYPED_TEST(FixedGruWeightsOf, BiasesOfZAndRAreSums) {
    using S = TypeParam;
    static constexpr auto kBias = counted<S, 18>(1);
    constexpr std::array<S, 9> kKernel{};
    constexpr std::array<S, 27> kRecurrentKernel{};
    const FixedGruWeights<S, 1, 3> weights(kKernel, kRecurrentKernel, kBias);
    for (std::size_t unit = 0; unit < 3; ++unit) {
        EXPECT_EQ(weights.bias(detail::kFixedZ)[unit], kBias[unit] + kBias[9 + unit]);
        EXPECT_EQ(weights.bias(detail::kFixedR)[unit], kBias[3 + unit] + kBias[12 + unit]);
        EXPECT_EQ(weights.bias(detail::kFixedC)[unit], kBias[6 + unit]);
        EXPECT_EQ(weights.bias(detail::kFixedM)[unit], kBias[15 + unit]);
    }
    EXPECT_EQ(weights.bias(detail::kFixedZ)[3], S(0));
}

TYPED_TEST(FixedGruWeightsOf, ResetBeforeHasOneBias) {
    using S = TypeParam;
    static constexpr auto kBias = counted<S, 9>(1);
    const FixedGruWeights<S, 1, 3, false> weights(std::array<S, 9>{}, std::array<S, 27>{}, kBias);
    for (std::size_t unit = 0; unit < 3; ++unit) {
        EXPECT_EQ(weights.bias(detail::kFixedZ)[unit], kBias[unit]);
        EXPECT_EQ(weights.bias(detail::kFixedR)[unit], kBias[3 + unit]);
        EXPECT_EQ(weights.bias(detail::kFixedC)[unit], kBias[6 + unit]);
        EXPECT_EQ(weights.bias(detail::kFixedM)[unit], S(0));
    }
}

TEST(FixedGruWeights, LanesAreWholeVectors) {
    EXPECT_EQ((FixedGruWeights<float, 1, 1>::kLanes), 8U);
    EXPECT_EQ((FixedGruWeights<float, 1, 9>::kLanes), 16U);
    EXPECT_EQ((FixedGruWeights<float, 1, 17>::kLanes), 32U);
    EXPECT_EQ((FixedGruWeights<double, 1, 4>::kLanes), 4U);
    EXPECT_EQ((FixedGruWeights<double, 1, 5>::kLanes), 8U);
    EXPECT_EQ((FixedGruWeights<float, 1, 1>::kStateLanes), 16U);
}

}  // namespace
}  // namespace eigengru_test
