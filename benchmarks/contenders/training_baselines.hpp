// SPDX-License-Identifier: MIT
// The training of a GRU layer by hand, by somebody who knows Eigen: what the layer's forward and backward passes are
// measured against. Inputs and outputs as in baselines.hpp.
#pragma once

#include "views.hpp"

#include <type_traits>

namespace eigengru_bench {

using eigengru::Sequence;
/// tanh of an array expression, vectorised: of doubles Eigen 3.4 computes it one by one, the logistic function not.
template <class Expression>
[[nodiscard]] auto vectorised_tanh(const Expression& x) {
    using S = typename Expression::Scalar;
    if constexpr (std::is_same_v<S, double>)
        return S(2) * (S(2) * x).logistic() - S(1);
    else
        return x.tanh();
}

/// Works in time-major order, [time][batch], so that a step is one block of memory. One product projects all inputs,
/// one or two products a step go forward and as many back, and one product over all rows makes each gradient (reset
/// before: two for the recurrent kernel); the rest is vectorised passes over rows. The activated gates are kept for the
/// way back. All memory is there before the first call. The equations: eigengru/cell/gru_step.hpp.
template <class S, bool ResetAfter>
class TrainedGru {
public:
    TrainedGru(const Weights<S>& weights, Index batch, Index time)
        : w_(weights),
          batch_(batch),
          time_(time),
          n_(weights.recurrent_kernel.rows()),
          x_(time * batch, weights.kernel.rows()),
          h_((time + 1) * batch, n_),
          gates_(time * batch, 3 * n_),
          m_(time * batch, n_),
          products_(batch, 3 * n_),
          d_(time * batch, 3 * n_),
          d_state_(batch, n_),
          recurrent_kernel_t_(3 * n_, n_),
          gradients_(weights),
          d_inputs_({batch, time, weights.kernel.rows()}) {}

    /// outputs (batch, time, units) and state (batch, units).
    void forward(SequenceView<const S> inputs, const RowMatrix<S>& initial_state, SequenceView<S> outputs,
                 RowMatrix<S>& state) {
        for (Index t = 0; t < time_; ++t) rows(x_, t) = inputs.step(t);
        Eigen::Matrix<S, 1, Eigen::Dynamic> bias = w_.bias.row(0);
        if (ResetAfter) bias.leftCols(2 * n_) += w_.bias.row(1).leftCols(2 * n_);
        gates_.rowwise() = bias;
        gates_.noalias() += x_ * w_.kernel;
        rows(h_, 0) = initial_state;
        for (Index t = 0; t < time_; ++t) {
            step(t);
            outputs.step(t) = rows(h_, t + 1);
        }
        state = rows(h_, time_);
    }

    /// The gradients of a loss whose gradients with respect to the outputs and the state are these.
    void backward(SequenceView<const S> d_outputs, const RowMatrix<S>& d_state) {
        recurrent_kernel_t_ = w_.recurrent_kernel.transpose();
        gradients_.bias.setZero();
        d_state_ = d_state;
        for (Index t = time_ - 1; t >= 0; --t) step_back(t, d_outputs);

        gradients_.kernel.noalias() = x_.transpose() * d_;
        x_.noalias() = d_ * w_.kernel.transpose();  // the inputs are needed no more
        for (Index t = 0; t < time_; ++t) d_inputs_.view().step(t) = rows(x_, t);
        const auto h = h_.topRows(time_ * batch_);
        if constexpr (ResetAfter) {
            d_.rightCols(n_).array() *= gates_.middleCols(n_, n_).array();  // dm = dc . r
            gradients_.recurrent_kernel.noalias() = h.transpose() * d_;
        } else {
            gradients_.recurrent_kernel.leftCols(2 * n_).noalias() = h.transpose() * d_.leftCols(2 * n_);
            gradients_.recurrent_kernel.rightCols(n_).noalias() = m_.transpose() * d_.rightCols(n_);
        }
    }

    [[nodiscard]] const Weights<S>& gradients() const { return gradients_; }
    [[nodiscard]] const Sequence<S>& d_inputs() const { return d_inputs_; }
    [[nodiscard]] const RowMatrix<S>& d_initial_state() const { return d_state_; }

private:
    using Row = Eigen::Map<Eigen::Array<S, 1, Eigen::Dynamic>>;
    using ConstRow = Eigen::Map<const Eigen::Array<S, 1, Eigen::Dynamic>>;

    auto rows(RowMatrix<S>& all, Index t) { return all.middleRows(t * batch_, batch_); }

