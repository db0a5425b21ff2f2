// SPDX-License-Identifier: MIT
// Loss: how far predictions are from their targets, by Keras's name or with parameters, and its gradient.
#pragma once

#include "eigengru/training/loss_call.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// A loss over targets and predictions (batch, time, features). A regular value, by Keras's name or by a factory:
///
///     Loss a = "mse";
///     Loss b = Loss::binary_crossentropy({.from_logits = true, .label_smoothing = 0.1});
///     float loss = a.value_and_gradient(targets, predictions, {.mask = mask}, d_predictions);
///
/// With l(b, t) the loss of a step over its features, w its sample weight (1 when absent) and m its mask (1 or 0), used
/// steps those of the mask, the reductions are
///
///     sum_over_batch_size       sum(w m l) / used steps
///     sum                       sum(w m l)
///     mean_with_sample_weight   sum(w m l) / sum(w m)
///     none                      w m l for each step, which per_sample() returns whatever the reduction
///
/// and 0 where the divisor is 0. As in Keras, mean_with_sample_weight without a mask divides by the sum of the weights
/// as they were given: with (batch, 1) that of the batch alone.
/// All is computed in double, whatever the scalar.
///
/// Differs from Keras: what stands at masked steps (NaN, infinity, class numbers out of range) reaches neither loss nor
/// gradient; Keras multiplies it by 0. Targets must have the shape of the predictions, nothing is broadcast. A class of
/// target 0 may have an infinite logit, where Keras gives NaN. On TensorFlow alone, the probabilities of
/// sparse_categorical_crossentropy are clipped before their sum is made 1, and the gradient of categorical_crossentropy
/// from logits takes the sum of the targets for 1; we do what JAX does.
///
/// Invariant: delta > 0, 0 <= label_smoothing <= 1.
class Loss {
public:
    /// Throws: OptionError for an unknown name.
    template <NameLike T>
    Loss(const T& name) : kind_(detail::kind_by_name<LossKind>(std::string_view(name))) {}

    /// l = mean (p - y)^2
    [[nodiscard]] static Loss mean_squared_error(const MeanErrorOptions& o = {}) {
        return {LossKind::mean_squared_error, o.reduction, {}};
    }

    /// l = mean |p - y|, with gradient 0 where they are equal.
    [[nodiscard]] static Loss mean_absolute_error(const MeanErrorOptions& o = {}) {
        return {LossKind::mean_absolute_error, o.reduction, {}};
    }

    /// l = mean of (p - y)^2 / 2 where |p - y| <= delta, and delta |p - y| - delta^2 / 2 beyond.
    /// Throws: OptionError unless delta is finite and above 0.
    [[nodiscard]] static Loss huber(const HuberOptions& o = {}) {
        if (!(std::isfinite(o.delta) && o.delta > 0.0))
            EIGENGRU_THROW(OptionError, "Loss: huber delta expected a finite number above 0, received ", o.delta);
        return {LossKind::huber, o.reduction, {.delta = o.delta}};
    }

    /// l = mean of -y log p - (1 - y) log(1 - p), where p is clipped to [1e-7, 1 - 1e-7] or, from_logits, the logistic
    /// function of the prediction; y is first y (1 - label_smoothing) + label_smoothing / 2.
    /// Throws: OptionError unless label_smoothing is in [0, 1].
    [[nodiscard]] static Loss binary_crossentropy(const CrossentropyOptions& o = {}) {
        return crossentropy(LossKind::binary_crossentropy, o);
    }

    /// l = -sum y log q, where q is p / sum(p) clipped to [1e-7, 1 - 1e-7] or, from_logits, the softmax of the
    /// predictions; y is first y (1 - label_smoothing) + label_smoothing / features. Throws: as binary_crossentropy().
    [[nodiscard]] static Loss categorical_crossentropy(const CrossentropyOptions& o = {}) {
        return crossentropy(LossKind::categorical_crossentropy, o);
    }

    /// The same for targets that are class numbers, (batch, time, 1): l = -log q[target].
    [[nodiscard]] static Loss sparse_categorical_crossentropy(const SparseCategoricalCrossentropyOptions& o = {}) {
        return {LossKind::sparse_categorical_crossentropy,
                o.reduction,
                {.from_logits = o.from_logits, .ignore_class = o.ignore_class}};
    }

