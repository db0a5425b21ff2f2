// SPDX-License-Identifier: MIT
// The kinds of initializers, their Keras names and their parameters; what each computes stands in initializer.hpp.
#pragma once

#include "eigengru/math/names.hpp"

#include <cstdint>
#include <optional>

namespace eigengru::inline EIGENGRU_ABI {

/// What variance scaling divides its scale by: inputs, outputs, or the mean of both.
enum class FanMode { fan_in, fan_out, fan_avg };

template <>
struct KerasNames<FanMode> {
    static constexpr std::string_view what = "Initializer: variance_scaling mode";
    static constexpr auto table = std::to_array<NamedKind<FanMode>>(
        {{"fan_in", FanMode::fan_in}, {"fan_out", FanMode::fan_out}, {"fan_avg", FanMode::fan_avg}});
};

/// The distribution that variance scaling draws from; "normal" is an old name of truncated_normal.
enum class ScalingDistribution { truncated_normal, untruncated_normal, uniform };

template <>
struct KerasNames<ScalingDistribution> {
    static constexpr std::string_view what = "Initializer: variance_scaling distribution";
    static constexpr auto table =
        std::to_array<NamedKind<ScalingDistribution>>({{"truncated_normal", ScalingDistribution::truncated_normal},
                                                       {"normal", ScalingDistribution::truncated_normal},
                                                       {"untruncated_normal", ScalingDistribution::untruncated_normal},
                                                       {"uniform", ScalingDistribution::uniform}});
};

/// Own seed of an initializer; without one, the layer's seed is used.
using Seed = std::optional<std::uint64_t>;

/// Parameters of random_normal and truncated_normal; stddev is finite and at least 0.
struct NormalOptions {
    double mean = 0.0;
    double stddev = 0.05;
    Seed seed = {};
};

/// Parameters of random_uniform; minval <= maxval, both finite.
struct UniformOptions {
    double minval = -0.05;
    double maxval = 0.05;
    Seed seed = {};
};

/// Parameters of variance_scaling; scale is finite and positive.
struct VarianceScalingOptions {
    double scale = 1.0;
    Named<FanMode> mode = FanMode::fan_in;
    Named<ScalingDistribution> distribution = ScalingDistribution::truncated_normal;
    Seed seed = {};
};

/// Parameters of orthogonal; gain is finite.
struct OrthogonalOptions {
    double gain = 1.0;
    Seed seed = {};
};

/// The only parameter of glorot_*, he_* and lecun_*.
struct SeedOptions {
    Seed seed = {};
};

enum class InitializerKind {
    zeros,
    ones,
    constant,
    identity,
    random_normal,
    random_uniform,
    truncated_normal,
    variance_scaling,
    glorot_uniform,
    glorot_normal,
    he_uniform,
    he_normal,
    lecun_uniform,
    lecun_normal,
    orthogonal,
};

template <>
struct KerasNames<InitializerKind> {
    using enum InitializerKind;
    static constexpr std::string_view what = "Initializer";
    // clang-format off: one kind a line
    static constexpr auto table = std::to_array<NamedKind<InitializerKind>>({
        {"zeros", zeros},
        {"Zeros", zeros},
        {"zero", zeros},
        {"ones", ones},
        {"Ones", ones},
        {"one", ones},
        {"constant", constant},
        {"Constant", constant},
        {"identity", identity},
        {"Identity", identity},
        {"IdentityInitializer", identity},
        {"random_normal", random_normal},
        {"RandomNormal", random_normal},
        {"normal", random_normal},
        {"random_uniform", random_uniform},
        {"RandomUniform", random_uniform},
        {"uniform", random_uniform},
        {"truncated_normal", truncated_normal},
        {"TruncatedNormal", truncated_normal},
        {"variance_scaling", variance_scaling},
        {"VarianceScaling", variance_scaling},
        {"glorot_uniform", glorot_uniform},
        {"GlorotUniform", glorot_uniform},
        {"glorot_normal", glorot_normal},
        {"GlorotNormal", glorot_normal},
        {"he_uniform", he_uniform},
        {"HeUniform", he_uniform},
        {"he_normal", he_normal},
        {"HeNormal", he_normal},
        {"lecun_uniform", lecun_uniform},
        {"LecunUniform", lecun_uniform},
        {"lecun_normal", lecun_normal},
        {"LecunNormal", lecun_normal},
        {"orthogonal", orthogonal},
        {"Orthogonal", orthogonal},
        {"OrthogonalInitializer", orthogonal},
    });
    // clang-format on
};

/// The parameters of all kinds. A kind sets its own and leaves the others at their defaults.
struct InitializerParameters {
    double value = 0.0;     // constant
    double gain = 1.0;      // identity, orthogonal
    double mean = 0.0;      // random_normal, truncated_normal
    double stddev = 0.05;   // random_normal, truncated_normal
    double minval = -0.05;  // random_uniform
    double maxval = 0.05;   // random_uniform
    double scale = 1.0;     // variance_scaling and glorot_*, he_*, lecun_*, like the next two
    Named<FanMode> mode = FanMode::fan_in;
    Named<ScalingDistribution> distribution = ScalingDistribution::truncated_normal;
    Seed seed = {};

    friend bool operator==(const InitializerParameters&, const InitializerParameters&) = default;
};

}  // namespace eigengru::inline EIGENGRU_ABI
