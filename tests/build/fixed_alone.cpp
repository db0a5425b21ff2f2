// SPDX-License-Identifier: MIT
// What an embedded program does: a FixedGru with constant weights. Built with -fno-exceptions -fno-rtti; the test looks
// at what it includes and at the symbols of its object file, then runs it.
#include <eigengru/cell/fixed.hpp>

#include <cstdio>

namespace {

using namespace eigengru;

// Two units: half of the state stays, half comes from tanh(x) and tanh(-x).
template <class S, bool ResetAfter>
bool is_right() {
    using Weights = FixedGruWeights<S, 1, 2, ResetAfter>;
    static constexpr std::array<S, 6> kKernel{0, 0, 0, 0, 1, -1};
    static constexpr std::array<S, 12> kRecurrentKernel{};
    static constexpr std::array<S, Weights::kBiasSize> kBias{};
    static constexpr Weights kWeights(kKernel, kRecurrentKernel, kBias);
    FixedGru<S, 1, 2, ResetAfter> gru(kWeights);
    gru.step(S(0.5));
    const std::span<const S, 2> state = gru.step(S(0.5));
    constexpr S kExpected = S(0.75 * 0.46211715726000976);  // tanh(0.5)
    const S first = state[0] - kExpected, second = state[1] + kExpected;
    return first * first + second * second < S(1e-12);
}

}  // namespace

int main() {
    const bool all = is_right<float, true>() && is_right<float, false>() && is_right<double, true>() &&
                     is_right<double, false>();
    std::puts(all ? "right" : "wrong");
    return all ? 0 : 1;
}
