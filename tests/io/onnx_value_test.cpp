// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_value.hpp"

#include "io/onnx_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_value_test {
namespace {

using namespace eigengru;
using io::detail::OnnxValue;

TEST(OnnxValue, AConstantSharesItsTensor) {
    const OnnxValue value = OnnxValue::constant({{2}, {1, 2}});
    EXPECT_TRUE(value.is_constant() && !value.is_data());
    EXPECT_EQ(value.tensor->numbers, (std::vector<double>{1, 2}));
    const OnnxValue copy = value;
    EXPECT_EQ(copy.tensor, value.tensor);  // values are copied, and a small file may ask for many copies
    EXPECT_EQ(value.inputs, 0U);
    EXPECT_EQ(value.step, -1);
}

TEST(OnnxValue, AnUnknownOneSaysWhyAndWhatItDependsOn) {
    const OnnxValue value = OnnxValue::unknown(5, "the operator ", "Conv", " of rank ", 4);
    EXPECT_EQ(value.reason, "the operator Conv of rank 4");
    EXPECT_EQ(value.inputs, 5U);
    EXPECT_FALSE(value.is_constant() || value.is_data());
    EXPECT_TRUE(OnnxValue().reason.empty());  // one that was left out
}

TEST(OnnxValue, PartsAreTheSameForOneDirectionOfOneGru) {
    using io::detail::OnnxPart;
    EXPECT_EQ((OnnxPart{1, true}), (OnnxPart{1, true}));
    EXPECT_NE((OnnxPart{1, true}), (OnnxPart{1, false}));
    EXPECT_NE((OnnxPart{1, true}), (OnnxPart{2, true}));
}

}  // namespace

}  // namespace eigengru_test::onnx_value_test
