// SPDX-License-Identifier: MIT
// A counter-based generator and the distributions that initializers and dropout draw from: the same bits on every
// compiler, thread count and device, which the distributions of <random> do not promise.
#pragma once

#include "eigengru/core/config.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace eigengru::inline EIGENGRU_ABI {

/// Philox4x32-10: 128 random bits as a pure function of a 128-bit counter and a 64-bit key.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                                std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t low = std::uint64_t{0xD2511F53} * counter[0];
        const std::uint64_t high = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {static_cast<std::uint32_t>(high >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(high),
                   static_cast<std::uint32_t>(low >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(low)};
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return counter;
}

/// A seed nobody can foresee.
[[nodiscard]] inline std::uint64_t random_seed() {
    std::random_device device;
    const std::uint64_t high = device();
    return (high << 32) | device();
}

/// One of 2^64 independent streams of a seed, read from its start. A value: copies continue alike.
class RandomStream {
public:
    RandomStream(std::uint64_t seed, std::uint64_t stream)
        : key_{low_word(seed), high_word(seed)}, stream_{low_word(stream), high_word(stream)} {}

    /// 32 uniform bits.
    [[nodiscard]] std::uint32_t bits() {
        if (used_ == 4) {
            block_ = philox4x32({low_word(next_), high_word(next_), stream_[0], stream_[1]}, key_);
            ++next_;
            used_ = 0;
        }
        return block_[used_++];
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    [[nodiscard]] double uniform() {
        const std::uint64_t high = bits() >> 5;
        const std::uint64_t low = bits() >> 6;
        return static_cast<double>((high << 26) | low) * 0x1p-53;
    }

    /// Standard normal, by the transform of Box and Muller.
    [[nodiscard]] double normal() {
        if (has_spare_) {
            has_spare_ = false;
            return spare_;
        }
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        const double angle = 2.0 * std::numbers::pi * uniform();
        spare_ = radius * std::sin(angle);
        has_spare_ = true;
        return radius * std::cos(angle);
    }

    /// Standard normal, drawn again until it lies within two standard deviations.
    [[nodiscard]] double truncated_normal() {
        double value = normal();
        while (std::abs(value) >= 2.0) value = normal();
        return value;
    }

private:
    static constexpr std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
    static constexpr std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

    std::array<std::uint32_t, 2> key_;
    std::array<std::uint32_t, 2> stream_;
    std::array<std::uint32_t, 4> block_{};
    std::uint64_t next_ = 0;
    std::size_t used_ = 4;
    double spare_ = 0.0;
    bool has_spare_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI
