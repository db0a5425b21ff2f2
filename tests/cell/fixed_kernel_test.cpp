// SPDX-License-Identifier: MIT
// The step of a FixedGru by every instruction set: against plain loops in double, and what it writes.
#include "eigengru/cell/fixed.hpp"

#include "support/kernel_steps.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace eigengru_test::fixed_kernel_test {
namespace {

using namespace eigengru;

/// Random weights in the order of Keras, an input and a state. In sizes of fixed_test.cpp: each costs the compiler much
/// time.
template <class M, Index Features, Index Units>
struct RandomStep {
    using S = typename M::Scalar;
    using Weights = FixedGruWeights<S, Features, Units, M::kResetAfter>;
    static constexpr std::size_t kLanes = Weights::kStateLanes;
    static constexpr Index kColumns = 3 * Units;
    static constexpr S kMark = S(-12345);

    /// The state after it, in memory of whole vectors, with marks around it.
    [[nodiscard]] std::array<S, 3 * kLanes> run(Kernels kernels) const {
        alignas(64) std::array<S, kLanes> before{};
        std::copy_n(h.data(), Units, before.data());
        alignas(64) std::array<S, 3 * kLanes> next{};
        next.fill(kMark);
        const Weights weights(
            std::span<const S, Weights::kKernelSize>(kernel.data(), Weights::kKernelSize),
            std::span<const S, Weights::kRecurrentKernelSize>(recurrent_kernel.data(), Weights::kRecurrentKernelSize),
            std::span<const S, Weights::kBiasSize>(bias.data(), Weights::kBiasSize));
        eigengru::detail::fixed_kernel<Weights>(kernels)(weights, x.data(), before.data(), next.data() + kLanes);
        for (std::size_t i = 0; i < kLanes; ++i) EXPECT_EQ(before[i], i < std::size_t(Units) ? h(0, Index(i)) : S(0));
        return next;
    }

    /// The same by the equations.
    [[nodiscard]] std::vector<double> expected() const {
        const RowMatrix<double> of_x = (x * kernel + bias.row(0)).template cast<double>();
        const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
        const RowMatrix<double> state = h.template cast<double>(), u = recurrent_kernel.template cast<double>();
        RowMatrix<double> of_h = state * u;
        if (M::kResetAfter) of_h += bias.row(bias.rows() - 1).template cast<double>();
        const auto gate = [&](Index g, Index i) { return sigmoid(of_x(0, g * Units + i) + of_h(0, g * Units + i)); };
        RowMatrix<double> reset = state;
        for (Index i = 0; i < Units; ++i) reset(0, i) *= gate(1, i);
        const RowMatrix<double> of_reset = reset * u;
        std::vector<double> next;
        for (Index i = 0; i < Units; ++i) {
            const Index at = 2 * Units + i;
            const double c = std::tanh(of_x(0, at) + (M::kResetAfter ? gate(1, i) * of_h(0, at) : of_reset(0, at)));
            next.push_back(gate(0, i) * state(0, i) + (1 - gate(0, i)) * c);
        }
        return next;
    }

    RowMatrix<S> kernel = RowMatrix<S>::Random(Features, kColumns);
    RowMatrix<S> recurrent_kernel = RowMatrix<S>::Random(Units, kColumns);
    RowMatrix<S> bias = RowMatrix<S>::Random(M::kResetAfter ? 2 : 1, kColumns);
    RowMatrix<S> x = RowMatrix<S>::Random(1, Features), h = RowMatrix<S>::Random(1, Units);
};

template <class M, Index Features, Index Units>
void expect_step() {
    using Step = RandomStep<M, Features, Units>;
    const Step step;
    const std::vector<double> expected = step.expected();
    for (const Kernels kernels : packed_kernels()) {
        const auto next = step.run(kernels);
        for (std::size_t i = 0; i < next.size(); ++i) {
            const std::size_t unit = i - Step::kLanes;
            if (i >= Step::kLanes && unit < std::size_t(Units)) {
                EXPECT_NEAR(double(next[i]), expected[unit], sizeof(typename M::Scalar) == 4 ? 2e-6 : 1e-14)
                    << name_of(kernels) << ' ' << Units << ' ' << unit;
            } else if (i < Step::kLanes || unit >= Step::kLanes) {  // lanes of no units between may hold anything
                EXPECT_EQ(next[i], Step::kMark) << name_of(kernels) << ' ' << Units << ' ' << i;
            }
        }
    }
}

template <class M>
class FixedKernel : public testing::Test {};
TYPED_TEST_SUITE(FixedKernel, Modes, );

TYPED_TEST(FixedKernel, IsTheStepAndWritesNothingButWholeVectorsOfTheState) {
    expect_step<TypeParam, 3, 3>();
    expect_step<TypeParam, 3, 8>();
    expect_step<TypeParam, 8, 9>();
    expect_step<TypeParam, 2, 24>();
}

TEST(FixedSplit, IsAsMuchAsFillsTheChainsAndNoMoreThanThereIsToSum) {
    using eigengru::detail::portable::fixed_split;
    EXPECT_EQ(fixed_split(1, 100), 4);
    EXPECT_EQ(fixed_split(3, 100), 4);
    EXPECT_EQ(fixed_split(4, 100), 2);
    EXPECT_EQ(fixed_split(6, 100), 2);
    EXPECT_EQ(fixed_split(7, 100), 1);
    EXPECT_EQ(fixed_split(24, 100), 1);
    for (const int products : {1, 2, 3, 4}) EXPECT_LE(fixed_split(1, products), products);
}

/// The vectors of all tiles from vector First on, each of at most kFixedBlocks.
template <class W, int First = 0>
constexpr int vectors_of_tiles() {
    constexpr int kBlocks = eigengru::detail::portable::tile_blocks<W, First>();
    static_assert(kBlocks >= 0 && kBlocks <= eigengru::detail::portable::kFixedBlocks);
    if constexpr (kBlocks == 0)
        return 0;
    else
        return kBlocks + vectors_of_tiles<W, First + kBlocks>();
}

template <Index Units>
void expect_tiles_cover() {
    constexpr int kSize = eigengru::detail::portable::Vec<float>::size;
    EXPECT_EQ((vectors_of_tiles<FixedGruWeights<float, 1, Units, true>>()), (int(Units) + kSize - 1) / kSize);
}

TEST(FixedTiles, CoverTheUnitsOnce) {
    expect_tiles_cover<1>();
    expect_tiles_cover<16>();
    expect_tiles_cover<33>();
    expect_tiles_cover<75>();
    expect_tiles_cover<500>();
}

}  // namespace
}  // namespace eigengru_test::fixed_kernel_test
