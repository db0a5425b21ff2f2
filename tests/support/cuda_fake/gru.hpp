// SPDX-License-Identifier: MIT
// The GRU of the fake, from the formula that cuDNN documents, in scalar loops: forward, gradients of data and of
// weights. Computes in double whatever the type, and rounds what it writes to memory.
//
//     r = sigmoid(W_r x + b_Wr + R_r h + b_Rr)      z = sigmoid(W_z x + b_Wz + R_z h + b_Rz)
//     n = tanh(W_n x + b_Wn + r . q)                q = R_n h + b_Rn
//     h' = (1 - z) . n + z . h
#pragma once

#include "support/cuda_fake/descriptors.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace eigengru_test::cuda_fake {

/// cuDNN's order of the gates.
enum Gate : std::size_t { kR, kZ, kN, kGateCount };

/// Where the blocks of the weights begin: W (units x features) and R (units x units), by rows, and their biases.
template <class S>
struct Blocks {
    std::array<S*, kGateCount> w = {};
    std::array<S*, kGateCount> r = {};
    std::array<S*, kGateCount> bw = {};
    std::array<S*, kGateCount> br = {};
};

/// What the forward pass keeps for the backward pass, one for each step, row and unit; the gradients of data replace it
/// by the gradients of the sums in front of the activations.
struct Kept {
    double r = 0;
    double z = 0;
    double n = 0;
    double q = 0;
};

/// One pass: the arrays as cuDNN is given them. Rows have as many steps as x says; null arrays are absent.
template <class S>
struct Pass {
    const DataDescriptor& x_data;
    const DataDescriptor& y_data;
    Blocks<const S> weights = {};
    const S* x = nullptr;
    const S* hx = nullptr;
    Kept* kept = nullptr;  ///< (step, row, unit), or null

    [[nodiscard]] std::size_t features() const { return static_cast<std::size_t>(x_data.size); }
    [[nodiscard]] std::size_t units() const { return static_cast<std::size_t>(y_data.size); }
    [[nodiscard]] Kept& kept_at(int step, int row, std::size_t unit) const {
        const auto place = static_cast<std::size_t>(step) * static_cast<std::size_t>(x_data.batch);
        return kept[(place + static_cast<std::size_t>(row)) * units() + unit];
    }
    /// The state before a step.
    [[nodiscard]] double state_before(const S* y, int step, int row, std::size_t unit) const {
        if (step > 0) return static_cast<double>(y[y_data.offset(step - 1, row) + unit]);
        return hx == nullptr ? 0.0 : static_cast<double>(hx[static_cast<std::size_t>(row) * units() + unit]);
    }
};

