// SPDX-License-Identifier: MIT
// check_gradients: the gradients of a model against central differences of its loss, for whoever writes a loss, a layer
// or an activation of their own.
#pragma once

#include "eigengru/core/random.hpp"
#include "eigengru/core/view.hpp"
#include "eigengru/training/clip.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// How gradients are checked.
struct GradientCheckOptions {
    double step = 0.0;                   ///< a value w moves by step max(1, |w|); 0: cube root of the scalar's epsilon
    double tolerance = 1e-6;             ///< of the relative error; 1e-2 suits float
    Index max_entries_per_variable = 0;  ///< compare only so many entries of each, drawn at random; 0: all
    std::uint64_t seed = 0;              ///< of that draw
};

/// What check_gradients found: how far apart the two are, and where most.
struct GradientCheckReport {
    bool passed = true;
    Index entries = 0;     ///< compared
    double worst = 0.0;    ///< the largest error, infinite where a number is NaN; the rest is about its entry
    std::string layer;     ///< name of the layer
    std::string variable;  ///< kernel, recurrent_kernel, bias
    Index row = 0;
    Index col = 0;
    double analytic = 0.0;  ///< the gradient that was given
    double numeric = 0.0;   ///< the central difference

    /// "gru/recurrent_kernel(3, 7): analytic 0.5, numeric 0.25, relative error 0.5, the largest of 60"
    [[nodiscard]] std::string text() const {
        if (entries == 0) return "no entries to compare";
        return detail::text(layer, layer.empty() ? "" : "/", variable, "(", row, ", ", col, "): analytic ", analytic,
                            ", numeric ", numeric, ", relative error ", worst, ", the largest of ", entries);
    }
};

namespace detail {

/// Throws: OptionError.
inline void check_options(const GradientCheckOptions& o) {
    if (!(o.step >= 0.0 && std::isfinite(o.step)))
        EIGENGRU_THROW(OptionError, "check_gradients: step expected a finite number of at least 0, received ", o.step);
    if (!(o.tolerance > 0.0 && std::isfinite(o.tolerance)))
        EIGENGRU_THROW(OptionError, "check_gradients: tolerance expected a finite number above 0, received ",
                       o.tolerance);
    if (o.max_entries_per_variable < 0)
        EIGENGRU_THROW(OptionError, "check_gradients: max_entries_per_variable expected at least 0, received ",
                       o.max_entries_per_variable);
}

/// Sets one entry, and sets it back at the end, whatever happens between.
template <RealScalar S, class Visit>
class MovedEntry {
public:
    MovedEntry(const Visit& visit, Index row, Index col) : visit_(visit), row_(row), col_(col) {
        visit_([&](const MatrixMap<S>& values) { original_ = values(row_, col_); });
    }
    MovedEntry(const MovedEntry&) = delete;
    MovedEntry& operator=(const MovedEntry&) = delete;
    ~MovedEntry() { set(original_); }

    [[nodiscard]] S original() const { return original_; }
    void set(S value) const {
        visit_([&](MatrixMap<S> values) { values(row_, col_) = value; });
    }

private:
    const Visit& visit_;
    Index row_;
    Index col_;
    S original_ = 0;
};

/// Where one variable stands, and what its gradient is said to be.
template <RealScalar S>
struct CheckedVariable {
    std::string layer;
    std::string name;
    MatrixMap<const S> gradient;
};

/// Compares variable after variable.
template <RealScalar S>
class GradientCheck {
public:
    /// `loss` is that of the values as they are. Central differences resolve no better than their rounding and
    /// truncation errors, about max(1, |loss|) (epsilon / step + step^2): below ten times that no gradient is wrong.
    GradientCheck(const GradientCheckOptions& options, double loss)
        : options_(options), step_(options.step > 0.0 ? options.step : std::cbrt(kEpsilon)) {
        const double resolution = std::max(1.0, std::abs(loss)) * (kEpsilon / step_ + step_ * step_);
        smallest_ = 10.0 * resolution / options.tolerance;
        if (!std::isfinite(loss)) report_.passed = false;
    }

    /// `visit(f)` calls f with the values of the variable, writable for the length of the call; `loss()` is evaluated
    /// outside of it.
    template <class Visit, class Loss>
    void compare(const CheckedVariable<S>& variable, const Visit& visit, const Loss& loss) {
        const Index size = variable.gradient.size();
        const Index cols = variable.gradient.cols();
        const Index most = options_.max_entries_per_variable;
        RandomStream random(options_.seed, variables_++);
        Index wanted = most == 0 ? size : std::min(most, size);
        for (Index i = 0; i < size; ++i) {
            // Each of the entries left has the same chance: as many as wanted, in their order, none twice.
            if (random.uniform() * static_cast<double>(size - i) >= static_cast<double>(wanted)) continue;
            --wanted;
            const MovedEntry<S, Visit> entry(visit, i / cols, i % cols);
            add(variable, i / cols, i % cols, central_difference(entry, loss));
        }
    }

    [[nodiscard]] const GradientCheckReport& report() const { return report_; }

private:
    static constexpr double kEpsilon = static_cast<double>(std::numeric_limits<S>::epsilon());

