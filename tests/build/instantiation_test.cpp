// SPDX-License-Identifier: MIT
// Every public template, whole, for every scalar type and reset mode: an explicit instantiation compiles the members
// that no test calls. The functions among the templates are instantiated by calls.
#include "eigengru/eigengru.hpp"

#include <gtest/gtest.h>

namespace eigengru::inline EIGENGRU_ABI {

#define EIGENGRU_TEST_INSTANTIATE(S)          \
    template class MatrixView<S>;             \
    template class MatrixView<const S>;       \
    template class SequenceView<S>;           \
    template class SequenceView<const S>;     \
    template class Sequence<S>;               \
    template struct DropoutMasks<S>;          \
    template struct CallOptions<S>;           \
    template struct Output<S>;                \
    template struct OutputView<S>;            \
    template struct RegularizationLosses<S>;  \
    template struct OutputGradients<S>;       \
    template struct Gradients<S>;             \
    template class GruWeights<S>;             \
    template class Tape<S>;                   \
    template class DenseWeights<S>;           \
    template class DenseTape<S>;              \
    template struct DenseGradients<S>;        \
    template class ModelTape<S>;              \
    template class ModelWeights<S>;           \
    template class ModelGradients<S>;         \
    template class Optimizer<S>;              \
    template class GruParameters<S, true>;    \
    template class GruParameters<S, false>;   \
    template class ParameterUpdate<S, true>;  \
    template class ParameterUpdate<S, false>; \
    template class GruCell<S, true>;          \
    template class GruCell<S, false>;         \
    template class Gru<S, true>;              \
    template class Gru<S, false>;             \
    template class AnyGru<S>;                 \
    template struct LayerData<S>;             \
    template class Masking<S>;                \
    template class Dense<S>;                  \
    template class Dropout<S>;                \
    template class ActivationLayer<S>;        \
    template class Sequential<S>

EIGENGRU_TEST_INSTANTIATE(float);
EIGENGRU_TEST_INSTANTIATE(double);

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
