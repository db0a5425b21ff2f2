// SPDX-License-Identifier: MIT
// A GRU layer as one writes it with Eigen alone, twice: what the library is measured against. Both read inputs
// (batch, time, features) and write outputs (batch, time, units), row-major, as the layer does, and carry their state.
#pragma once

#include "views.hpp"

namespace eigengru_bench {

/// The equations step by step, as they stand in the paper.
template <class S, bool ResetAfter>
class NaiveGru {
public:
    NaiveGru(const Weights<S>& weights, Index batch, Index)
        : w_(weights), h_(RowMatrix<S>::Zero(batch, weights.recurrent_kernel.rows())) {}

    void reset() { h_.setZero(); }

    void run(SequenceView<const S> inputs, SequenceView<S> outputs) {
        const Index n = h_.cols();
        for (Index t = 0; t < inputs.shape().time; ++t) {
            RowMatrix<S> x = inputs.step(t) * w_.kernel;
            x.rowwise() += w_.bias.row(0);
            RowMatrix<S> z, r, c;
            if constexpr (ResetAfter) {
                RowMatrix<S> m = h_ * w_.recurrent_kernel;
                m.rowwise() += w_.bias.row(1);
                z = sigmoid(x.leftCols(n) + m.leftCols(n));
                r = sigmoid(x.middleCols(n, n) + m.middleCols(n, n));
                c = (x.rightCols(n).array() + r.array() * m.rightCols(n).array()).tanh();
            } else {
                z = sigmoid(x.leftCols(n) + h_ * w_.recurrent_kernel.leftCols(n));
                r = sigmoid(x.middleCols(n, n) + h_ * w_.recurrent_kernel.middleCols(n, n));
                const RowMatrix<S> reset = r.cwiseProduct(h_);
                c = (x.rightCols(n) + reset * w_.recurrent_kernel.rightCols(n)).array().tanh();
            }
            h_ = z.array() * h_.array() + (S(1) - z.array()) * c.array();
            outputs.step(t) = h_;
        }
    }

private:
    static RowMatrix<S> sigmoid(const RowMatrix<S>& x) { return S(1) / (S(1) + (-x.array()).exp()); }

    const Weights<S>& w_;
    RowMatrix<S> h_;
};

/// The same by somebody who knows Eigen: one product projects the inputs of the whole sequence, one or two products a
/// step go into memory that is there already, and the rest is one vectorised pass over each row. No temporaries.
template <class S, bool ResetAfter>
class HoistedGru {
public:
    HoistedGru(const Weights<S>& weights, Index batch, Index time)
        : w_(weights),
          h_(RowMatrix<S>::Zero(batch, weights.recurrent_kernel.rows())),
          projected_(batch * time, weights.kernel.cols()),
          m_(batch, weights.kernel.cols()) {
        bias_ = w_.bias.row(0);
        if (ResetAfter) bias_.leftCols(2 * h_.cols()) += w_.bias.row(1).leftCols(2 * h_.cols());
    }

    void reset() { h_.setZero(); }

    void run(SequenceView<const S> inputs, SequenceView<S> outputs) {
        const auto [batch, time, features] = inputs.shape();
        const Index n = h_.cols();
        projected_.rowwise() = bias_;
        projected_.noalias() += Eigen::Map<const RowMatrix<S>>(inputs.data(), batch * time, features) * w_.kernel;
        const ConstRow recurrent_bias(&w_.bias(w_.bias.rows() - 1, 2 * n), n);  // the candidate's; ResetAfter
        for (Index t = 0; t < time; ++t) {
            if constexpr (ResetAfter)
                m_.noalias() = h_ * w_.recurrent_kernel;
            else
                m_.leftCols(2 * n).noalias() = h_ * w_.recurrent_kernel.leftCols(2 * n);
            for (Index b = 0; b < batch; ++b) {
                Row zr(m_.row(b).data(), 2 * n), m(zr.data() + 2 * n, n), h(h_.row(b).data(), n);
                Row x(projected_.row(b * time + t).data(), 3 * n);
                zr = (zr + x.head(2 * n)).logistic();
                if constexpr (ResetAfter) {
                    m = (x.tail(n) + zr.tail(n) * (m + recurrent_bias)).tanh();
                    h = m + zr.head(n) * (h - m);
                    Row(outputs.row(b, t), n) = h;
                } else {
                    m = zr.tail(n) * h;
                }
            }
            if constexpr (!ResetAfter) finish_reset_before(outputs, t);
        }
    }

private:
    using Row = Eigen::Map<Eigen::Array<S, 1, Eigen::Dynamic>>;
    using ConstRow = Eigen::Map<const Eigen::Array<S, 1, Eigen::Dynamic>>;

    void finish_reset_before(SequenceView<S> outputs, Index t) {
        const Index n = h_.cols();
        const Index time = outputs.shape().time;
        // r's place is free, so that the product does not overwrite what it reads.
        m_.middleCols(n, n).noalias() = m_.rightCols(n) * w_.recurrent_kernel.rightCols(n);
        for (Index b = 0; b < h_.rows(); ++b) {
            Row z(m_.row(b).data(), n), c(z.data() + n, n), h(h_.row(b).data(), n);
            Row x(projected_.row(b * time + t).data() + 2 * n, n);
            c = (x + c).tanh();
            h = c + z * (h - c);
            Row(outputs.row(b, t), n) = h;
        }
    }

    const Weights<S>& w_;
    Eigen::Matrix<S, 1, Eigen::Dynamic> bias_;
    RowMatrix<S> h_, projected_, m_;
};

}  // namespace eigengru_bench
