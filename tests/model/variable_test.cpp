// SPDX-License-Identifier: MIT
// Variable, and in which order a GRU hands out its own.
#include "eigengru/model/variable.hpp"

#include "eigengru/layer/gru.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

struct Seen {
    std::string layer, name;
    Index rows, cols;
    bool is_trainable;

    friend bool operator==(const Seen&, const Seen&) = default;
};

template <class Layer>
std::vector<Seen> variables_of(Layer& layer) {
    std::vector<Seen> seen;
    layer.update_variables([&](const Variable<typename Layer::Scalar>& v) {
        seen.push_back({std::string(v.layer), std::string(v.name), v.values.rows(), v.values.cols(), v.is_trainable});
    });
    return seen;
}

template <class M>
class VariableOf : public testing::Test {};
TYPED_TEST_SUITE(VariableOf, Modes, );

TYPED_TEST(VariableOf, AGruAreItsWeightsInKerasOrder) {
    Gru<typename TypeParam::Scalar, TypeParam::kResetAfter> layer(2, {.units = 3, .name = "encoder"});
    const std::vector<Seen> expected{{"encoder", "kernel", 2, 9, true},
                                     {"encoder", "recurrent_kernel", 3, 9, true},
                                     {"encoder", "bias", TypeParam::kResetAfter ? 2 : 1, 9, true}};
    EXPECT_EQ(variables_of(layer), expected);
}

TYPED_TEST(VariableOf, AGruWithoutBiasAreTwo) {
    Gru<typename TypeParam::Scalar, TypeParam::kResetAfter> layer(2, {.units = 3, .use_bias = false});
    EXPECT_EQ(variables_of(layer).size(), 2U);
    EXPECT_EQ(variables_of(layer).back().name, "recurrent_kernel");
}

TYPED_TEST(VariableOf, AFrozenGruAreNotTrainable) {
    Gru<typename TypeParam::Scalar, TypeParam::kResetAfter> layer(2, {.units = 3, .trainable = false});
    for (const Seen& variable : variables_of(layer)) EXPECT_FALSE(variable.is_trainable) << variable.name;
}

TYPED_TEST(VariableOf, AGruLieInTheOrderOfItsFlatBuffer) {
    using S = typename TypeParam::Scalar;
    Gru<S, TypeParam::kResetAfter> layer(2, {.units = 3});
    S count = 0;
    layer.update_variables([&](const Variable<S>& v) {
        MatrixMap<S> values = v.values;
        for (Index r = 0; r < values.rows(); ++r)
            for (Index c = 0; c < values.cols(); ++c) values(r, c) = count++;
    });
    ASSERT_EQ(static_cast<Index>(count), layer.count_params());
    for (Index i = 0; i < layer.count_params(); ++i) EXPECT_EQ(layer.parameters().flat()(i), static_cast<S>(i));
}

TYPED_TEST(VariableOf, ACellAreThoseOfItsLayer) {
    using S = typename TypeParam::Scalar;
    GruCell<S, TypeParam::kResetAfter> cell(2, {.units = 3, .name = "encoder"});
    Gru<S, TypeParam::kResetAfter> layer(2, {.units = 3, .name = "encoder"});
    EXPECT_EQ(variables_of(cell), variables_of(layer));
}

TYPED_TEST(VariableOf, AGruChangeWhatItComputes) {
    using S = typename TypeParam::Scalar;
    Gru<S, TypeParam::kResetAfter> layer(2, {.units = 3});
    const RowMatrix<S> inputs = RowMatrix<S>::Ones(4, 2);
    EXPECT_GT(layer(inputs).last.norm(), S(0));
    layer.update_variables([](const Variable<S>& v) { MatrixMap<S>(v.values).setZero(); });
    EXPECT_EQ(layer(inputs).last.norm(), S(0));
}

}  // namespace
}  // namespace eigengru_test