inline double sigmoid_of(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

template <class S>
void gru_forward(const Pass<S>& pass, S* y, S* hy) {
    const std::size_t features = pass.features(), units = pass.units();
    for (int row = 0; row < pass.x_data.batch; ++row) {
        std::vector<double> h(units);
        for (std::size_t u = 0; u < units; ++u) h[u] = pass.state_before(y, 0, row, u);
        for (int step = 0; step < pass.x_data.lengths[static_cast<std::size_t>(row)]; ++step) {
            const S* x = pass.x + pass.x_data.offset(step, row);
            S* out = y + pass.y_data.offset(step, row);
            for (std::size_t u = 0; u < units; ++u) {
                std::array<double, kGateCount> a{}, b{};
                for (std::size_t g = 0; g < kGateCount; ++g) {
                    a[g] = static_cast<double>(pass.weights.bw[g][u]);
                    b[g] = static_cast<double>(pass.weights.br[g][u]);
                    for (std::size_t i = 0; i < features; ++i)
                        a[g] += static_cast<double>(pass.weights.w[g][u * features + i]) * static_cast<double>(x[i]);
                    for (std::size_t i = 0; i < units; ++i)
                        b[g] += static_cast<double>(pass.weights.r[g][u * units + i]) * h[i];
                }
                const double r = sigmoid_of(a[kR] + b[kR]), z = sigmoid_of(a[kZ] + b[kZ]);
                const double n = std::tanh(a[kN] + r * b[kN]);
                out[u] = static_cast<S>((1.0 - z) * n + z * h[u]);
                if (pass.kept != nullptr) pass.kept_at(step, row, u) = {r, z, n, b[kN]};
            }
            for (std::size_t u = 0; u < units; ++u) h[u] = static_cast<double>(out[u]);
        }
        for (std::size_t u = 0; u < units && hy != nullptr; ++u)
            hy[static_cast<std::size_t>(row) * units + u] = static_cast<S>(h[u]);
    }
}

/// Given dy and dhy writes dx and dhx.
template <class S>
void gru_backward_data(const Pass<S>& pass, const S* y, const S* dy, const S* dhy, S* dx, S* dhx) {
    const std::size_t features = pass.features(), units = pass.units();
    for (int row = 0; row < pass.x_data.batch; ++row) {
        const std::size_t first = static_cast<std::size_t>(row) * units;
        std::vector<double> dh(units);
        for (std::size_t u = 0; u < units && dhy != nullptr; ++u) dh[u] = static_cast<double>(dhy[first + u]);
        for (int step = pass.x_data.lengths[static_cast<std::size_t>(row)] - 1; step >= 0; --step) {
            std::vector<double> dh_before(units), d_x(features);
            for (std::size_t u = 0; u < units; ++u) {
                Kept& kept = pass.kept_at(step, row, u);
                const auto [r, z, n, q] = kept;
                const double d = dh[u] + static_cast<double>(dy[pass.y_data.offset(step, row) + u]);
                const double h = pass.state_before(y, step, row, u);
                const double dn = d * (1.0 - z) * (1.0 - n * n);
                kept = {dn * q * r * (1.0 - r), d * (h - n) * z * (1.0 - z), dn, dn * r};
                dh_before[u] += d * z;
                for (std::size_t i = 0; i < units; ++i)
                    dh_before[i] += static_cast<double>(pass.weights.r[kR][u * units + i]) * kept.r +
                                    static_cast<double>(pass.weights.r[kZ][u * units + i]) * kept.z +
                                    static_cast<double>(pass.weights.r[kN][u * units + i]) * kept.q;
                for (std::size_t i = 0; i < features; ++i)
                    d_x[i] += static_cast<double>(pass.weights.w[kR][u * features + i]) * kept.r +
                              static_cast<double>(pass.weights.w[kZ][u * features + i]) * kept.z +
                              static_cast<double>(pass.weights.w[kN][u * features + i]) * kept.n;
            }
            for (std::size_t i = 0; i < features; ++i) dx[pass.x_data.offset(step, row) + i] = static_cast<S>(d_x[i]);
            dh = std::move(dh_before);
        }
        for (std::size_t u = 0; u < units && dhx != nullptr; ++u) dhx[first + u] = static_cast<S>(dh[u]);
    }
}

/// After gru_backward_data: adds the gradients of the weights to d.
template <class S>
void gru_backward_weights(const Pass<S>& pass, const S* y, const Blocks<S>& d) {
    const std::size_t features = pass.features(), units = pass.units();
    for (std::size_t u = 0; u < units; ++u) {
        for (std::size_t g = 0; g < kGateCount; ++g) {
            std::vector<double> dw(features), dr(units);
            double dbw = 0, dbr = 0;
            for (int row = 0; row < pass.x_data.batch; ++row) {
                for (int step = 0; step < pass.x_data.lengths[static_cast<std::size_t>(row)]; ++step) {
                    const Kept& kept = pass.kept_at(step, row, u);
                    const double of_input = g == kR ? kept.r : g == kZ ? kept.z : kept.n;
                    const double of_state = g == kN ? kept.q : of_input;
                    const S* x = pass.x + pass.x_data.offset(step, row);
                    for (std::size_t i = 0; i < features; ++i) dw[i] += of_input * static_cast<double>(x[i]);
                    for (std::size_t i = 0; i < units; ++i) dr[i] += of_state * pass.state_before(y, step, row, i);
                    dbw += of_input;
                    dbr += of_state;
                }
            }
            const auto add = [](S& to, double value) { to = static_cast<S>(static_cast<double>(to) + value); };
            for (std::size_t i = 0; i < features; ++i) add(d.w[g][u * features + i], dw[i]);
            for (std::size_t i = 0; i < units; ++i) add(d.r[g][u * units + i], dr[i]);
            add(d.bw[g][u], dbw);
            add(d.br[g][u], dbr);
        }
    }
}

}  // namespace eigengru_test::cuda_fake
