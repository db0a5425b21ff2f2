// SPDX-License-Identifier: MIT
// A model of two variables for the tests of optimisers: a kernel (2, 3) whose rows lie five elements apart, and a bias.
#pragma once

#include "eigengru/model/variable.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace eigengru_test {

template <class S>
class MockModel {
public:
    static constexpr eigengru::Index kCount = 9;

    MockModel() : kernel_(10, S(77)) {
        const std::array<double, 6> values{0.5, -1.0, 2.0, 0.25, 3.0, -0.75};
        for (std::size_t i = 0; i < values.size(); ++i) kernel_[i / 3 * 5 + i % 3] = static_cast<S>(values[i]);
    }

    [[nodiscard]] eigengru::Index count_params() const { return kCount; }

    template <class F>
    void update_variables(const F& f) {
        using Map = eigengru::MatrixMap<S>;
        const Map kernel(kernel_.data(), 2, 3, Eigen::OuterStride<>(5));
        const Map bias(bias_.data(), 1, 3, Eigen::OuterStride<>(3));
        f(eigengru::Variable<S>{"mock", "kernel", kernel, is_kernel_trainable});
        f(eigengru::Variable<S>{"mock", "bias", bias, true});
    }

    void apply_constraints() {
        ++constraints_applied;
        if (is_bias_positive)
            for (S& b : bias_) b = std::max(b, S(0));
    }

    /// kernel and bias, one after the other.
    [[nodiscard]] Eigen::Matrix<S, Eigen::Dynamic, 1> weights() const {
        Eigen::Matrix<S, Eigen::Dynamic, 1> flat(kCount);
        for (eigengru::Index i = 0; i < 6; ++i) flat(i) = kernel_[static_cast<std::size_t>(i / 3 * 5 + i % 3)];
        for (eigengru::Index i = 0; i < 3; ++i) flat(6 + i) = bias_[static_cast<std::size_t>(i)];
        return flat;
    }

    /// The gradient of a bowl: of kernel a (k - 1/2) with a different a for each element, of bias 3 (b + 1).
    [[nodiscard]] Eigen::Matrix<S, Eigen::Dynamic, 1> gradients() const {
        const std::array<double, 6> a{1.0, -2.0, 0.5, 4.0, 0.25, -1.0};
        Eigen::Matrix<S, Eigen::Dynamic, 1> g = weights();
        for (eigengru::Index i = 0; i < 6; ++i) g(i) = static_cast<S>(a[static_cast<std::size_t>(i)]) * (g(i) - S(0.5));
        for (eigengru::Index i = 6; i < kCount; ++i) g(i) = S(3) * (g(i) + S(1));
        return g;
    }

    /// What lies between the rows of the kernel.
    [[nodiscard]] S between_rows() const { return kernel_[3]; }

    bool is_kernel_trainable = true;
    bool is_bias_positive = false;
    int constraints_applied = 0;

private:
    std::vector<S> kernel_;
    std::array<S, 3> bias_{S(0.1), S(-0.2), S(0.3)};
};

}  // namespace eigengru_test
