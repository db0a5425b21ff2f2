// SPDX-License-Identifier: MIT
// The derivatives of the activations in which the units of a row meet: `multiply_derivative` takes x, y = f(x) and
// replaces d by the product of the transposed Jacobian with d. sparsemax has its `value` here too, which works on the
// row in place; those of softmax and log_softmax: activation_kernel.hpp. Source: keras.activations of Keras 3.
#pragma once

#include "eigengru/math/packet.hpp"

#include <algorithm>
#include <limits>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// y_i = e^(x_i) / sum_j e^(x_j), over a row.
template <class S>
struct Softmax {
    /// d_i = y_i (d_i - sum_j d_j y_j)
    template <class Row, class Out>
    void multiply_derivative(const Row&, const Row& y, Out d) const {
        S sum = 0;
        for (Index i = 0; i < d.size(); ++i) sum += d[i] * y[i];
        d = y * (d - sum);
    }
};

/// y_i = x_i - log sum_j e^(x_j), over a row.
template <class S>
struct LogSoftmax {
    /// d_i = d_i - e^(y_i) sum_j d_j
    template <class Row, class Out>
    void multiply_derivative(const Row&, const Row& y, Out d) const {
        S sum = 0;
        for (Index i = 0; i < d.size(); ++i) sum += d[i];
        for_each_packet<S>(d.size(), [&](auto p, Index i) {
            const auto exp_y = packet::pexp(packet::ploadu<decltype(p)>(y.data() + i));
            const auto scaled = packet::pmul(exp_y, packet::pset1<decltype(p)>(sum));
            packet::pstoreu(d.data() + i, packet::psub(packet::ploadu<decltype(p)>(d.data() + i), scaled));
        });
    }
};

/// y_i = max(x_i - tau, 0), over a row. With x in descending order and s_k the sum of its first k,
///     tau = (sum of s_k over the support - 1) / size of the support,   support = { k : x_k > (s_k - 1) / k }.
/// That is what every backend of Keras 3 computes. The published sparsemax (Martins and Astudillo, 2016) has the last
/// s_k of the support in place of their sum, so that y sums to 1; the numbers here are Keras's.
template <class S>
struct Sparsemax {
    template <class Row>
    void value(Row row) const {
        const S tau = threshold(row).tau;
        for (Index i = 0; i < row.size(); ++i) row[i] = row[i] - tau < S(0) ? S(0) : row[i] - tau;
    }
    /// With a the sum of d over the x_i >= tau, and x_i the element of rank k (from 1) in the support of size n:
    /// d_i = (x_i >= tau) d_i - a (n - k + 1) / n.
    template <class Row, class Out>
    void multiply_derivative(const Row& x, const Row&, Out d) const {
        const auto [tau, support] = threshold(x);
        S sum = 0;
        for (Index i = 0; i < d.size(); ++i) sum += d[i] = x[i] >= tau ? d[i] : S(0);
        for (Index i = 0; i < x.size(); ++i) {
            const Index above = (x > x[i]).count() + (x.head(i) == x[i]).count();
            if (above < support) d[i] -= sum * S(support - above) / S(support);
        }
    }

private:
    struct Threshold {
        S tau;
        Index support;
    };

    /// The order by selection, equal elements together: it takes no memory, and the support is short.
    template <class Row>
    static Threshold threshold(const Row& row) {
        S sum = 0, total = 0, before = std::numeric_limits<S>::infinity();
        Index support = 0;
        while (support < row.size()) {
            const S next = (row < before).select(row, -std::numeric_limits<S>::infinity()).maxCoeff();
            const Index known = support;
            for (Index equal = (row == next).count(); equal > 0; --equal) {
                if (!(next > (sum + next - S(1)) / S(support + 1))) break;
                sum += next;
                total += sum;
                ++support;
            }
            if (support == known) break;
            before = next;
        }
        return {row.hasNaN() ? std::numeric_limits<S>::quiet_NaN() : (total - S(1)) / S(support), support};
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
