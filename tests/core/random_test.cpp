// SPDX-License-Identifier: MIT
#include "eigengru/core/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

namespace {

using namespace eigengru;

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

constexpr std::uint32_t kOnes = 0xFFFFFFFFu;

// The known answers of Random123, the generator's own distribution.
TEST(Philox, KnownAnswerOfZeros) {
    EXPECT_EQ(philox4x32(Counter{}, Key{}), (Counter{0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u}));
}

TEST(Philox, KnownAnswerOfOnes) {
    EXPECT_EQ(philox4x32(Counter{kOnes, kOnes, kOnes, kOnes}, Key{kOnes, kOnes}),
              (Counter{0x408F276Du, 0x41C83B0Eu, 0xA20BC7C6u, 0x6D5451FDu}));
}

TEST(Philox, KnownAnswerOfPi) {
    EXPECT_EQ(philox4x32(Counter{0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u}, Key{0xA4093822u, 0x299F31D0u}),
              (Counter{0xD16CFE09u, 0x94FDCCEBu, 0x5001E420u, 0x24126EA1u}));
}

TEST(Philox, RunsAtCompileTime) {
    static_assert(philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627E8D5u);
    SUCCEED();
}

TEST(RandomStream, BitsArePinned) {
    RandomStream random(42, 0);
    const std::vector<std::uint32_t> expected = {0x9CEAF053u, 0x77F5493Bu, 0x12BF50ADu,
                                                 0x5742B3D7u, 0xFCDB2127u, 0x53BA6CFDu};
    for (const std::uint32_t bits : expected) EXPECT_EQ(random.bits(), bits);
}

TEST(RandomStream, BitsOfAnotherStreamArePinned) {
    EXPECT_EQ(RandomStream(42, 1).bits(), 0x02933769u);
}

TEST(RandomStream, UsesAll128BitsOfSeedAndStream) {
    EXPECT_EQ(RandomStream(0x123456789ABCDEF0u, 0xFEDCBA9876543210u).bits(), 0x90AAFDC4u);
}

TEST(RandomStream, UniformsArePinned) {
    RandomStream random(42, 0);
    for (const double expected : {0x1.39d5e09dfd524p-1, 0x1.2bf50aae85678p-4, 0x1.f9b64254ee9b3p-1})
        EXPECT_EQ(random.uniform(), expected);
}

TEST(RandomStream, NormalsArePinnedToFourUlp) {
    RandomStream random(42, 0);
    for (const double expected : {1.2345418209781556, 0.61184993026847578, -2.9550533674680803})
        EXPECT_DOUBLE_EQ(random.normal(), expected);
}

TEST(RandomStream, TruncatedNormalSkipsWhatLiesOutside) {
    RandomStream random(42, 0);
    for (const double expected : {1.2345418209781556, 0.61184993026847578, -0.25885655924451106})
        EXPECT_DOUBLE_EQ(random.truncated_normal(), expected);
}

TEST(RandomStream, SameSeedGivesTheSameNumbers) {
    RandomStream a(7, 3), b(7, 3);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.bits(), b.bits());
}

TEST(RandomStream, CopiesContinueAlike) {
    RandomStream a(7, 3);
    (void)a.normal();
    RandomStream b = a;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(a.normal(), b.normal());
}

TEST(RandomStream, NeighbouringSeedsDiffer) {
    std::set<std::uint32_t> first;
    for (std::uint64_t seed = 0; seed < 100; ++seed) first.insert(RandomStream(seed, 0).bits());
    EXPECT_EQ(first.size(), 100u);
}

TEST(RandomStream, BlocksDoNotRepeat) {
    RandomStream random(1, 1);
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random.bits());
    EXPECT_EQ(seen.size(), 1000u);
}

TEST(RandomSeed, DiffersBetweenCalls) {
    EXPECT_NE(random_seed(), random_seed());
}

// Moments of n draws. The bounds below are five standard errors wide.
constexpr int kDraws = 200000;

struct Moments {
    double mean = 0.0;
    double variance = 0.0;
    double smallest = 0.0;
    double largest = 0.0;
};

Moments moments_of(const std::function<double()>& draw) {
    std::vector<double> values(kDraws);
    std::generate(values.begin(), values.end(), draw);
    Moments m;
    for (const double x : values) m.mean += x / kDraws;
    for (const double x : values) m.variance += (x - m.mean) * (x - m.mean) / kDraws;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    m.smallest = *low;
    m.largest = *high;
    return m;
}

TEST(RandomStream, UniformHasItsMoments) {
    RandomStream random(1, 0);
    const Moments m = moments_of([&] { return random.uniform(); });
    EXPECT_NEAR(m.mean, 0.5, 0.0033);
    EXPECT_NEAR(m.variance, 1.0 / 12.0, 0.0009);
}

TEST(RandomStream, UniformLiesInItsRange) {
    RandomStream random(2, 0);
    const Moments m = moments_of([&] { return random.uniform(); });
    EXPECT_GE(m.smallest, 0.0);
    EXPECT_LT(m.largest, 1.0);
}

TEST(RandomStream, NormalHasItsMoments) {
    RandomStream random(3, 0);
    const Moments m = moments_of([&] { return random.normal(); });
    EXPECT_NEAR(m.mean, 0.0, 0.0112);
    EXPECT_NEAR(m.variance, 1.0, 0.0159);
}

TEST(RandomStream, NormalIsNotCutOff) {
    RandomStream random(4, 0);
    const Moments m = moments_of([&] { return random.normal(); });
    EXPECT_LT(m.smallest, -3.5);
    EXPECT_GT(m.largest, 3.5);
}

TEST(RandomStream, NeighbouringNormalsAreUncorrelated) {
    RandomStream random(5, 0);
    double products = 0.0;
    for (int i = 0; i < kDraws; ++i) {
        const double first = random.normal();
        products += first * random.normal() / kDraws;
    }
    EXPECT_NEAR(products, 0.0, 0.0112);
}

TEST(RandomStream, TruncatedNormalHasItsMoments) {
    RandomStream random(6, 0);
    const Moments m = moments_of([&] { return random.truncated_normal(); });
    EXPECT_NEAR(m.mean, 0.0, 0.0099);
    EXPECT_NEAR(std::sqrt(m.variance), 0.87962566103423978, 0.006);
}

TEST(RandomStream, TruncatedNormalStaysWithinTwo) {
    RandomStream random(7, 0);
    const Moments m = moments_of([&] { return random.truncated_normal(); });
    EXPECT_GT(m.smallest, -2.0);
    EXPECT_LT(m.largest, 2.0);
}

}  // namespace
