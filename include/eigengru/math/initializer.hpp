// SPDX-License-Identifier: MIT
// Initializer: what a weight is filled with when a layer is built, by Keras's name or with parameters.
#pragma once

#include "eigengru/math/initializer_fill.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// What a weight is filled with when a layer is built. A regular value, zeros by default; by Keras's name (with Keras's
/// default parameters) or by a factory:
///
///     Initializer a = "glorot_uniform";
///     Initializer b = Initializer::random_normal({.stddev = 0.1, .seed = 7});
///
/// Invariant: every parameter lies in its range.
/// Differs from Keras: a negative stddev and
/// minval > maxval are errors; equal seeds give equal weights, but other ones than a Keras backend's generator.
class Initializer {
public:
    Initializer() = default;

    /// Throws: OptionError for an unknown name.
    template <NameLike T>
    Initializer(const T& name) : Initializer(detail::kind_by_name<InitializerKind>(std::string_view(name)), Seed{}) {}

    [[nodiscard]] static Initializer zeros() { return {}; }
    [[nodiscard]] static Initializer ones() { return {InitializerKind::ones, Seed{}}; }

    /// Throws, as every factory here: OptionError when a parameter is out of range.
    [[nodiscard]] static Initializer constant(double value) {
        detail::check_finite("Initializer: constant value", value);
        return {InitializerKind::constant, {.value = value}};
    }

    /// gain on the diagonal, 0 elsewhere; for matrices alone, of any shape.
    [[nodiscard]] static Initializer identity(double gain = 1.0) {
        detail::check_finite("Initializer: identity gain", gain);
        return {InitializerKind::identity, {.gain = gain}};
    }

    [[nodiscard]] static Initializer random_normal(const NormalOptions& o = {}) {
        return normal(InitializerKind::random_normal, o);
    }

    /// Normal, drawn again until within two stddev of the mean (so that its deviation is 0.88 stddev).
    [[nodiscard]] static Initializer truncated_normal(const NormalOptions& o = {}) {
        return normal(InitializerKind::truncated_normal, o);
    }

    /// Uniform in [minval, maxval).
    [[nodiscard]] static Initializer random_uniform(const UniformOptions& o = {}) {
        detail::check_finite("Initializer: random_uniform minval", o.minval);
        detail::check_finite("Initializer: random_uniform maxval", o.maxval);
        if (o.minval > o.maxval)
            EIGENGRU_THROW(OptionError, "Initializer: random_uniform expected minval <= maxval, received minval ",
                           o.minval, " and maxval ", o.maxval);
        return {InitializerKind::random_uniform, {.minval = o.minval, .maxval = o.maxval, .seed = o.seed}};
    }

    /// Mean 0 and variance scale / n, n the fan that `mode` names.
    [[nodiscard]] static Initializer variance_scaling(const VarianceScalingOptions& o = {}) {
        if (!std::isfinite(o.scale) || o.scale <= 0.0)
            EIGENGRU_THROW(OptionError, "Initializer: variance_scaling scale expected a finite number above 0, ",
                           "received ", o.scale);
        return {InitializerKind::variance_scaling,
                {.scale = o.scale, .mode = o.mode, .distribution = o.distribution, .seed = o.seed}};
    }

    /// Variance 2 / (fan_in + fan_out). Source: Glorot, Bengio, "Understanding the difficulty of training deep
    /// feedforward neural networks", AISTATS 2010.
    [[nodiscard]] static Initializer glorot_uniform(const SeedOptions& o = {}) {
        return {InitializerKind::glorot_uniform, o.seed};
    }
    [[nodiscard]] static Initializer glorot_normal(const SeedOptions& o = {}) {
        return {InitializerKind::glorot_normal, o.seed};
    }

    /// Variance 2 / fan_in. Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.
    [[nodiscard]] static Initializer he_uniform(const SeedOptions& o = {}) {
        return {InitializerKind::he_uniform, o.seed};
    }
    [[nodiscard]] static Initializer he_normal(const SeedOptions& o = {}) {
        return {InitializerKind::he_normal, o.seed};
    }

    /// Variance 1 / fan_in. Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.
    [[nodiscard]] static Initializer lecun_uniform(const SeedOptions& o = {}) {
        return {InitializerKind::lecun_uniform, o.seed};
    }
    [[nodiscard]] static Initializer lecun_normal(const SeedOptions& o = {}) {
        return {InitializerKind::lecun_normal, o.seed};
    }

    /// gain times a random matrix with orthonormal columns (rows, when it has fewer rows than columns).
    /// Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks", ICLR 2014.
    [[nodiscard]] static Initializer orthogonal(const OrthogonalOptions& o = {}) {
        detail::check_finite("Initializer: orthogonal gain", o.gain);
        return {InitializerKind::orthogonal, {.gain = o.gain, .seed = o.seed}};
    }

    [[nodiscard]] InitializerKind kind() const { return kind_; }
    [[nodiscard]] const InitializerParameters& parameters() const { return parameters_; }
    [[nodiscard]] std::string_view name() const { return detail::name_of_kind(kind_); }
    [[nodiscard]] bool is_random() const { return kind_ > InitializerKind::identity; }

