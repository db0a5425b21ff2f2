// SPDX-License-Identifier: MIT
// Where every weight stands in the packed ones, and that whatever is not a weight is zero.
#include "eigengru/cell/packed_weights.hpp"

#include "eigengru/cell/gru_cell.hpp"
#include "support/allocation_counter.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
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
    [[nodiscard]] PackedWeights<S> packed(Index lanes = 8) const {
        PackedWeights<S> packed;
        packed.template pack<M::kResetAfter>(function(), lanes);
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

/// Every element of packed panels of some gates: weight(k, gate, unit) for units that exist, and zero. Returns their end.
template <class S, class Weight>
const S* expect_panels(const S* at, Index depth, Index units, Index lanes, const std::vector<Index>& gates,
                       const Weight& weight) {
    for (Index block = 0; block < units; block += lanes)
        for (Index k = 0; k < depth; ++k)
            for (const Index gate : gates)
                for (Index unit = block; unit < block + lanes; ++unit)
                    EXPECT_EQ(*at++, unit < units ? weight(k, gate, unit) : S(0)) << k << ' ' << gate << ' ' << unit;
    return at;
}

template <class M>
void expect_packed(Weights<M>& weights, const PackedWeights<typename M::Scalar>& packed) {
    using S = typename M::Scalar;
    const GruParameters<S, M::kResetAfter>& p = weights.parameters();
    const Index units = p.units(), lanes = packed.lanes();
    const auto expect_weight = [&](const S* at, const auto& weight) {
        const auto element = [&](Index k, Index gate, Index unit) { return weight(k, gate * units + unit); };
        if (M::kResetAfter) {
            expect_panels(at, weight.rows(), units, lanes, {0, 1, 2}, element);
        } else {
            at = expect_panels(at, weight.rows(), units, lanes, {0, 1}, element);
            expect_panels(at, weight.rows(), units, lanes, {2}, element);
        }
    };
    expect_weight(packed.kernel(), p.kernel());
    expect_weight(packed.recurrent_kernel(), p.recurrent_kernel());
    const S* bias = packed.bias();
    for (Index block = 0; block < units; block += lanes)
        for (Index slot = 0; slot < kSlots; ++slot)
            for (Index unit = block; unit < block + lanes; ++unit)
                ASSERT_EQ(*bias++, unit < units ? weights.bias(slot, unit) : S(0)) << slot << ' ' << unit;
}

template <class M>
class PackedWeightsOf : public testing::Test {};
TYPED_TEST_SUITE(PackedWeightsOf, Modes, );

TYPED_TEST(PackedWeightsOf, HasEveryElementInItsPlaceAndZerosBesides) {
    for (const Index units : {1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70})
        for (const Index features : {1, 3, 16})
            for (const bool use_bias : {true, false}) {
                Weights<TypeParam> weights(features, units, use_bias);
                for (const Index lanes : {2, 4, 8, 16}) expect_packed(weights, weights.packed(lanes));
            }
}

TYPED_TEST(PackedWeightsOf, PanelsBeginAtCacheLines) {
    const auto is_at_a_line = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at) % 64 == 0; };
    for (const Index units : {1, 5, 16, 50}) {
        const auto packed = Weights<TypeParam>(3, units, true).packed(4);
        EXPECT_TRUE(is_at_a_line(packed.kernel()));
        EXPECT_TRUE(is_at_a_line(packed.recurrent_kernel()));
        EXPECT_TRUE(is_at_a_line(packed.bias()));
    }
}

TYPED_TEST(PackedWeightsOf, PacksOtherSizesOverTheOldOnes) {
    Weights<TypeParam> large(9, 40, true), small(2, 17, true), bare(2, 17, false);
    auto packed = large.packed();
    packed.template pack<TypeParam::kResetAfter>(small.function(), 4);
    expect_packed(small, packed);
    packed.template pack<TypeParam::kResetAfter>(bare.function(), 16);
    expect_packed(bare, packed);
    packed.template pack<TypeParam::kResetAfter>(large.function(), 8);
    expect_packed(large, packed);
}

TYPED_TEST(PackedWeightsOf, AllocatesOnlyForOtherSizes) {
    Weights<TypeParam> weights(5, 20, true);
    auto packed = weights.packed();
    weights.parameters().flat() *= 2;
    const AllocationCount counter;
    packed.template pack<TypeParam::kResetAfter>(weights.function(), 8);
    EXPECT_EQ(counter.count(), 0U);
    expect_packed(weights, packed);
}

TYPED_TEST(PackedWeightsOf, CopiesAreIndependent) {
    Weights<TypeParam> weights(2, 5, true);
    auto packed = weights.packed();
    const auto copy = packed;
    const auto first = copy.kernel()[0];
    weights.parameters().flat() *= 3;
    packed.template pack<TypeParam::kResetAfter>(weights.function(), 8);
    EXPECT_EQ(copy.kernel()[0], first);
    EXPECT_EQ(packed.kernel()[0], 3 * first);
}

TYPED_TEST(PackedWeightsOf, BytesCountTheMemory) {
    using S = typename TypeParam::Scalar;
    EXPECT_EQ(PackedWeights<S>().bytes(), 0);
    const auto packed = Weights<TypeParam>(5, 20, true).packed(8);
    EXPECT_GE(packed.bytes(), Index(sizeof(S)) * 24 * (3 * 25 + 4));
    EXPECT_LE(packed.bytes(), Index(sizeof(S)) * (24 * (3 * 25 + 4) + 4 * 20) + 2 * 64);
    EXPECT_FALSE(packed.exceeds_cache());
    EXPECT_TRUE(Weights<TypeParam>(1, 320, true).packed().exceeds_cache());
}

TYPED_TEST(PackedWeightsOf, ACopyFollowsTheCellAndTheKernels) {
    using S = typename TypeParam::Scalar;
    constexpr bool kResetAfter = TypeParam::kResetAfter;
    GruCell<S, kResetAfter> cell(3, {.units = 5, .seed = 1});
    eigengru::detail::PackedCopy<S> copy;
    for (const Index lanes : {4, 8, 4}) {
        const PackedWeights<S>& packed = copy.template of<kResetAfter>(cell, lanes);
        EXPECT_EQ(packed.lanes(), lanes);
        EXPECT_EQ(packed.kernel()[lanes], cell.parameters().kernel()(0, 5));  // r of the first unit
    }
    cell.update_parameters([](auto& p) { p.kernel().setConstant(S(7)); });
    EXPECT_EQ(copy.template of<kResetAfter>(cell, 4).kernel()[0], S(7));
}

}  // namespace
}  // namespace eigengru_test