    [[nodiscard]] LossKind kind() const { return kind_; }
    [[nodiscard]] LossReduction reduction() const { return reduction_.kind(); }
    [[nodiscard]] const LossParameters& parameters() const { return parameters_; }
    [[nodiscard]] std::string_view name() const { return detail::name_of_kind(kind_); }

    /// With what differs from the defaults of Keras: `mean_squared_error()`, `huber(delta=2, reduction="sum")`.
    [[nodiscard]] std::string to_string() const {
        const LossParameters& p = parameters_;
        std::string arguments;
        const auto add = [&](bool differs, const auto&... parts) {
            if (differs) arguments += detail::text(arguments.empty() ? "" : ", ", parts...);
        };
        add(p.delta != 1.0, "delta=", p.delta);
        add(p.from_logits, "from_logits=true");
        add(p.label_smoothing != 0.0, "label_smoothing=", p.label_smoothing);
        add(p.ignore_class.has_value(), "ignore_class=", p.ignore_class.value_or(0));
        add(reduction() != LossReduction::sum_over_batch_size, "reduction=\"", reduction_.name(), "\"");
        return detail::text(name(), "(", arguments, ")");
    }

    /// The loss as one number. Predictions are a SequenceView, a Sequence or a row-major Eigen matrix.
    /// Throws: ShapeError; OptionError for a class number out of range, and for the reduction none.
    template <class Predictions, RealScalar S = typename Predictions::Scalar>
    [[nodiscard]] S value(std::type_identity_t<SequenceView<const S>> targets, const Predictions& predictions,
                          const std::type_identity_t<LossCallOptions<S>>& options = {}) const {
        const Call<S> call = checked<S>("Loss::value", {targets, predictions, options, parameters_.ignore_class});
        return reduced(call, divisor("Loss::value", call));
    }

    /// The loss, and its gradient d loss / d predictions into `d_predictions`, which has the shape of the predictions
    /// and lies apart from them; 0 at masked steps. Allocates nothing. Throws: as value(), and then nothing is written.
    template <class Predictions, RealScalar S = typename Predictions::Scalar>
    S value_and_gradient(std::type_identity_t<SequenceView<const S>> targets, const Predictions& predictions,
                         const std::type_identity_t<LossCallOptions<S>>& options,
                         std::type_identity_t<SequenceView<S>> d_predictions) const {
        constexpr std::string_view where = "Loss::value_and_gradient";
        const Call<S> call = checked<S>(where, {targets, predictions, options, parameters_.ignore_class});
        if (d_predictions.shape() != call.shape())
            EIGENGRU_THROW(ShapeError, where, ": d_predictions expected ", call.shape(), ", received ",
                           d_predictions.shape());
        const double by = divisor(where, call);
        for (Index b = 0; b < call.shape().batch; ++b) {
            for (Index t = 0; t < call.shape().time; ++t) {
                S* const d = d_predictions.row(b, t);
                if (by != 0.0 && call.is_used(b, t))
                    row_gradient<S>(call.row(b, t), {d, call.weight(b, t) / by});
                else
                    std::fill_n(d, call.shape().features, S(0));
            }
        }
        return reduced(call, by);
    }

    /// The weighted loss of each step, (batch, time): the reduction none. Throws: ShapeError, OptionError.
    template <class Predictions, RealScalar S = typename Predictions::Scalar>
    [[nodiscard]] RowMatrix<S> per_sample(std::type_identity_t<SequenceView<const S>> targets,
                                          const Predictions& predictions,
                                          const std::type_identity_t<LossCallOptions<S>>& options = {}) const {
        const Call<S> call = checked<S>("Loss::per_sample", {targets, predictions, options, parameters_.ignore_class});
        RowMatrix<S> losses = RowMatrix<S>::Zero(call.shape().batch, call.shape().time);
        for (Index b = 0; b < losses.rows(); ++b)
            for (Index t = 0; t < losses.cols(); ++t)
                if (call.is_used(b, t)) losses(b, t) = static_cast<S>(call.weight(b, t) * row_loss(call.row(b, t)));
        return losses;
    }

    friend bool operator==(const Loss&, const Loss&) = default;
    friend void append(std::string& text, const Loss& loss) { text += loss.to_string(); }

private:
    template <RealScalar S>
    using Call = detail::LossCall<S>;
    template <RealScalar S>
    using Row = detail::LossRow<S>;

