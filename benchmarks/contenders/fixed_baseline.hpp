// SPDX-License-Identifier: MIT
// A GRU of fixed sizes as one writes it with Eigen alone, the way RTNeural does: everything in matrices whose sizes the
// compiler knows, one product with the inputs and one with the state in each step.
#pragma once

#include "streaming_sizes.hpp"
#include "views.hpp"

#include <algorithm>

namespace eigengru_bench {

/// Weights column by column, which is what Keras's are when they are read as transposed.
template <class Size>
class FixedByHand : public Contender {
public:
    explicit FixedByHand(const Problem& p)
        : problem_(p),
          kernel_(static_cast<const float*>(p.kernel)),
          recurrent_kernel_(static_cast<const float*>(p.recurrent_kernel)),
          bias_(static_cast<const float*>(p.bias)),
          recurrent_bias_(static_cast<const float*>(p.bias) + 3 * kUnits) {}

    void run() override {
        const auto* x = static_cast<const float*>(problem_.inputs);
        auto* y = static_cast<float*>(problem_.outputs);
        h_.setZero();
        for (std::int64_t t = 0; t < problem_.time; ++t, x += Size::kFeatures, y += kUnits) {
            step(Eigen::Map<const Eigen::Matrix<float, Size::kFeatures, 1>>(x));
            std::copy_n(h_.data(), kUnits, y);
        }
    }

private:
    static constexpr int kUnits = Size::kUnits;
    using State = Eigen::Matrix<float, kUnits, 1>;
    using Gates = Eigen::Matrix<float, 3 * kUnits, 1>;

    template <class Input>
    void step(const Input& input) {
        x_ = bias_;
        x_.noalias() += kernel_ * input;
        m_ = recurrent_bias_;
        m_.noalias() += recurrent_kernel_ * h_;
        const Eigen::Array<float, 2 * kUnits, 1> zr =
            (x_.template head<2 * kUnits>() + m_.template head<2 * kUnits>()).array().logistic();
        const auto z = zr.template head<kUnits>(), r = zr.template tail<kUnits>();
        const Eigen::Array<float, kUnits, 1> c =
            (x_.template tail<kUnits>().array() + r * m_.template tail<kUnits>().array()).tanh();
        h_ = (c + z * (h_.array() - c)).matrix();
    }

    Problem problem_;
    Eigen::Matrix<float, 3 * kUnits, Size::kFeatures> kernel_;
    Eigen::Matrix<float, 3 * kUnits, kUnits> recurrent_kernel_;
    Gates bias_, recurrent_bias_, x_, m_;
    State h_;
};

}  // namespace eigengru_bench
