// SPDX-License-Identifier: MIT
// What the numbers and strings of an HDF5 file are: their types and shapes, and their values as C++ has them.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/hdf5_structure.hpp"

#include <array>
#include <bit>
#include <limits>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The types of numbers that Keras stores weights in.
enum class StoredType { float16, bfloat16, float32, float64 };

namespace detail {

/// A type of numbers, and how they stand in the file.
struct Hdf5Type {
    StoredType type = StoredType::float32;
    std::uint64_t bytes = 0;
    bool is_big_endian = false;
};

/// The fields of a floating type, as its message states them: from byte 8 on, bit offset, precision, position and size
/// of exponent and mantissa, bias of the exponent.
struct FloatFields {
    StoredType type;
    std::uint64_t bytes;
    std::uint64_t sign_bit;
    std::array<std::uint64_t, 7> fields;
};

inline constexpr std::array<FloatFields, 3> kFloatTypes{{
    {StoredType::float16, 2, 15, {0, 16, 10, 5, 0, 10, 15}},
    {StoredType::float32, 4, 31, {0, 32, 23, 8, 0, 23, 127}},
    {StoredType::float64, 8, 63, {0, 64, 52, 11, 0, 52, 1023}},
}};

/// The number type that stands at `at`, nothing when it is another one.
///
/// NumPy has no bfloat16, so Keras stores two opaque bytes for each; nothing else that it writes has that type.
[[nodiscard]] inline std::optional<Hdf5Type> number_type(const Hdf5Numbers& file, std::uint64_t at) {
    constexpr std::uint64_t is_float = 1;
    constexpr std::uint64_t is_opaque = 5;
    const std::uint64_t kind = file.number(at, 1) & 15U;
    const std::uint64_t bytes = file.number(at + 4, 4);
    if (kind == is_opaque && bytes == 2) return Hdf5Type{StoredType::bfloat16, 2, false};
    if (kind != is_float) return std::nullopt;
    // Byte order at bits 0 and 6, mantissas without their leading bit (2 at bit 4), the sign's position in byte 1.
    const std::uint64_t bits = file.number(at + 1, 3);
    if ((bits & 0xf0U) != 0x20U) return std::nullopt;
    constexpr std::array<std::uint64_t, 7> sizes{2, 2, 1, 1, 1, 1, 4};
    std::array<std::uint64_t, 7> fields{};
    std::uint64_t from = at + 8;
    for (std::size_t i = 0; i < sizes.size(); from += sizes[i++]) fields[i] = file.number(from, sizes[i]);
    for (const FloatFields& known : kFloatTypes)
        if (known.bytes == bytes && known.sign_bit == bits >> 8U && known.fields == fields)
            return Hdf5Type{known.type, bytes, (bits & 1U) != 0};
    return std::nullopt;
}

/// The sizes that a dataspace message at `at` states; none for a single value.
/// Throws: FormatError for a rank above 32, and for a space without values at all.
[[nodiscard]] inline std::vector<std::uint64_t> space_sizes(const Hdf5Numbers& file, std::uint64_t at) {
    constexpr std::uint64_t is_null = 2;
    const std::uint64_t version = file.number(at, 1);
    const std::uint64_t rank = file.number(at + 1, 1);
    if (version < 1 || version > 2 || rank > 32) file.damaged(at);
    if (version == 2 && file.number(at + 3, 1) == is_null) return {0};
    std::vector<std::uint64_t> sizes;
    for (std::uint64_t i = 0; i < rank; ++i) sizes.push_back(file.number(at + (version == 1 ? 8 : 4) + 8 * i, 8));
    return sizes;
}

/// Saturates: a product that overflows is larger than any file.
[[nodiscard]] inline std::uint64_t product_of(std::span<const std::uint64_t> sizes) {
    std::uint64_t result = 1;
    for (const std::uint64_t size : sizes) {
        if (size != 0 && result > std::numeric_limits<std::uint64_t>::max() / size)
            return std::numeric_limits<std::uint64_t>::max();
        result *= size;
    }
    return result;
}

/// An IEEE half as a float: sign at bit 15, 5 bits of exponent, 10 of mantissa.
[[nodiscard]] inline float half_to_float(std::uint32_t half) {
    const std::uint32_t sign = (half & 0x8000U) << 16U;
    const std::uint32_t magnitude = half & 0x7fffU;
    constexpr std::uint32_t rebias = (127U - 15U) << 23U;
    if (magnitude >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | ((magnitude & 0x3ffU) << 13U));
    if (magnitude >= 0x0400U) return std::bit_cast<float>(sign | ((magnitude << 13U) + rebias));
    const float subnormal = static_cast<float>(magnitude) * 0x1p-24F;
    return sign != 0 ? -subnormal : subnormal;
}

/// The number whose bytes stand at `bytes`.
template <RealScalar S>
[[nodiscard]] S stored_number(const unsigned char* bytes, const Hdf5Type& type) {
    std::uint64_t bits = 0;
    for (std::uint64_t i = 0; i < type.bytes; ++i)
        bits = (bits << 8U) | bytes[type.is_big_endian ? i : type.bytes - 1 - i];
    const auto narrow = static_cast<std::uint32_t>(bits);
    switch (type.type) {
        case StoredType::float16: return static_cast<S>(half_to_float(narrow));
        case StoredType::bfloat16: return static_cast<S>(std::bit_cast<float>(narrow << 16U));
        case StoredType::float32: return static_cast<S>(std::bit_cast<float>(narrow));
        default: return static_cast<S>(std::bit_cast<double>(bits));
    }
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