    Loss(LossKind kind, Named<LossReduction> reduction, const LossParameters& parameters)
        : kind_(kind), reduction_(reduction), parameters_(parameters) {}

    static Loss crossentropy(LossKind kind, const CrossentropyOptions& o) {
        if (!(o.label_smoothing >= 0.0 && o.label_smoothing <= 1.0))
            EIGENGRU_THROW(OptionError, "Loss: ", detail::name_of_kind(kind),
                           " label_smoothing expected a number in [0, 1], received ", o.label_smoothing);
        return {kind, o.reduction, {.from_logits = o.from_logits, .label_smoothing = o.label_smoothing}};
    }

    template <RealScalar S>
    [[nodiscard]] Call<S> checked(std::string_view where, const Call<S>& call) const {
        const bool is_sparse = kind_ == LossKind::sparse_categorical_crossentropy;
        call.check_shapes(where, is_sparse);
        if (is_sparse) call.check_classes(where);
        return call;
    }

    template <RealScalar S>
    [[nodiscard]] double divisor(std::string_view where, const Call<S>& call) const {
        if (reduction() == LossReduction::none)
            EIGENGRU_THROW(OptionError, where, ": expected a reduction to one number, received none (see per_sample)");
        return call.divisor(reduction());
    }

    template <RealScalar S>
    [[nodiscard]] S reduced(const Call<S>& call, double divisor) const {
        if (divisor == 0.0) return S(0);
        const double sum =
            call.sum_over_used([&](Index b, Index t) { return call.weight(b, t) * row_loss(call.row(b, t)); });
        return static_cast<S>(sum / divisor);
    }

    template <RealScalar S>
    [[nodiscard]] double row_loss(const Row<S>& row) const {
        const LossParameters& p = parameters_;
        switch (kind_) {
            case LossKind::mean_squared_error: return detail::squared_error(row);
            case LossKind::mean_absolute_error: return detail::absolute_error(row);
            case LossKind::huber: return detail::huber(row, p.delta);
            case LossKind::binary_crossentropy:
                return p.from_logits ? detail::binary_crossentropy_of_logits(row, p.label_smoothing)
                                     : detail::binary_crossentropy(row, p.label_smoothing);
            case LossKind::categorical_crossentropy:
                return class_loss(row, detail::ClassTargets<S>{row, p.label_smoothing});
            default: return class_loss(row, detail::OneClassTarget{static_cast<Index>(row.y(0))});
        }
    }

    template <RealScalar S>
    void row_gradient(const Row<S>& row, const detail::LossRowGradient<S>& d) const {
        const LossParameters& p = parameters_;
        switch (kind_) {
            case LossKind::mean_squared_error: return detail::squared_error_gradient(row, d);
            case LossKind::mean_absolute_error: return detail::absolute_error_gradient(row, d);
            case LossKind::huber: return detail::huber_gradient(row, p.delta, d);
            case LossKind::binary_crossentropy:
                return p.from_logits ? detail::binary_crossentropy_of_logits_gradient(row, p.label_smoothing, d)
                                     : detail::binary_crossentropy_gradient(row, p.label_smoothing, d);
            case LossKind::categorical_crossentropy:
                return class_gradient(row, detail::ClassTargets<S>{row, p.label_smoothing}, d);
            default: return class_gradient(row, detail::OneClassTarget{static_cast<Index>(row.y(0))}, d);
        }
    }

    template <RealScalar S, class Targets>
    [[nodiscard]] double class_loss(const Row<S>& row, const Targets& y) const {
        return parameters_.from_logits ? detail::class_crossentropy_of_logits(row, y)
                                       : detail::class_crossentropy(row, y);
    }

    template <RealScalar S, class Targets>
    void class_gradient(const Row<S>& row, const Targets& y, const detail::LossRowGradient<S>& d) const {
        if (parameters_.from_logits)
            detail::class_crossentropy_of_logits_gradient(row, y, d);
        else
            detail::class_crossentropy_gradient(row, y, d);
    }

    LossKind kind_;
    Named<LossReduction> reduction_ = LossReduction::sum_over_batch_size;
    LossParameters parameters_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
