// SPDX-License-Identifier: MIT
// Where every weight stands in the packed ones, and that whatever is not a weight is zero.
#include "eigengru/cell/packed_weights.hpp"

#include "support/allocation_counter.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::block_count;
using eigengru::detail::kBlockUnits;
using eigengru::detail::kPanelWidth;
using eigengru::detail::kSlots;
using eigengru::detail::PackedWeights;
using eigengru::detail::StepFunction;

/// Weights that all differ, so that none can be taken for another or for padding.
template <class M>
class Weights {
public:
    using S = typename M::Scalar;

    Weights(Index features, Index units, bool use_bias) : parameters_(features, units, use_bias) {
        for (Index i = 0; i < parameters_.flat().size(); ++i) parameters_.flat()(i) = static_cast<S>(i + 1);
    }

    [[nodiscard]] GruParameters<S, M::kResetAfter>& parameters() { return parameters_; }
    [[nodiscard]] StepFunction<S> function() const {
        const GruParameters<S, M::kResetAfter>& p = parameters_;
        return {p.kernel(), p.recurrent_kernel(), p.bias(), tanh_, sigmoid_};
    }
    [[nodiscard]] PackedWeights<S> packed() const {
        PackedWeights<S> packed;
        packed.template pack<M::kResetAfter>(function());
        return packed;
    }

    /// What the sums of a gate begin with: z, r, m, c.
    [[nodiscard]] S bias(Index slot, Index unit) const {
        const GruParameters<S, M::kResetAfter>& p = parameters_;
        const Index units = p.units();
        if (!p.use_bias()) return S(0);
        if constexpr (M::kResetAfter) {
            if (slot < eigengru::detail::kSlotM)
                return p.bias()(0, slot * units + unit) + p.bias()(1, slot * units + unit);
            return p.bias()(slot == eigengru::detail::kSlotM ? 1 : 0, 2 * units + unit);
        }
        return slot == eigengru::detail::kSlotM ? S(0) : p.bias()(0, std::min<Index>(slot, 2) * units + unit);
    }

private:
    GruParameters<S, M::kResetAfter> parameters_;
    Activation tanh_ = "tanh", sigmoid_ = "sigmoid";
};

/// Every element of packed panels: weight(k, gate, unit) for units that exist, and zero.
template <class S, class Weight>
void expect_panels(const S* panels, Index depth, Index units, const Weight& weight) {
    for (Index block = 0; block < block_count<S>(units); ++block)
        for (Index k = 0; k < depth; ++k)
            for (Index gate = 0; gate < 3; ++gate)
                for (Index lane = 0; lane < kBlockUnits<S>; ++lane) {
                    const Index unit = block * kBlockUnits<S> + lane;
                    const Index place = (block * depth + k) * kPanelWidth<S> + gate * kBlockUnits<S> + lane;
                    ASSERT_EQ(panels[place], unit < units ? weight(k, gate, unit) : S(0))
                        << block << ' ' << k << ' ' << gate << ' ' << lane;
                }
}

template <class M>
void expect_packed(Weights<M>& weights, const PackedWeights<typename M::Scalar>& packed) {
    using S = typename M::Scalar;
    const GruParameters<S, M::kResetAfter>& p = weights.parameters();
    const Index units = p.units();
    expect_panels(packed.kernel(), p.features(), units,
                  [&](Index k, Index gate, Index unit) { return p.kernel()(k, gate * units + unit); });
    expect_panels(packed.recurrent_kernel(), units, units,
                  [&](Index k, Index gate, Index unit) { return p.recurrent_kernel()(k, gate * units + unit); });
    for (Index i = 0; i < block_count<S>(units) * kSlots * kBlockUnits<S>; ++i) {
        const Index slot = i / kBlockUnits<S> % kSlots;
        const Index unit = i / (kSlots * kBlockUnits<S>)*kBlockUnits<S> + i % kBlockUnits<S>;
        ASSERT_EQ(packed.bias()[i], unit < units ? weights.bias(slot, unit) : S(0)) << slot << ' ' << unit;
    }
}

