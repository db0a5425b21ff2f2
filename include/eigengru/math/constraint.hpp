// SPDX-License-Identifier: MIT
// Constraint: what a weight is projected onto after every optimiser step, by Keras's name or with parameters.
#pragma once

#include "eigengru/math/names.hpp"
#include "eigengru/math/weight_shape.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace eigengru::inline EIGENGRU_ABI {

/// The axes that a norm runs along: 0 (over the rows: one norm for each column), 1 (one norm for each row), negative
/// ones counted from the end, or both: `.axis = 0`, `.axis = {0, 1}`.
class Axes {
public:
    constexpr Axes(int axis) : axes_{axis, 0}, size_(1) {}

    /// Throws: OptionError unless one or two axes are given.
    Axes(std::initializer_list<int> axes) : Axes(std::span<const int>(axes.begin(), axes.size())) {}

    explicit Axes(std::span<const int> axes) : size_(axes.size()) {
        if (axes.empty() || axes.size() > axes_.size())
            EIGENGRU_THROW(OptionError, "Constraint: axis expected one or two axes, received ", axes.size());
        std::copy(axes.begin(), axes.end(), axes_.begin());
    }

    [[nodiscard]] std::span<const int> values() const EIGENGRU_LIFETIMEBOUND { return {axes_.data(), size_}; }

    /// Throws: OptionError when an axis is out of range for the rank, or given twice.
    void check(WeightRank rank, std::string_view what = "Constraint") const {
        const int n = static_cast<int>(rank);
        for (const int axis : values())
            if (axis < -n || axis >= n)
                EIGENGRU_THROW(OptionError, what, ": axis expected from ", -n, " to ", n - 1, " for a weight of rank ",
                               n, ", received ", *this);
        if (size_ == 2 && counted(axes_[0], n) == counted(axes_[1], n))
            EIGENGRU_THROW(OptionError, what, ": axis expected two different axes, received ", *this);
    }

    /// Whether a norm runs along that axis (0 or 1) of a weight of that rank.
    [[nodiscard]] bool contains(int axis, WeightRank rank) const {
        const int n = static_cast<int>(rank);
        for (const int given : values())
            if (counted(given, n) == axis) return true;
        return false;
    }

    friend bool operator==(const Axes&, const Axes&) = default;

    /// 0, or [0, 1].
    friend void append(std::string& text, const Axes& axes) {
        const auto& [first, second] = axes.axes_;
        text += axes.size_ == 1 ? detail::text(first) : detail::text("[", first, ", ", second, "]");
    }

private:
    static int counted(int axis, int rank) { return axis < 0 ? axis + rank : axis; }

    std::array<int, 2> axes_{};
    std::size_t size_ = 0;
};

/// Parameters of max_norm; max_value >= 0.
struct MaxNormOptions {
    double max_value = 2.0;
    Axes axis = 0;
};

/// Parameter of unit_norm.
struct UnitNormOptions {
    Axes axis = 0;
};

/// Parameters of min_max_norm; 0 <= min_value <= max_value, rate >= 0 (1 enforces the bounds at once, less slowly).
struct MinMaxNormOptions {
    double min_value = 0.0;
    double max_value = 1.0;
    double rate = 1.0;
    Axes axis = 0;
};

enum class ConstraintKind { none, max_norm, non_neg, unit_norm, min_max_norm };

template <>
struct KerasNames<ConstraintKind> {
    using enum ConstraintKind;
    static constexpr std::string_view what = "Constraint";
    // clang-format off: one kind a line
    static constexpr auto table = std::to_array<NamedKind<ConstraintKind>>({
        {"max_norm", max_norm},
        {"MaxNorm", max_norm},
        {"non_neg", non_neg},
        {"NonNeg", non_neg},
        {"unit_norm", unit_norm},
        {"UnitNorm", unit_norm},
        {"min_max_norm", min_max_norm},
        {"MinMaxNorm", min_max_norm},
    });
    // clang-format on
};

/// The parameters of all kinds. A kind sets its own and leaves the others at their defaults.
struct ConstraintParameters {
    double min_value = 0.0;
    double max_value = 0.0;
    double rate = 1.0;
    Axes axis = 0;

    friend bool operator==(const ConstraintParameters&, const ConstraintParameters&) = default;
};

/// What a weight is projected onto after every optimiser step. A regular value, none by default; by Keras's name or by
/// a factory:
///
///     Constraint a = "non_neg";
///     Constraint b = Constraint::max_norm({.max_value = 3, .axis = {0, 1}});
///
/// With n the L2 norm along the axes and e = 1e-7:
///     max_norm        w clip(n, 0, max) / (e + n)
///     unit_norm       w / (e + n)
///     min_max_norm    w (rate clip(n, min, max) + (1 - rate) n) / (e + n)
///     non_neg         max(w, 0)
/// Invariant: every parameter lies in its range.
/// Differs from Keras: negative and NaN parameters, min_value > max_value and an empty list of axes are errors.
class Constraint {
public:
    Constraint() = default;

    /// Throws: OptionError for an unknown name.
    template <NameLike T>
    Constraint(const T& name) : Constraint(by_name(std::string_view(name))) {}

    /// Throws, as every factory here: OptionError when a parameter is out of range. An infinite maximum is no bound.
    [[nodiscard]] static Constraint max_norm(const MaxNormOptions& o = {}) {
        check_maximum("Constraint: max_norm max_value", o.max_value);
        return {ConstraintKind::max_norm, {.max_value = o.max_value, .axis = o.axis}};
    }

