// SPDX-License-Identifier: MIT
// How an initializer fills a weight: one short function for each distribution.
#pragma once

#include "eigengru/core/random.hpp"
#include "eigengru/math/initializer_kinds.hpp"
#include "eigengru/math/weight_shape.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// The standard deviation of a standard normal cut at two standard deviations.
inline constexpr double kTruncatedDeviation = 0.87962566103423978;

/// Element after element, row by row. The draw is in double, so that float and double weights come from the same bits.
template <RealScalar S, class Draw>
void fill_each(WeightMap<S> weights, Draw draw) {
    for (Index r = 0; r < weights.rows(); ++r)
        for (Index c = 0; c < weights.cols(); ++c) weights(r, c) = static_cast<S>(draw());
}

/// minval + (maxval - minval) u, u in [0, 1). The fma leaves the compiler no choice of rounding.
template <RealScalar S>
void fill_uniform(WeightMap<S> weights, double minval, double maxval, RandomStream& random) {
    fill_each(weights, [&] { return std::fma(random.uniform(), maxval - minval, minval); });
}

template <RealScalar S>
void fill_normal(WeightMap<S> weights, double mean, double stddev, RandomStream& random) {
    fill_each(weights, [&] { return std::fma(random.normal(), stddev, mean); });
}

template <RealScalar S>
void fill_truncated_normal(WeightMap<S> weights, double mean, double stddev, RandomStream& random) {
    fill_each(weights, [&] { return std::fma(random.truncated_normal(), stddev, mean); });
}

/// Mean 0, variance v = scale / n with n from the fans (at least 1); uniform: limit sqrt(3 v).
template <RealScalar S>
void fill_scaled(WeightMap<S> weights, const WeightShape& shape, const InitializerParameters& p, RandomStream& random) {
    const double fan_in = static_cast<double>(shape.fan_in());
    const double fan_out = static_cast<double>(shape.fan_out());
    const FanMode mode = p.mode.kind();
    const double n = mode == FanMode::fan_in ? fan_in : mode == FanMode::fan_out ? fan_out : (fan_in + fan_out) / 2.0;
    const double variance = p.scale / std::max(1.0, n);
    switch (p.distribution.kind()) {
        case ScalingDistribution::truncated_normal:
            return fill_truncated_normal(weights, 0.0, std::sqrt(variance) / kTruncatedDeviation, random);
        case ScalingDistribution::untruncated_normal: return fill_normal(weights, 0.0, std::sqrt(variance), random);
        case ScalingDistribution::uniform: {
            const double limit = std::sqrt(3.0 * variance);
            return fill_uniform(weights, -limit, limit, random);
        }
    }
}

/// Rows of Q^T, from A = Q R with A (length, count) standard normal, at least as high as wide, and diag(R) > 0 (which
/// makes Q unique, and uniform over the orthogonal matrices). In double: a parameter, so that programs that do not call
/// it do not compile it.
///
/// By Gram-Schmidt, twice over so that Q is orthogonal to the last bits: as fast as Eigen's Householder QR at the sizes
/// of a GRU, and 3 seconds less to compile.
template <std::floating_point D>
[[nodiscard]] RowMatrix<D> orthonormal_rows(Index count, Index length, RandomStream& random) {
    RowMatrix<D> q(count, length);  // row c is column c of A, then of Q
    for (Index r = 0; r < length; ++r)
        for (Index c = 0; c < count; ++c) q(c, r) = random.normal();
    for (Index c = 0; c < count; ++c) {
        for (int pass = 0; pass < 2; ++pass)
            for (Index k = 0; k < c; ++k) q.row(c) -= q.row(k).dot(q.row(c)) * q.row(k);
        q.row(c).normalize();
    }
    return q;
}

/// gain * Q, transposed when `weights` is wider than high.
template <RealScalar S, std::same_as<double> D = double>
void fill_orthogonal(WeightMap<S> weights, D gain, RandomStream& random) {
    const Index height = std::max(weights.rows(), weights.cols());
    const Index width = std::min(weights.rows(), weights.cols());
    const RowMatrix<D> q = gain * orthonormal_rows<D>(width, height, random);
    if (weights.rows() < weights.cols())
        weights = q.template cast<S>();
    else
        weights = q.transpose().template cast<S>();
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
