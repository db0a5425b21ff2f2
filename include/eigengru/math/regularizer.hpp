// SPDX-License-Identifier: MIT
// Regularizer: a penalty on a weight or an output, by Keras's name or with parameters.
#pragma once

#include "eigengru/math/names.hpp"
#include "eigengru/math/weight_shape.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI {

/// What orthogonal_regularizer wants to be orthogonal to each other.
enum class OrthogonalMode { rows, columns };

template <>
struct KerasNames<OrthogonalMode> {
    static constexpr std::string_view what = "Regularizer: orthogonal_regularizer mode";
    static constexpr auto table = std::to_array<NamedKind<OrthogonalMode>>(
        {{"rows", OrthogonalMode::rows}, {"columns", OrthogonalMode::columns}});
};

/// Parameters of l1_l2, finite and at least 0.
struct L1L2Options {
    double l1 = 0.0;
    double l2 = 0.0;
};

/// Parameters of orthogonal_regularizer; factor is finite and at least 0.
struct OrthogonalRegularizerOptions {
    double factor = 0.01;
    Named<OrthogonalMode> mode = OrthogonalMode::rows;
};

enum class RegularizerKind { none, l1, l2, l1_l2, orthogonal };

template <>
struct KerasNames<RegularizerKind> {
    using enum RegularizerKind;
    static constexpr std::string_view what = "Regularizer";
    // clang-format off: one kind a line
    static constexpr auto table = std::to_array<NamedKind<RegularizerKind>>({
        {"l1", l1},
        {"L1", l1},
        {"l2", l2},
        {"L2", l2},
        {"l1_l2", l1_l2},
        {"l1l2", l1_l2},
        {"L1L2", l1_l2},
        {"orthogonal_regularizer", orthogonal},
        {"OrthogonalRegularizer", orthogonal},
    });
    // clang-format on
};

/// The parameters of all kinds. A kind sets its own and leaves the others at their defaults.
struct RegularizerParameters {
    double l1 = 0.0;
    double l2 = 0.0;
    double factor = 0.0;
    Named<OrthogonalMode> mode = OrthogonalMode::rows;

    friend bool operator==(const RegularizerParameters&, const RegularizerParameters&) = default;
};

namespace detail {

/// The rows of w, each divided by its L2 norm; a norm below 1e-7 counts as 1e-7, so that a row of zeros stays zeros.
template <class Rows>
[[nodiscard]] auto unit_rows(const Rows& w) {
    using S = typename Rows::Scalar;
    RowMatrix<S> unit = w;
    for (Index i = 0; i < unit.rows(); ++i) unit.row(i) /= std::max(unit.row(i).norm(), S(1e-7));
    return unit;
}

/// The mean over the pairs i < j of |<u_i, u_j>|, u the unit rows of w.
///
/// Differs from Keras: a single row has no pair and costs 0, where Keras gives NaN.
template <class Rows>
[[nodiscard]] double orthogonal_loss(const Rows& w) {
    const auto n = static_cast<double>(w.rows());
    if (w.rows() < 2) return 0.0;
    const auto unit = unit_rows(w);
    auto products = decltype(unit_rows(w))(w.rows(), w.rows());
    products.noalias() = unit * unit.transpose();
    products.diagonal().setZero();
    return 0.5 * products.template cast<double>().cwiseAbs().sum() / (0.5 * n * (n - 1.0));
}

/// The derivative of orthogonal_loss: with p_ij = <u_i, u_j> for i != j and g_i = sum_j sign(p_ij) u_j,
/// dw_i = 2 / (n (n - 1)) (g_i - <g_i, u_i> u_i) / |w_i|.
template <class Rows>
[[nodiscard]] auto orthogonal_gradient(const Rows& w) {
    using S = typename Rows::Scalar;
    const RowMatrix<S> unit = unit_rows(w);
    RowMatrix<S> gradient = RowMatrix<S>::Zero(w.rows(), w.cols());
    if (w.rows() < 2) return gradient;
    RowMatrix<S> signs = (unit * unit.transpose()).array().sign();
    signs.diagonal().setZero();
    gradient.noalias() = signs * unit;
    const S pairs = S(w.rows()) * S(w.rows() - 1);
    for (Index i = 0; i < w.rows(); ++i) {
        const S norm = w.row(i).norm();
        if (norm > S(1e-7)) gradient.row(i) -= gradient.row(i).dot(unit.row(i)) * unit.row(i);
        gradient.row(i) *= S(2) / (pairs * std::max(norm, S(1e-7)));
    }
    return gradient;
}

}  // namespace detail

/// A penalty on a weight or an output. A regular value, none by default; by Keras's name (every factor 0.01) or by a
/// factory:
///
///     Regularizer a = "l2";
///     Regularizer b = Regularizer::l1_l2({.l1 = 1e-4, .l2 = 1e-3});
///
/// Invariant: every factor is finite and at least 0.
/// Differs from Keras: "l1l2" and "L1L2" by bare name have factors 0.01, as Keras documents; its version 3 gives 0. The
/// name "l1_l2", which Keras documents and version 3 does not know, is known here.
class Regularizer {
public:
    Regularizer() = default;

    /// Throws: OptionError for an unknown name.
    template <NameLike T>
    Regularizer(const T& name) : Regularizer(by_name(std::string_view(name))) {}

    /// l1 sum |w|. Throws, as every factory here: OptionError when a factor is negative, infinite or NaN.
    [[nodiscard]] static Regularizer l1(double factor = 0.01) {
        detail::check_non_negative("Regularizer: l1", factor);
        return {RegularizerKind::l1, {.l1 = factor}};
    }

