// SPDX-License-Identifier: MIT
#include "eigengru/training/layer_states.hpp"

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
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LayerStatesOf, Scalars, );

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

}  // namespace
