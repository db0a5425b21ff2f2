// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_fold.hpp"

#include "io/onnx_support.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;
using io::detail::OnnxFolder;
using io::detail::OnnxNode;
using io::detail::OnnxTensor;

const OnnxTensor kMatrix{{2, 3}, {1, 2, 3, 4, 5, 6}};

onnx::NodeProto node(const std::string& op) {
    onnx::NodeProto result;
    result.set_op_type(op);
    return result;
}

OnnxTensor list(std::vector<double> numbers) {
    const auto size = static_cast<Index>(numbers.size());
    return {{size}, std::move(numbers)};
}

/// The result, or one with no numbers and a size of -1.
OnnxTensor fold(const onnx::NodeProto& node, const std::vector<OnnxTensor>& inputs) {
    std::vector<const OnnxTensor*> pointers;
    for (const OnnxTensor& input : inputs) pointers.push_back(&input);
    OnnxFolder folder;
    return folder.fold(OnnxNode(node), pointers).value_or(OnnxTensor{{-1}, {}});
}

void expect_folds(const onnx::NodeProto& node, const std::vector<OnnxTensor>& inputs, const OnnxTensor& expected) {
    const OnnxTensor found = fold(node, inputs);
    EXPECT_EQ(found.dims, expected.dims) << node.op_type();
    EXPECT_EQ(found.numbers, expected.numbers) << node.op_type();
}

const OnnxTensor kNothing{{-1}, {}};

TEST(OnnxFolder, MovesElements) {
    expect_folds(node("Transpose"), {kMatrix}, {{3, 2}, {1, 4, 2, 5, 3, 6}});
    expect_folds(node("Unsqueeze"), {kMatrix, list({0, -1})}, {{1, 2, 3, 1}, kMatrix.numbers});
    expect_folds(node("Squeeze"), {{{1, 2, 1}, {7, 8}}, list({0})}, {{2, 1}, {7, 8}});
    expect_folds(node("Reshape"), {kMatrix, list({3, -1})}, {{3, 2}, kMatrix.numbers});
    expect_folds(node("Reshape"), {kMatrix, list({0, 3, 1})}, {{2, 3, 1}, kMatrix.numbers});
    expect_folds(node("Expand"), {{{2, 1}, {1, 2}}, list({3, 1, 2})},
                 {{3, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}});
}

TEST(OnnxFolder, TakesPartsOut) {
    expect_folds(node("Slice"), {kMatrix, list({1}), list({9e18}), list({-1})}, {{2, 2}, {2, 3, 5, 6}});
    onnx::NodeProto gather = node("Gather");
    OnnxBuilder::set(gather, "axis", 1);
    expect_folds(gather, {kMatrix, {{}, {-1}}}, {{2}, {3, 6}});
    expect_folds(node("Gather"), {kMatrix, {{1, 2}, {1, 0}}}, {{1, 2, 3}, {4, 5, 6, 1, 2, 3}});
}

TEST(OnnxFolder, PutsPartsTogether) {
    onnx::NodeProto concat = node("Concat");
    OnnxBuilder::set(concat, "axis", -1);
    expect_folds(concat, {kMatrix, {{2, 1}, {8, 9}}}, {{2, 4}, {1, 2, 3, 8, 4, 5, 6, 9}});
    expect_folds(concat, {kMatrix, {{1, 1}, {8}}}, kNothing);
}

TEST(OnnxFolder, Computes) {
    expect_folds(node("Mul"), {kMatrix, {{3}, {0, 1, 2}}}, {{2, 3}, {0, 2, 6, 0, 5, 12}});
    expect_folds(node("Sub"), {{{}, {5}}, {{}, {3}}}, {{}, {2}});
    expect_folds(node("Equal"), {list({1, 2}), list({1, 3})}, {{2}, {1, 0}});
    expect_folds(node("Where"), {list({1, 0}), list({5, 5}), list({7, 7})}, {{2}, {5, 7}});
    expect_folds(node("Shape"), {kMatrix}, list({2, 3}));
}

TEST(OnnxFolder, GivesUpWhereArgumentsDoNotFit) {
    expect_folds(node("Add"), {kMatrix, list({1, 2})}, kNothing);
    expect_folds(node("Reshape"), {kMatrix, list({4, -1})}, kNothing);
    expect_folds(node("Reshape"), {kMatrix, list({-1, -1})}, kNothing);
    expect_folds(node("Reshape"), {kMatrix, list({6, 1, 0})}, kNothing);
    expect_folds(node("Squeeze"), {kMatrix, list({0})}, kNothing);
    expect_folds(node("Unsqueeze"), {kMatrix, list({0, 0})}, kNothing);
    expect_folds(node("Gather"), {kMatrix, list({2})}, kNothing);
    expect_folds(node("Slice"), {kMatrix, list({0}), list({2}), list({0}), list({2})}, kNothing);
    expect_folds(node("Conv"), {kMatrix, kMatrix}, kNothing);
    expect_folds(node("Add"), {kMatrix}, kNothing);
}

TEST(OnnxFolder, MakesALimitedAmountOfNumbers) {
    OnnxFolder folder;
    EXPECT_FALSE(folder.filled({1e9, 1e9}, 0.0).has_value());
    EXPECT_FALSE(folder.filled({-1}, 0.0).has_value());
    const std::vector<double> half{static_cast<double>(io::detail::kMostFoldedNumbers / 2)};
    EXPECT_TRUE(folder.filled(half, 0.0).has_value());
    EXPECT_TRUE(folder.filled(half, 0.0).has_value());
    EXPECT_FALSE(folder.filled({1}, 0.0).has_value());
}

}  // namespace