    [[nodiscard]] static Constraint non_neg() { return {ConstraintKind::non_neg, {}}; }

    [[nodiscard]] static Constraint unit_norm(const UnitNormOptions& o = {}) {
        return {ConstraintKind::unit_norm, {.axis = o.axis}};
    }

    [[nodiscard]] static Constraint min_max_norm(const MinMaxNormOptions& o = {}) {
        detail::check_non_negative("Constraint: min_max_norm min_value", o.min_value);
        check_maximum("Constraint: min_max_norm max_value", o.max_value);
        detail::check_non_negative("Constraint: min_max_norm rate", o.rate);
        if (o.min_value > o.max_value)
            EIGENGRU_THROW(OptionError, "Constraint: min_max_norm expected min_value <= max_value, received min_value ",
                           o.min_value, " and max_value ", o.max_value);
        return {ConstraintKind::min_max_norm,
                {.min_value = o.min_value, .max_value = o.max_value, .rate = o.rate, .axis = o.axis}};
    }

    [[nodiscard]] ConstraintKind kind() const { return kind_; }
    [[nodiscard]] const ConstraintParameters& parameters() const { return parameters_; }
    [[nodiscard]] bool is_none() const { return kind_ == ConstraintKind::none; }
    [[nodiscard]] std::string_view name() const { return is_none() ? "none" : detail::name_of_kind(kind_); }

    /// As Keras writes it: `max_norm(max_value=2, axis=0)`.
    [[nodiscard]] std::string to_string() const {
        const ConstraintParameters& p = parameters_;
        switch (kind_) {
            case ConstraintKind::max_norm:
                return detail::text("max_norm(max_value=", p.max_value, ", axis=", p.axis, ")");
            case ConstraintKind::unit_norm: return detail::text("unit_norm(axis=", p.axis, ")");
            case ConstraintKind::min_max_norm:
                return detail::text("min_max_norm(min_value=", p.min_value, ", max_value=", p.max_value,
                                    ", rate=", p.rate, ", axis=", p.axis, ")");
            default: return std::string(name());
        }
    }

    /// Throws: OptionError when an axis is out of range for a weight of that rank.
    void check(WeightRank rank, std::string_view what = "Constraint") const { parameters_.axis.check(rank, what); }

    /// Projects the weight, in place and without allocating. Throws: OptionError as check().
    template <RealScalar S>
    void apply(WeightMap<S> weights, WeightRank rank) const {
        check(rank);
        if (is_none()) return;
        if (kind_ == ConstraintKind::non_neg)
            weights = (weights.array() < S(0)).select(S(0), weights);  // NaN stays NaN, as in Keras
        else
            rescale(weights, rank);
    }

    friend bool operator==(const Constraint&, const Constraint&) = default;
    friend void append(std::string& text, const Constraint& constraint) { text += constraint.to_string(); }

private:
    Constraint(ConstraintKind kind, const ConstraintParameters& parameters) : kind_(kind), parameters_(parameters) {}

    static Constraint by_name(std::string_view name) {
        switch (detail::kind_by_name<ConstraintKind>(name)) {
            case ConstraintKind::max_norm: return max_norm();
            case ConstraintKind::non_neg: return non_neg();
            case ConstraintKind::unit_norm: return unit_norm();
            case ConstraintKind::min_max_norm: return min_max_norm();
            default: return {};
        }
    }

    static void check_maximum(std::string_view what, double value) {
        if (!(value >= 0.0)) EIGENGRU_THROW(OptionError, what, " expected a number of at least 0, received ", value);
    }

    /// What a weight is multiplied by, given the norm n of its group.
    template <RealScalar S>
    [[nodiscard]] S factor(S n) const {
        const S epsilon = S(1e-7);
        if (kind_ == ConstraintKind::unit_norm) return S(1) / (epsilon + n);
        const S rate = static_cast<S>(parameters_.rate);
        const S clipped = std::clamp(n, static_cast<S>(parameters_.min_value), static_cast<S>(parameters_.max_value));
        return (rate * clipped + (S(1) - rate) * n) / (epsilon + n);
    }

    /// Multiplies each group of weights by its factor; a vector is a single group.
    template <RealScalar S>
    void rescale(WeightMap<S> weights, WeightRank rank) const {
        const bool over_rows = parameters_.axis.contains(0, rank);
        const bool over_cols = rank == WeightRank::vector || parameters_.axis.contains(1, rank);
        if (over_rows && over_cols) {
            weights *= factor(weights.norm());
        } else if (over_cols) {
            for (Index r = 0; r < weights.rows(); ++r) weights.row(r) *= factor(weights.row(r).norm());
        } else {
            rescale_columns(weights);
        }
    }

    /// Some columns at a time, row by row: the memory is read in order and the norms fit on the stack.
    template <RealScalar S>
    void rescale_columns(WeightMap<S> weights) const {
        constexpr Index kPanel = 64;
        Eigen::Array<S, 1, Eigen::Dynamic, Eigen::RowMajor, 1, kPanel> factors;
        for (Index first = 0; first < weights.cols(); first += kPanel) {
            const Index count = std::min(kPanel, weights.cols() - first);
            factors.setZero(count);
            for (Index r = 0; r < weights.rows(); ++r) factors += weights.row(r).segment(first, count).array().square();
            for (S& n : factors) n = factor(std::sqrt(n));
            for (Index r = 0; r < weights.rows(); ++r) weights.row(r).segment(first, count).array() *= factors;
        }
    }

    ConstraintKind kind_ = ConstraintKind::none;
    ConstraintParameters parameters_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
