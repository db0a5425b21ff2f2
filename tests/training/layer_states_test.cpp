// SPDX-License-Identifier: MIT
#include "eigengru/training/layer_states.hpp"

#include "support/modes.hpp"
#include "support/random_sequence.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;

template <class S>
class LayerStatesOf : public testing::Test {
protected:
    void call() { (void)model(data.x, {.training = true}); }

    SmallData<S> data{3, 4};
    Sequential<S> model = small_model<S>({.stateful = true, .dropout = 0.5});
};
TYPED_TEST_SUITE(LayerStatesOf, eigengru_test::Scalars, );

TYPED_TEST(LayerStatesOf, PutsStatesAndCountersBack) {
    using S = TypeParam;
    detail::LayerStates<S> states;
    this->call();
    states.store(this->model);
    const RowMatrix<S> state = state_of(this->model);
    this->call();
    EXPECT_NE(state_of(this->model), state);
    states.restore(this->model);
    EXPECT_EQ(state_of(this->model), state);
    EXPECT_EQ(std::get<Gru<S>>(this->model.layer(0)).dropout_calls(), 1U);
    EXPECT_EQ(std::get<Dropout<S>>(this->model.layer(1)).dropout_calls(), 1U);
}

TYPED_TEST(LayerStatesOf, NoStateIsPutBackAsNone) {
    using S = TypeParam;
    detail::LayerStates<S> states;
    states.store(this->model);
    this->call();
    states.restore(this->model);
    EXPECT_EQ(state_of(this->model).rows(), 0);
}

TYPED_TEST(LayerStatesOf, GuardStartsWithoutStatesAndPutsThemBack) {
    using S = TypeParam;
    this->call();
    const RowMatrix<S> state = state_of(this->model);
    {
        const detail::StatesPutBack<S> guard(this->model);
        EXPECT_EQ(state_of(this->model).rows(), 0);
        (void)this->model(SmallData<S>(7, 2).x, {.training = true});
        EXPECT_EQ(state_of(this->model).rows(), 7);
    }
    EXPECT_EQ(state_of(this->model), state);
}

TYPED_TEST(LayerStatesOf, RowsAreResetWhereThereIsAState) {
    using S = TypeParam;
    detail::reset_rows(this->model, {1});
    this->call();
    detail::reset_rows(this->model, {1});
    EXPECT_TRUE(state_of(this->model).row(1).isZero());
    EXPECT_FALSE(state_of(this->model).row(0).isZero());
    Sequential<S> plain = small_model<S>();
    (void)plain.predict(this->data.x);
    detail::reset_rows(plain, {1});
    EXPECT_TRUE(detail::is_stateful(this->model));
    EXPECT_FALSE(detail::is_stateful(plain));
}

TEST(LayerStates, BidirectionalKeepsTheStatesOfBothLayers) {
    Sequential<float> model({Dropout<float>(), Bidirectional<float>(2, {.units = 3, .dropout = 0.5, .stateful = true}),
                             Dropout<float>({.rate = 0.5})});
    const Sequence<float> x = random_sequence<float>({2, 3, 2});
    (void)model(x, {.training = true});
    const auto& both = std::get<Bidirectional<float>>(model.layers()[1]);
    const RowMatrix<float> f = both.forward_layer().state(), b = both.backward_layer().state();
    detail::LayerStates<float> states;
    states.store(model);
    EXPECT_EQ(states.entries.size(), 4U);
    EXPECT_TRUE(detail::is_stateful(model));
    (void)model(x, {.training = true});
    EXPECT_NE(both.backward_layer().state(), b);
    states.restore(model);
    EXPECT_EQ(both.forward_layer().state(), f);
    EXPECT_EQ(both.backward_layer().state(), b);
    EXPECT_EQ(both.backward_layer().dropout_calls(), 1U);
    detail::reset_rows(model, {1});
    EXPECT_TRUE(both.backward_layer().state().row(1).isZero(0));
    model.clear_state();
    EXPECT_EQ(both.backward_layer().state().rows(), 0);
}

}  // namespace