    /// As Keras writes it: `random_normal(mean=0, stddev=0.05)`; a seed is shown when there is one.
    [[nodiscard]] std::string to_string() const;

    /// Throws: OptionError when this cannot fill a weight of that shape (orthogonal and identity need a matrix).
    void check(const WeightShape& shape, std::string_view what = "Initializer") const {
        const bool needs_matrix = kind_ == InitializerKind::orthogonal || kind_ == InitializerKind::identity;
        if (needs_matrix && shape.rank != WeightRank::matrix)
            EIGENGRU_THROW(OptionError, what, ": ", name(), " expected a weight of rank 2, received shape ", shape,
                           " of rank 1");
    }

    /// Fills the weight. `seed` is used when this has none of its own; the same seed gives the same bits on every
    /// compiler for uniforms (normals to 4 ulp). Throws: OptionError as check().
    template <RealScalar S>
    void fill(WeightMap<S> weights, WeightRank rank, std::uint64_t seed) const;

    friend bool operator==(const Initializer&, const Initializer&) = default;
    friend void append(std::string& text, const Initializer& initializer) { text += initializer.to_string(); }

private:
    Initializer(InitializerKind kind, const InitializerParameters& parameters) : kind_(kind), parameters_(parameters) {}

    Initializer(InitializerKind kind, Seed seed) : kind_(kind), parameters_(defaults_of(kind)) {
        parameters_.seed = seed;
    }

    static Initializer normal(InitializerKind kind, const NormalOptions& o) {
        const std::string where = detail::text("Initializer: ", detail::name_of_kind(kind));
        detail::check_finite(where + " mean", o.mean);
        detail::check_non_negative(where + " stddev", o.stddev);
        return {kind, {.mean = o.mean, .stddev = o.stddev, .seed = o.seed}};
    }

    static InitializerParameters defaults_of(InitializerKind kind);

    InitializerKind kind_ = InitializerKind::zeros;
    InitializerParameters parameters_;
};

inline InitializerParameters Initializer::defaults_of(InitializerKind kind) {
    using enum InitializerKind;
    constexpr auto uniform = ScalingDistribution::uniform;
    constexpr auto truncated = ScalingDistribution::truncated_normal;
    switch (kind) {
        case glorot_uniform: return {.scale = 1.0, .mode = FanMode::fan_avg, .distribution = uniform};
        case glorot_normal: return {.scale = 1.0, .mode = FanMode::fan_avg, .distribution = truncated};
        case he_uniform: return {.scale = 2.0, .mode = FanMode::fan_in, .distribution = uniform};
        case he_normal: return {.scale = 2.0, .mode = FanMode::fan_in, .distribution = truncated};
        case lecun_uniform: return {.scale = 1.0, .mode = FanMode::fan_in, .distribution = uniform};
        case lecun_normal: return {.scale = 1.0, .mode = FanMode::fan_in, .distribution = truncated};
        default: return {};
    }
}

inline std::string Initializer::to_string() const {
    using enum InitializerKind;
    const InitializerParameters& p = parameters_;
    std::string own;
    switch (kind_) {
        case constant: own = detail::text("value=", p.value); break;
        case identity:
        case orthogonal: own = detail::text("gain=", p.gain); break;
        case random_normal:
        case truncated_normal: own = detail::text("mean=", p.mean, ", stddev=", p.stddev); break;
        case random_uniform: own = detail::text("minval=", p.minval, ", maxval=", p.maxval); break;
        case variance_scaling:
            own = detail::text("scale=", p.scale, ", mode=\"", p.mode.name(), "\", distribution=\"",
                               p.distribution.name(), "\"");
            break;
        default: break;
    }
    if (p.seed) detail::append(own, detail::text(own.empty() ? "" : ", ", "seed=", *p.seed));
    return own.empty() ? std::string(name()) : detail::text(name(), "(", own, ")");
}

template <RealScalar S>
void Initializer::fill(WeightMap<S> weights, WeightRank rank, std::uint64_t seed) const {
    using enum InitializerKind;
    const InitializerParameters& p = parameters_;
    const WeightShape shape{weights.rows(), weights.cols(), rank};
    check(shape);
    RandomStream random(p.seed.value_or(seed), 0);
    switch (kind_) {
        case zeros: weights.setZero(); break;
        case ones: weights.setOnes(); break;
        case constant: weights.setConstant(static_cast<S>(p.value)); break;
        case identity: weights = static_cast<S>(p.gain) * RowMatrix<S>::Identity(weights.rows(), weights.cols()); break;
        case random_normal: detail::fill_normal(weights, p.mean, p.stddev, random); break;
        case truncated_normal: detail::fill_truncated_normal(weights, p.mean, p.stddev, random); break;
        case random_uniform: detail::fill_uniform(weights, p.minval, p.maxval, random); break;
        case orthogonal: detail::fill_orthogonal(weights, p.gain, random); break;
        default: detail::fill_scaled(weights, shape, p, random); break;
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI
