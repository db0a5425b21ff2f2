// SPDX-License-Identifier: MIT
#include "eigengru/math/vectors.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace eigengru;

/// The packets of a block, as the activations apply them.
template <class S, class F>
std::vector<S> applied(std::vector<S> values, const F& f) {
    detail::for_each_packet<S>(static_cast<Index>(values.size()), [&](auto packet, Index i) {
        f(detail::Lanes<decltype(packet)>::load(values.data() + i)).store(values.data() + i);
    });
    return values;
}

template <class S>
std::vector<S> sigmoids(std::vector<S> values) {
    return applied<S>(std::move(values), [](const auto& x) { return detail::portable::sigmoid(x); });
}

template <class S>
std::vector<S> tanhs(std::vector<S> values) {
    return applied<S>(std::move(values), [](const auto& x) { return detail::portable::tanh(x); });
}

/// Even steps over the range, and every order of magnitude down to the smallest normal numbers, of both signs.
template <class S>
std::vector<S> sample(S limit) {
    std::vector<S> values{S(0)};
    constexpr int kSteps = 40'000;
    for (int i = -kSteps; i <= kSteps; ++i) values.push_back(limit * static_cast<S>(i) / static_cast<S>(kSteps));
    for (S x = limit; x > std::numeric_limits<S>::min(); x *= S(0.97)) {
        values.push_back(x);
        values.push_back(-x);
    }
    return values;
}

/// The largest error where the result is a normal number, in units of its last place.
template <class S, class Exact>
double worst_error(const std::vector<S>& x, const std::vector<S>& y, const Exact& exact) {
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double expected = exact(static_cast<long double>(x[i]));
        const S rounded = static_cast<S>(expected);
        if (!std::isnormal(rounded)) continue;
        const S ulp = std::ldexp(std::numeric_limits<S>::epsilon(), std::ilogb(rounded));
        worst = std::max(worst, std::abs(static_cast<double>((static_cast<long double>(y[i]) - expected) / ulp)));
    }
    return worst;
}

template <class S>
class PacketOf : public testing::Test {
protected:
    static constexpr S kNan = std::numeric_limits<S>::quiet_NaN();
    static constexpr S kInfinity = std::numeric_limits<S>::infinity();
};
TYPED_TEST_SUITE(PacketOf, eigengru_test::Scalars, );

TYPED_TEST(PacketOf, SigmoidIsWithinFourAndAHalfUlp) {
    const auto x = sample<TypeParam>(std::is_same_v<TypeParam, float> ? TypeParam(87) : TypeParam(708));
    const double worst = worst_error(x, sigmoids(x), [](long double v) { return 1 / (1 + std::exp(-v)); });
    EXPECT_LE(worst, 4.5);
}

TYPED_TEST(PacketOf, TanhIsWithinFourAndAHalfUlp) {
    const auto x = sample<TypeParam>(TypeParam(25));
    const double worst = worst_error(x, tanhs(x), [](long double v) { return std::tanh(v); });
    EXPECT_LE(worst, 4.5);
}

TYPED_TEST(PacketOf, StaysWithinItsRange) {
    for (const TypeParam y : sigmoids(sample<TypeParam>(1000))) EXPECT_TRUE(y >= 0 && y <= 1) << y;
    for (const TypeParam y : tanhs(sample<TypeParam>(1000))) EXPECT_TRUE(y >= -1 && y <= 1) << y;
}

TYPED_TEST(PacketOf, ZeroGivesOneHalfAndZero) {
    EXPECT_EQ(sigmoids<TypeParam>({0})[0], TypeParam(0.5));
    EXPECT_EQ(tanhs<TypeParam>({0})[0], TypeParam(0));
}

TYPED_TEST(PacketOf, TanhIsOdd) {
    auto x = sample<TypeParam>(10);
    const auto y = tanhs(x);
    for (TypeParam& v : x) v = -v;
    const auto z = tanhs(x);
    for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_NEAR(y[i], -z[i], TypeParam(4) * std::numeric_limits<TypeParam>::epsilon() * std::abs(y[i])) << x[i];
}

TYPED_TEST(PacketOf, InfinityGivesTheLimits) {
    const std::vector<TypeParam> x(9, this->kInfinity), minus(9, -this->kInfinity);
    for (const TypeParam y : tanhs(x)) EXPECT_EQ(y, TypeParam(1));
    for (const TypeParam y : tanhs(minus)) EXPECT_EQ(y, TypeParam(-1));
    for (const TypeParam y : sigmoids(x)) EXPECT_EQ(y, TypeParam(1));
    for (const TypeParam y : sigmoids(minus)) EXPECT_EQ(y, TypeParam(0));
}

TYPED_TEST(PacketOf, NotANumberStaysInItsPlaceInEveryLaneAndTail) {
    for (std::size_t size = 1; size <= 35; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::vector<TypeParam> x(size, TypeParam(0.5));
            x[at] = this->kNan;
            const auto y = tanhs(x), z = sigmoids(x);
            for (std::size_t i = 0; i < size; ++i) {
                EXPECT_EQ(std::isnan(y[i]), i == at) << size << ' ' << at << ' ' << i;
                EXPECT_EQ(std::isnan(z[i]), i == at) << size << ' ' << at << ' ' << i;
            }
        }
    }
}

TYPED_TEST(PacketOf, LaneAndTailGiveTheSame) {
    const TypeParam x = TypeParam(0.7);
    for (std::size_t size = 1; size <= 35; ++size)
        for (const TypeParam y : tanhs(std::vector<TypeParam>(size, x)))
            EXPECT_NEAR(y, tanhs<TypeParam>({x})[0], 2 * std::numeric_limits<TypeParam>::epsilon());
}

TYPED_TEST(PacketOf, ForEachPacketVisitsEachElementOnce) {
    for (Index size = 0; size <= 40; ++size) {
        Index next = 0;
        detail::for_each_packet<TypeParam>(size, [&](auto packet, Index i) {
            EXPECT_EQ(i, next);
            next += Index(Eigen::internal::unpacket_traits<decltype(packet)>::size);
        });
        EXPECT_EQ(next, size);
    }
}

TYPED_TEST(PacketOf, LanesAddSubtractAndMultiply) {
    std::vector<TypeParam> a(7, TypeParam(5)), b(7, TypeParam(3)), c(7);
    detail::for_each_packet<TypeParam>(7, [&](auto packet, Index i) {
        using L = detail::Lanes<decltype(packet)>;
        (L::load(a.data() + i) * L::load(b.data() + i) - L::load(a.data() + i) + L::load(b.data() + i))
            .store(c.data() + i);
    });
    EXPECT_EQ(c, std::vector<TypeParam>(7, TypeParam(13)));
}

}  // namespace
