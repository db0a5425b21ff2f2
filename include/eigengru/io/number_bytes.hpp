// SPDX-License-Identifier: MIT
// Numbers of any floating type from their little-endian bytes, for the readers of safetensors and ONNX files.
#pragma once

#include "eigengru/core/types.hpp"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// An unsigned integer from its bytes, the lowest first, whatever the order of this machine.
template <class U>
[[nodiscard]] U little_endian(const unsigned char* bytes) {
    U value = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) value = static_cast<U>(value | (U{bytes[i]} << (8U * i)));
    return value;
}

/// IEEE half: sign at bit 15, 5 bits of exponent, 10 of mantissa. Exact.
[[nodiscard]] inline float half_value(std::uint16_t bits) {
    const int exponent = (bits >> 10U) & 0x1F;
    const int mantissa = bits & 0x3FF;
    float value = 0.0F;
    if (exponent == 0x1F)
        value = mantissa == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    else if (exponent == 0)
        value = std::ldexp(static_cast<float>(mantissa), -24);
    else
        value = std::ldexp(static_cast<float>(mantissa + 0x400), exponent - 25);
    return (bits & 0x8000U) != 0 ? -value : value;
}

/// The upper half of a float. Exact.
[[nodiscard]] inline float bfloat16_value(std::uint16_t bits) {
    return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

enum class FloatType { float16, bfloat16, float32, float64 };

[[nodiscard]] constexpr std::size_t bytes_of(FloatType type) {
    if (type == FloatType::float64) return 8;
    return type == FloatType::float32 ? 4 : 2;
}

/// Writes as many numbers to `values` as `bytes` holds.
template <RealScalar S>
void read_numbers(FloatType type, std::span<const unsigned char> bytes, S* values) {
    const std::size_t width = bytes_of(type);
    for (std::size_t i = 0; i < bytes.size() / width; ++i) {
        const unsigned char* at = bytes.data() + i * width;
        switch (type) {
            case FloatType::float16: values[i] = static_cast<S>(half_value(little_endian<std::uint16_t>(at))); break;
            case FloatType::bfloat16:
                values[i] = static_cast<S>(bfloat16_value(little_endian<std::uint16_t>(at)));
                break;
            case FloatType::float32:
                values[i] = static_cast<S>(std::bit_cast<float>(little_endian<std::uint32_t>(at)));
                break;
            case FloatType::float64:
                values[i] = static_cast<S>(std::bit_cast<double>(little_endian<std::uint64_t>(at)));
                break;
        }
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
