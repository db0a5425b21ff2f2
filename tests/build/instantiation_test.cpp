// SPDX-License-Identifier: MIT
// What can be done with every instantiation of the layer, and the templates that are not of a scalar type. The others
// are instantiated whole in support/instantiations_*.cpp, the functions among them by calls.
#include "eigengru/eigengru.hpp"

#include <gtest/gtest.h>

namespace eigengru::inline EIGENGRU_ABI {

template class Named<FanMode>;
template class Named<ScalingDistribution>;
template class Named<OrthogonalMode>;

}  // namespace eigengru::inline EIGENGRU_ABI

namespace {

using namespace eigengru;

template <class Layer>
class Instantiation : public testing::Test {};
using Layers = testing::Types<Gru<float, true>, Gru<float, false>, Gru<double, true>, Gru<double, false>>;
TYPED_TEST_SUITE(Instantiation, Layers, );

TYPED_TEST(Instantiation, OfTheLayerRuns) {
    using S = typename TypeParam::Scalar;
    TypeParam layer(2, {.units = 3, .return_sequences = true});
    EXPECT_EQ(layer(RowMatrix<S>::Ones(4, 2).eval()).sequences.shape(), Shape3(1, 4, 3));
    layer.update_parameters([](auto& p) { p.flat().setZero(); });
    EXPECT_EQ(layer(RowMatrix<S>::Ones(4, 2).eval()).last.norm(), S(0));
}

TYPED_TEST(Instantiation, IsARegularValue) {
    static_assert(std::is_copy_constructible_v<TypeParam> && std::is_copy_assignable_v<TypeParam>);
    static_assert(std::is_nothrow_move_constructible_v<TypeParam> || std::is_move_constructible_v<TypeParam>);
    static_assert(!std::is_default_constructible_v<TypeParam>);
    SUCCEED();
}

}  // namespace