    /// (L(w + h) - L(w - h)) / 2h, with the h that remains after rounding.
    template <class Visit, class Loss>
    [[nodiscard]] double central_difference(const MovedEntry<S, Visit>& entry, const Loss& loss) const {
        const double w = static_cast<double>(entry.original());
        const double h = step_ * std::max(1.0, std::abs(w));
        const S above = static_cast<S>(w + h), below = static_cast<S>(w - h);
        entry.set(above);
        const double loss_above = static_cast<double>(loss());
        entry.set(below);
        const double loss_below = static_cast<double>(loss());
        return (loss_above - loss_below) / (static_cast<double>(above) - static_cast<double>(below));
    }

    void add(const CheckedVariable<S>& variable, Index row, Index col, double numeric) {
        const double analytic = static_cast<double>(variable.gradient(row, col));
        const double scale = std::max({smallest_, std::abs(analytic), std::abs(numeric)});
        const double difference = std::abs(analytic - numeric) / scale;
        const double error = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
        if (!(error <= options_.tolerance)) report_.passed = false;
        ++report_.entries;
        if (report_.entries > 1 && error <= report_.worst) return;
        report_.worst = error;
        report_.layer = variable.layer;
        report_.variable = variable.name;
        report_.row = row;
        report_.col = col;
        report_.analytic = analytic;
        report_.numeric = numeric;
    }

    GradientCheckOptions options_;
    double step_;
    double smallest_;
    std::uint64_t variables_ = 0;
    GradientCheckReport report_;
};

}  // namespace detail

/// Compares the gradient of every weight of a model with the central difference (L(w + h) - L(w - h)) / 2h.
///
///     Gru<double> layer(3, {.units = 4});
///     Tape<double> tape;
///     const Output<double> y = layer.forward(inputs, {}, tape);
///     const Gradients<double> g = layer.backward(tape, {.last = y.last});           // of |last|^2 / 2
///     const auto loss = [&](Gru<double>& l) { return l(inputs).last.squaredNorm() / 2; };
///     const GradientCheckReport report = check_gradients(layer, loss, g.parameters.flat());
///     if (!report.passed) std::cerr << report.text();
///
/// `loss_function(model)` must give the same number for the same weights (with dropout: give masks) and count what the
/// gradients count, regularizers too. The model has count_params() and update_variables(f); `gradients` is one flat
/// vector in its order. The weights are back to the bit afterwards, also when loss_function throws. Two losses are
/// computed for each entry. An error is |analytic - numeric| / max(|analytic|, |numeric|), and smaller where both are
/// smaller than such differences resolve. Throws: ShapeError for another size, OptionError.
template <class Model, class LossFunction, class D>
[[nodiscard]] GradientCheckReport check_gradients(Model& model, const LossFunction& loss_function,
                                                  const Eigen::MatrixBase<D>& gradients,
                                                  const GradientCheckOptions& options = {}) {
    using S = typename D::Scalar;
    const VectorMap<const S> flat = detail::flat_vector(gradients);
    detail::check_options(options);
    detail::check_gradient_count("check_gradients", model, flat.size());
    std::vector<detail::CheckedVariable<S>> variables;
    const S* gradient = flat.data();
    model.update_variables([&](const Variable<S>& v) {
        const Index cols = v.values.cols();
        variables.push_back(
            {std::string(v.layer), std::string(v.name), {gradient, v.values.rows(), cols, Eigen::OuterStride<>(cols)}});
        gradient += v.values.size();
    });
    const auto loss = [&] { return loss_function(model); };
    detail::GradientCheck<S> check(options, static_cast<double>(loss()));
    for (std::size_t wanted = 0; wanted < variables.size(); ++wanted) {
        const auto visit = [&](const auto& use) {
            std::size_t i = 0;
            model.update_variables([&](const Variable<S>& v) {
                if (i++ == wanted) use(v.values);
            });
        };
        check.compare(variables[wanted], visit, loss);
    }
    return check.report();
}

/// The same for values outside a model that `loss_function()` reads, inputs or an initial state: the report calls them
/// `name`. Throws: ShapeError when the gradients have another shape, OptionError.
///
///     const auto loss_of_inputs = [&] { return layer(inputs).last.squaredNorm() / 2; };
///     check_gradients("inputs", inputs.matrix(), loss_of_inputs, g.inputs.matrix());
template <class LossFunction, class D>
[[nodiscard]] GradientCheckReport check_gradients(std::string_view name, MatrixView<typename D::Scalar> values,
                                                  const LossFunction& loss_function,
                                                  const Eigen::MatrixBase<D>& gradients,
                                                  const GradientCheckOptions& options = {}) {
    using S = typename D::Scalar;
    const MatrixView<const S> given(gradients.derived());
    detail::check_options(options);
    detail::check_shape("check_gradients", "gradients", given, values.rows(), values.cols());
    detail::GradientCheck<S> check(options, static_cast<double>(loss_function()));
    const auto visit = [&](const auto& use) { use(values.map()); };
    check.compare({{}, std::string(name), given.map()}, visit, loss_function);
    return check.report();
}

}  // namespace eigengru::inline EIGENGRU_ABI