template <class M>
class PackedWeightsOf : public testing::Test {};
TYPED_TEST_SUITE(PackedWeightsOf, Modes, );

TEST(PackedLayout, AGateOfABlockIsACacheLine) {
    EXPECT_EQ(kBlockUnits<float> * Index(sizeof(float)), 64);
    EXPECT_EQ(kBlockUnits<double> * Index(sizeof(double)), 64);
    EXPECT_EQ(kPanelWidth<float>, 48);
    EXPECT_EQ(kPanelWidth<double>, 24);
}

TEST(PackedLayout, BlocksCoverTheUnits) {
    EXPECT_EQ(block_count<float>(1), 1);
    EXPECT_EQ(block_count<float>(16), 1);
    EXPECT_EQ(block_count<float>(17), 2);
    EXPECT_EQ(block_count<double>(16), 2);
}

TYPED_TEST(PackedWeightsOf, HasEveryElementInItsPlaceAndZerosBesides) {
    for (const Index units : {1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70})
        for (const Index features : {1, 3, 16})
            for (const bool use_bias : {true, false}) {
                Weights<TypeParam> weights(features, units, use_bias);
                expect_packed(weights, weights.packed());
            }
}

TYPED_TEST(PackedWeightsOf, PanelsBeginAtCacheLines) {
    const auto is_at_a_line = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at) % 64 == 0; };
    for (const Index units : {1, 5, 16, 50}) {
        const auto packed = Weights<TypeParam>(3, units, true).packed();
        EXPECT_TRUE(is_at_a_line(packed.kernel()));
        EXPECT_TRUE(is_at_a_line(packed.recurrent_kernel()));
        EXPECT_TRUE(is_at_a_line(packed.bias()));
    }
}

TYPED_TEST(PackedWeightsOf, PacksOtherSizesOverTheOldOnes) {
    Weights<TypeParam> large(9, 40, true), small(2, 17, true), bare(2, 17, false);
    auto packed = large.packed();
    packed.template pack<TypeParam::kResetAfter>(small.function());
    expect_packed(small, packed);
    packed.template pack<TypeParam::kResetAfter>(bare.function());
    expect_packed(bare, packed);
    packed.template pack<TypeParam::kResetAfter>(large.function());
    expect_packed(large, packed);
}

TYPED_TEST(PackedWeightsOf, AllocatesOnlyForOtherSizes) {
    Weights<TypeParam> weights(5, 20, true);
    auto packed = weights.packed();
    weights.parameters().flat() *= 2;
    const AllocationCount counter;
    packed.template pack<TypeParam::kResetAfter>(weights.function());
    EXPECT_EQ(counter.count(), 0U);
    expect_packed(weights, packed);
}

TYPED_TEST(PackedWeightsOf, CopiesAreIndependent) {
    Weights<TypeParam> weights(2, 5, true);
    auto packed = weights.packed();
    const auto copy = packed;
    const auto first = copy.kernel()[0];
    weights.parameters().flat() *= 3;
    packed.template pack<TypeParam::kResetAfter>(weights.function());
    EXPECT_EQ(copy.kernel()[0], first);
    EXPECT_EQ(packed.kernel()[0], 3 * first);
}

TYPED_TEST(PackedWeightsOf, BytesCountTheMemory) {
    using S = typename TypeParam::Scalar;
    EXPECT_EQ(PackedWeights<S>().bytes(), 0);
    const Index padded = block_count<S>(20) * kBlockUnits<S>;
    const auto packed = Weights<TypeParam>(5, 20, true).packed();
    EXPECT_GE(packed.bytes(), Index(sizeof(S)) * padded * (3 * 25 + 4));
    EXPECT_LE(packed.bytes(), Index(sizeof(S)) * (padded * (3 * 25 + 4) + 4 * 20));
}

}  // namespace
}  // namespace eigengru_test
