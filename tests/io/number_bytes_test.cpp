// SPDX-License-Identifier: MIT
#include "eigengru/io/number_bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace {

using namespace eigengru::io::detail;

TEST(NumberBytes, HalfIsExact) {
    EXPECT_EQ(half_value(0x3C00), 1.0F);
    EXPECT_EQ(half_value(0xC000), -2.0F);
    EXPECT_EQ(half_value(0x7BFF), 65504.0F);
    EXPECT_EQ(half_value(0x0001), std::ldexp(1.0F, -24));
    EXPECT_EQ(half_value(0x0400), std::ldexp(1.0F, -14));
    EXPECT_EQ(half_value(0xFC00), -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(half_value(0x7E00)));
    EXPECT_TRUE(std::signbit(half_value(0x8000)));
}

TEST(NumberBytes, Bfloat16IsTheUpperHalfOfAFloat) {
    EXPECT_EQ(bfloat16_value(0x3F80), 1.0F);
    EXPECT_EQ(bfloat16_value(0xC0A0), -5.0F);
}

TEST(NumberBytes, TheLowestByteComesFirst) {
    constexpr std::array<unsigned char, 8> bytes{0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x00, 0xC0};
    EXPECT_EQ(little_endian<std::uint32_t>(bytes.data()), 0x3F800000U);
    std::array<double, 2> values{};
    read_numbers(FloatType::float32, bytes, values.data());
    EXPECT_EQ(values, (std::array<double, 2>{1.0, -2.0}));
}

TEST(NumberBytes, ReadsDoubles) {
    constexpr std::array<unsigned char, 8> bytes{0, 0, 0, 0, 0, 0, 0xF8, 0x3F};
    float value = 0;
    read_numbers(FloatType::float64, bytes, &value);
    EXPECT_EQ(value, 1.5F);
}

}  // namespace