    /// From the state before step t to the one after it.
    void step(Index t) {
        if constexpr (ResetAfter)
            products_.noalias() = rows(h_, t) * w_.recurrent_kernel;
        else
            products_.leftCols(2 * n_).noalias() = rows(h_, t) * w_.recurrent_kernel.leftCols(2 * n_);
        const ConstRow recurrent_bias(&w_.bias(w_.bias.rows() - 1, 2 * n_), n_);  // the candidate's; ResetAfter
        for (Index b = 0; b < batch_; ++b) {
            const Index i = t * batch_ + b;
            const ConstRow product(products_.row(b).data(), 3 * n_), h(h_.row(i).data(), n_);
            Row zr(gates_.row(i).data(), 2 * n_), c(zr.data() + 2 * n_, n_), m(m_.row(i).data(), n_);
            zr = (zr + product.head(2 * n_)).logistic();
            if constexpr (ResetAfter) {
                m = product.tail(n_) + recurrent_bias;
                c = vectorised_tanh(c + zr.tail(n_) * m);
                Row(h_.row(i + batch_).data(), n_) = c + zr.head(n_) * (h - c);
            } else {
                m = zr.tail(n_) * h;
            }
        }
        if constexpr (!ResetAfter) finish_reset_before(t);
    }

    void finish_reset_before(Index t) {
        rows(gates_, t).rightCols(n_).noalias() += rows(m_, t) * w_.recurrent_kernel.rightCols(n_);
        for (Index i = t * batch_; i < (t + 1) * batch_; ++i) {
            const ConstRow z(gates_.row(i).data(), n_), h(h_.row(i).data(), n_);
            Row c(gates_.row(i).data() + 2 * n_, n_);
            c = vectorised_tanh(c);
            Row(h_.row(i + batch_).data(), n_) = c + z * (h - c);
        }
    }

    /// From d_state_ after step t to that before it; the gradients of its gates and of the biases.
    void step_back(Index t, SequenceView<const S> d_outputs) {
        Row d_bias(gradients_.bias.row(0).data(), 3 * n_);
        Row d_recurrent_bias(gradients_.bias.row(gradients_.bias.rows() - 1).data(), 3 * n_);
        for (Index b = 0; b < batch_; ++b) {
            const Index i = t * batch_ + b;
            const ConstRow z(gates_.row(i).data(), n_), r(z.data() + n_, n_), c(r.data() + n_, n_);
            const ConstRow h(h_.row(i).data(), n_), m(m_.row(i).data(), n_);
            Row d(d_.row(i).data(), 3 * n_), d_product(products_.row(b).data(), 3 * n_);
            Row d_h(d_state_.row(b).data(), n_);
            d_h += ConstRow(d_outputs.row(b, t), n_);
            d.head(n_) = d_h * (h - c) * z * (S(1) - z);
            d.tail(n_) = d_h * (S(1) - z) * (S(1) - c.square());
            d_h *= z;
            if constexpr (ResetAfter) {
                d_product.tail(n_) = d.tail(n_) * r;
                d.segment(n_, n_) = d_product.tail(n_) * m * (S(1) - r);
                d_product.head(2 * n_) = d.head(2 * n_);
                d_bias += d;
                d_recurrent_bias += d_product;
            }
        }
        if constexpr (ResetAfter)
            d_state_.noalias() += products_ * recurrent_kernel_t_;
        else
            finish_step_back(t);
    }

    void finish_step_back(Index t) {
        Row d_bias(gradients_.bias.data(), 3 * n_);
        products_.leftCols(n_).noalias() = rows(d_, t).rightCols(n_) * recurrent_kernel_t_.bottomRows(n_);
        for (Index b = 0; b < batch_; ++b) {
            const Index i = t * batch_ + b;
            const ConstRow r(gates_.row(i).data() + n_, n_), h(h_.row(i).data(), n_), d_m(products_.row(b).data(), n_);
            Row d(d_.row(i).data(), 3 * n_);
            d.segment(n_, n_) = d_m * h * r * (S(1) - r);
            Row(d_state_.row(b).data(), n_) += d_m * r;
            d_bias += d;
        }
        d_state_.noalias() += rows(d_, t).leftCols(2 * n_) * recurrent_kernel_t_.topRows(2 * n_);
    }

    const Weights<S>& w_;
    Index batch_, time_, n_;
    RowMatrix<S> x_, h_;      ///< inputs; the states before each step, and the last one
    RowMatrix<S> gates_, m_;  ///< z | r | c, activated; m
    RowMatrix<S> products_;   ///< of the state with the recurrent kernel, or its gradients
    RowMatrix<S> d_;          ///< dz | dr | dc
    RowMatrix<S> d_state_, recurrent_kernel_t_;
    Weights<S> gradients_;
    Sequence<S> d_inputs_;
};

}  // namespace eigengru_bench
