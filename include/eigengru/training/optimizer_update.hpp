// SPDX-License-Identifier: MIT
// The update equations of the optimisers, each for a block of weights. The numbers that they need are computed in
// double and rounded to the scalar once a step.
#pragma once

#include "eigengru/training/optimizer_options.hpp"

#include <array>
#include <cstdint>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Adjacent weights w, their gradients g and their part of each slot. The slots are those of slot_names().
template <RealScalar S>
struct UpdateBlock {
    S* weights;
    const S* gradients;
    std::array<S*, kMostSlots> slots;
    Index size;

    [[nodiscard]] ArrayMap<S> w() const { return {weights, size}; }
    [[nodiscard]] ArrayMap<const S> g() const { return {gradients, size}; }
    [[nodiscard]] ArrayMap<S> slot(std::size_t i) const { return {slots[i], size}; }
};

/// The equations of SGD.
template <RealScalar S>
class SgdRule {
public:
    SgdRule(const SGD& o, double learning_rate)
        : rate_(static_cast<S>(learning_rate)),
          momentum_(static_cast<S>(o.momentum)),
          has_momentum_(o.momentum != 0.0),
          nesterov_(o.nesterov) {}

    void operator()(const UpdateBlock<S>& block) const {
        ArrayMap<S> w = block.w();
        const ArrayMap<const S> g = block.g();
        if (!has_momentum_) {
            w -= rate_ * g;
            return;
        }
        ArrayMap<S> m = block.slot(0);
        m = momentum_ * m - rate_ * g;
        if (nesterov_)
            w += momentum_ * m - rate_ * g;
        else
            w += m;
    }

private:
    S rate_, momentum_;
    bool has_momentum_, nesterov_;
};

/// The equations of RMSprop.
template <RealScalar S>
class RmspropRule {
public:
    RmspropRule(const RMSprop& o, double learning_rate)
        : rate_(static_cast<S>(learning_rate)),
          rho_(static_cast<S>(o.rho)),
          one_minus_rho_(static_cast<S>(1.0 - o.rho)),
          momentum_(static_cast<S>(o.momentum)),
          epsilon_(static_cast<S>(o.epsilon)),
          has_momentum_(o.momentum > 0.0),
          centered_(o.centered) {}

    void operator()(const UpdateBlock<S>& block) const {
        const ArrayMap<const S> g = block.g();
        ArrayMap<S> v = block.slot(0);
        v = rho_ * v + one_minus_rho_ * g.square();
        if (!centered_) {
            move(block, rate_ * g / (v + epsilon_).sqrt());
            return;
        }
        ArrayMap<S> a = block.slot(has_momentum_ ? 2 : 1);
        a = rho_ * a + one_minus_rho_ * g;
        move(block, rate_ * g / (v - a.square() + epsilon_).sqrt());
    }

private:
    template <class Increment>
    void move(const UpdateBlock<S>& block, const Increment& increment) const {
        ArrayMap<S> w = block.w();
        if (!has_momentum_) {
            w -= increment;
            return;
        }
        ArrayMap<S> m = block.slot(1);
        m = momentum_ * m + increment;
        w -= m;
    }

    S rate_, rho_, one_minus_rho_, momentum_, epsilon_;
    bool has_momentum_, centered_;
};

/// The equations of Adam and AdamW, at step t = 1, 2, ...
///
/// Differs from Keras: the powers of the betas are taken in double, where Keras takes them in the variable's type.
template <RealScalar S>
class AdamRule {
public:
    template <AdamRecipe R>
    AdamRule(const R& o, double learning_rate, std::int64_t t)
        : rate_(static_cast<S>(learning_rate * std::sqrt(1.0 - std::pow(o.beta_2, static_cast<double>(t))) /
                               (1.0 - std::pow(o.beta_1, static_cast<double>(t))))),
          one_minus_beta_1_(static_cast<S>(1.0 - o.beta_1)),
          one_minus_beta_2_(static_cast<S>(1.0 - o.beta_2)),
          epsilon_(static_cast<S>(o.epsilon)),
          amsgrad_(o.amsgrad) {}

    void operator()(const UpdateBlock<S>& block) const {
        const ArrayMap<const S> g = block.g();
        ArrayMap<S> m = block.slot(0);
        ArrayMap<S> v = block.slot(1);
        m += one_minus_beta_1_ * (g - m);
        v += one_minus_beta_2_ * (g.square() - v);
        if (amsgrad_) {
            ArrayMap<S> largest = block.slot(2);
            largest = largest.binaryExpr(v, [](S a, S b) { return b > a || std::isnan(b) ? b : a; });
            block.w() -= rate_ * m / (largest.sqrt() + epsilon_);
        } else {
            block.w() -= rate_ * m / (v.sqrt() + epsilon_);
        }
    }

private:
    S rate_, one_minus_beta_1_, one_minus_beta_2_, epsilon_;
    bool amsgrad_;
};

/// The rule of a recipe at step t = 1, 2, ...
template <RealScalar S>
[[nodiscard]] SgdRule<S> update_rule(const SGD& o, double learning_rate, std::int64_t) {
    return {o, learning_rate};
}
template <RealScalar S>
[[nodiscard]] RmspropRule<S> update_rule(const RMSprop& o, double learning_rate, std::int64_t) {
    return {o, learning_rate};
}
template <RealScalar S, AdamRecipe R>
[[nodiscard]] AdamRule<S> update_rule(const R& o, double learning_rate, std::int64_t t) {
    return {o, learning_rate, t};
}

/// Clips, decays and moves one weight; `slots` point at its first element. It goes in blocks, so that the clipped
/// gradient needs no more than the stack.
template <RealScalar S, class Rule>
void update_weight(MatrixMap<S> weights, VectorMap<const S> gradient, const std::array<S*, kMostSlots>& slots,
                   const GradientClip<S>& clip, S decay, const Rule& rule) {
    constexpr Index kBlock = 512;
    std::array<S, kBlock> clipped;
    const S factor = clip.factor(gradient);
    const bool is_contiguous = weights.outerStride() == weights.cols();
    const Index rows = is_contiguous ? 1 : weights.rows();
    const Index length = is_contiguous ? weights.size() : weights.cols();
    for (Index r = 0; r < rows; ++r) {
        for (Index i = 0; i < length; i += kBlock) {
            const Index offset = r * length + i;
            UpdateBlock<S> block{weights.data() + r * weights.outerStride() + i, gradient.data() + offset, slots,
                                 std::min(kBlock, length - i)};
            for (S*& slot : block.slots) slot += slot != nullptr ? offset : 0;
            if (clip.is_on()) {
                clip.apply(block.g(), factor, {clipped.data(), block.size});
                block.gradients = clipped.data();
            }
            if (decay != S(0)) block.w() -= decay * block.w();
            rule(block);
        }
    }
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