    /// l2 sum w^2 (no half, as in Keras).
    [[nodiscard]] static Regularizer l2(double factor = 0.01) {
        detail::check_non_negative("Regularizer: l2", factor);
        return {RegularizerKind::l2, {.l2 = factor}};
    }

    /// l1 sum |w| + l2 sum w^2. A factor left out is 0, as in Keras's class.
    [[nodiscard]] static Regularizer l1_l2(const L1L2Options& o) {
        detail::check_non_negative("Regularizer: l1_l2 l1", o.l1);
        detail::check_non_negative("Regularizer: l1_l2 l2", o.l2);
        return {RegularizerKind::l1_l2, {.l1 = o.l1, .l2 = o.l2}};
    }

    /// factor times the mean of |<u_i, u_j>| over the pairs of rows (or columns), u = w / |w|; for matrices alone.
    [[nodiscard]] static Regularizer orthogonal(const OrthogonalRegularizerOptions& o = {}) {
        detail::check_non_negative("Regularizer: orthogonal_regularizer factor", o.factor);
        return {RegularizerKind::orthogonal, {.factor = o.factor, .mode = o.mode}};
    }

    [[nodiscard]] RegularizerKind kind() const { return kind_; }
    [[nodiscard]] const RegularizerParameters& parameters() const { return parameters_; }
    [[nodiscard]] bool is_none() const { return kind_ == RegularizerKind::none; }
    [[nodiscard]] std::string_view name() const { return is_none() ? "none" : detail::name_of_kind(kind_); }

    /// As Keras writes it: `l1_l2(l1=0.01, l2=0.01)`.
    [[nodiscard]] std::string to_string() const {
        const RegularizerParameters& p = parameters_;
        switch (kind_) {
            case RegularizerKind::l1: return detail::text("l1(l1=", p.l1, ")");
            case RegularizerKind::l2: return detail::text("l2(l2=", p.l2, ")");
            case RegularizerKind::l1_l2: return detail::text("l1_l2(l1=", p.l1, ", l2=", p.l2, ")");
            case RegularizerKind::orthogonal:
                return detail::text(name(), "(factor=", p.factor, ", mode=\"", p.mode.name(), "\")");
            default: return "none";
        }
    }

    /// Throws: OptionError when this cannot be applied to a weight of that rank (orthogonal needs a matrix).
    void check(WeightRank rank, std::string_view what = "Regularizer") const {
        if (kind_ == RegularizerKind::orthogonal && rank != WeightRank::matrix)
            EIGENGRU_THROW(OptionError, what, ": ", name(), " expected a weight of rank 2, received one of rank 1");
    }

    /// The penalty, summed in double. Throws: OptionError as check().
    template <RealScalar S>
    [[nodiscard]] S loss(ConstWeightMap<S> weights, WeightRank rank) const {
        check(rank);
        const RegularizerParameters& p = parameters_;
        double sum = 0.0;
        if (p.l1 > 0.0) sum += p.l1 * weights.template cast<double>().cwiseAbs().sum();
        if (p.l2 > 0.0) sum += p.l2 * weights.template cast<double>().squaredNorm();
        if (p.factor > 0.0) sum += p.factor * orthogonal_mean(weights);
        return static_cast<S>(sum);
    }

    template <RealScalar S>
    [[nodiscard]] S loss(WeightMap<S> weights, WeightRank rank) const {
        return loss(ConstWeightMap<S>(weights.data(), weights.rows(), weights.cols(),
                                      Eigen::OuterStride<>(weights.outerStride())),
                    rank);
    }

    /// gradient += scale * d loss / d weights; the derivative of |w| at 0 is 0. Allocates for the orthogonal one alone.
    /// Throws: OptionError as check().
    template <RealScalar S>
    void add_gradient(const ConstWeightMap<S>& weights, WeightRank rank, S scale, WeightMap<S> gradient) const {
        check(rank);
        const RegularizerParameters& p = parameters_;
        if (p.l1 > 0.0) gradient.array() += scale * static_cast<S>(p.l1) * weights.array().sign();
        if (p.l2 > 0.0) gradient += scale * static_cast<S>(2.0 * p.l2) * weights;
        if (!(p.factor > 0.0)) return;
        const S factor = scale * static_cast<S>(p.factor);
        if (p.mode.kind() == OrthogonalMode::rows)
            gradient += factor * detail::orthogonal_gradient(weights);
        else
            gradient += factor * detail::orthogonal_gradient(weights.transpose()).transpose();
    }

    friend bool operator==(const Regularizer&, const Regularizer&) = default;
    friend void append(std::string& text, const Regularizer& regularizer) { text += regularizer.to_string(); }

private:
    Regularizer(RegularizerKind kind, const RegularizerParameters& parameters) : kind_(kind), parameters_(parameters) {}

    static Regularizer by_name(std::string_view name) {
        switch (detail::kind_by_name<RegularizerKind>(name)) {
            case RegularizerKind::l1: return l1();
            case RegularizerKind::l2: return l2();
            case RegularizerKind::l1_l2: return l1_l2({.l1 = 0.01, .l2 = 0.01});
            case RegularizerKind::orthogonal: return orthogonal();
            default: return {};
        }
    }

    template <class Weights>
    [[nodiscard]] double orthogonal_mean(const Weights& weights) const {
        return parameters_.mode.kind() == OrthogonalMode::rows ? detail::orthogonal_loss(weights)
                                                               : detail::orthogonal_loss(weights.transpose());
    }

    RegularizerKind kind_ = RegularizerKind::none;
    RegularizerParameters parameters_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
