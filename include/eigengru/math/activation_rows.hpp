// SPDX-License-Identifier: MIT
// The activations in which the units of a row meet: softmax and its relatives. `value` works on the row in place,
// `multiply_derivative` takes x, y = f(x) and replaces d by the product of the transposed Jacobian with d.
// Source: keras.activations of Keras 3.
#pragma once

#include "eigengru/math/packet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The sum of e^x over a row in its order, and the terms at `terms` unless that is null. Eigen's own exp() and sum()
/// give bits that depend on where the row starts in memory.
template <class Row, class S>
S sum_of_exp(const Row& row, S* terms) {
    constexpr Index kBlock = 64;
    std::array<S, kBlock> memory;
    S sum = 0;
    for (Index first = 0; first < row.size(); first += kBlock) {
        const Index size = std::min(kBlock, row.size() - first);
        const S* x = row.data() + first;
        for_each_packet<S>(size, [&](auto p, Index i) {
            packet::pstoreu(memory.data() + i, packet::pexp(packet::ploadu<decltype(p)>(x + i)));
        });
        for (Index i = 0; i < size; ++i) sum += memory[static_cast<std::size_t>(i)];
        if (terms != nullptr) std::copy_n(memory.data(), size, terms + first);
    }
    return sum;
}

/// y_i = e^(x_i) / sum_j e^(x_j), over a row.
template <class S>
struct Softmax {
    template <class Row>
    void value(Row row) const {
        row -= row.maxCoeff();
        const S sum = sum_of_exp(row, row.data());
        row /= sum;
    }
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
    template <class Row>
    void value(Row row) const {
        row -= row.maxCoeff();
        const S log_sum = std::log(sum_of_exp<Row, S>(row, nullptr));
        row -= log_sum;
    }
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
