// SPDX-License-Identifier: MIT
#include "eigengru/layer/any_gru.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;

template <class S>
class AnyGruOf : public testing::Test {
protected:
    const Sequence<S> inputs = [] {
        Sequence<S> values({2, 5, 4});
        values.matrix().setRandom();
        return values;
    }();
};
TYPED_TEST_SUITE(AnyGruOf, eigengru_test::Scalars, );

TYPED_TEST(AnyGruOf, GivesWhatItsLayerGives) {
    Gru<TypeParam, true> after(4, {.units = 3});
    Gru<TypeParam, false> before(4, {.units = 3});
    AnyGru<TypeParam> any_after = after, any_before = before;
    EXPECT_EQ(any_after(this->inputs).last, after(this->inputs).last);
    EXPECT_EQ(any_before(this->inputs).last, before(this->inputs).last);
}

TYPED_TEST(AnyGruOf, PassesTheCallOptionsOn) {
    Gru<TypeParam> gru(4, {.units = 3});
    AnyGru<TypeParam> any = gru;
    EXPECT_EQ(any(this->inputs, {.lengths = {1, 3}}).last, gru(this->inputs, {.lengths = {1, 3}}).last);
}

TYPED_TEST(AnyGruOf, KnowsItsMode) {
    AnyGru<TypeParam> after = Gru<TypeParam, true>(4, {.units = 3}), before = Gru<TypeParam, false>(4, {.units = 3});
    EXPECT_TRUE(after.reset_after());
    EXPECT_FALSE(before.reset_after());
    EXPECT_NE(after.template get_if<true>(), nullptr);
    EXPECT_EQ(after.template get_if<false>(), nullptr);
    EXPECT_NE(before.template get_if<false>(), nullptr);
}

TYPED_TEST(AnyGruOf, IsMadeByConfiguration) {
    for (const bool reset_after : {true, false}) {
        const GruConfig config{
            .features = 4, .reset_after = reset_after, .options = {.units = 3, .activation = "relu"}};
        const AnyGru<TypeParam> any(config);
        EXPECT_EQ(any.reset_after(), reset_after);
        EXPECT_EQ(any.config(), config);
        EXPECT_EQ(any.features(), 4);
        EXPECT_EQ(any.units(), 3);
        EXPECT_EQ(any.get_weights().at(2).rows(), reset_after ? 2 : 1);
    }
}

TEST(AnyGru, RefusesABadConfiguration) {
    EXPECT_THROW(AnyGru<float>({.features = 4, .options = {}}), OptionError);
    EXPECT_THROW(AnyGru<float>({.features = 0, .options = {.units = 3}}), ShapeError);
}

TEST(AnyGru, VisitsItsLayer) {
    AnyGru<float> any = Gru<float, false>(4, {.units = 3});
    any.visit([](auto& gru) { gru.prepare(1, 100); });
    EXPECT_GT(any.visit([](const auto& gru) { return gru.workspace_bytes(); }), 0);
}

TEST(AnyGru, SetsAndResets) {
    AnyGru<float> any = Gru<float>(4, {.units = 3, .stateful = true});
    AnyGru<float> other = Gru<float>(4, {.units = 3});
    any.set_weights(other.get_weights());
    EXPECT_EQ(any.get_weights(), other.get_weights());
    const Sequence<float> inputs({2, 5, 4});
    Sequence<float> ones = inputs;
    ones.matrix().setOnes();
    const RowMatrix<float> first = any(ones).last;
    EXPECT_NE(any(ones).last, first);
    any.reset_state();
    EXPECT_EQ(any(ones).last, first);
}

}  // namespace
