// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_shapes.hpp"

#include "io/onnx_support.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test::onnx_shapes_test {

namespace {

using namespace eigengru;

using namespace io::detail;

constexpr const OnnxTensor* kNone = nullptr;

TEST(OnnxShapes, AnAxisMayCountFromTheEnd) {
    EXPECT_EQ(axis_of(0, 3), 0U);
    EXPECT_EQ(axis_of(2, 3), 2U);
    EXPECT_EQ(axis_of(-1, 3), 2U);
    EXPECT_EQ(axis_of(-3, 3), 0U);
    for (const double axis : {3.0, -4.0, 9e18, -9e18, std::numeric_limits<double>::quiet_NaN()})
        EXPECT_EQ(axis_of(axis, 3), std::nullopt) << axis;
    EXPECT_EQ(axis_of(0, 0), std::nullopt);
}

TEST(OnnxShapes, AxesStandInAnInputOrAnAttribute) {
    onnx::NodeProto node;
    EXPECT_EQ(axes_argument(OnnxNode(node), kNone), std::nullopt);
    OnnxBuilder::set(node, "axes", {1});
    EXPECT_EQ(axes_argument(OnnxNode(node), kNone), std::vector<double>{1});
    const OnnxTensor input{{2}, {0, -1}};
    EXPECT_EQ(axes_argument(OnnxNode(node), &input), (std::vector<double>{0, -1}));
}

TEST(OnnxShapes, SqueezeTakesAxesOfSizeOne) {
    EXPECT_EQ(squeezed({1, 3, 1}, std::nullopt), (std::vector{true, false, true}));
    EXPECT_EQ(squeezed({1, 3, 1}, std::vector<double>{-1}), (std::vector{false, false, true}));
    EXPECT_EQ(squeezed({1, 3, 1}, std::vector<double>{1}), std::nullopt);
    EXPECT_EQ(squeezed({1, 3, 1}, std::vector<double>{3}), std::nullopt);
}

TEST(OnnxShapes, UnsqueezeCountsAxesInItsResult) {
    EXPECT_EQ(unsqueezed(2, {0, -1}), (std::vector{true, false, false, true}));
    EXPECT_EQ(unsqueezed(2, {3}), std::nullopt);
    EXPECT_EQ(unsqueezed(2, {0, -4}), std::nullopt);  // twice the same
    EXPECT_TRUE(unsqueezed(7, {0}));
    EXPECT_EQ(unsqueezed(8, {0}), std::nullopt);
}

TEST(OnnxShapes, TransposeReversesUnlessItNamesAnOrder) {
    onnx::NodeProto node;
    EXPECT_EQ(permutation(OnnxNode(node), 3), (std::vector<std::size_t>{2, 1, 0}));
    OnnxBuilder::set(node, "perm", {1, 0, 2});
    EXPECT_EQ(permutation(OnnxNode(node), 3), (std::vector<std::size_t>{1, 0, 2}));
    EXPECT_EQ(permutation(OnnxNode(node), 2), std::nullopt);
    onnx::NodeProto twice;
    OnnxBuilder::set(twice, "perm", {1, 1, 2});
    EXPECT_EQ(permutation(OnnxNode(twice), 3), std::nullopt);
    onnx::NodeProto beyond;
    OnnxBuilder::set(beyond, "perm", {0, 1, 3});
    EXPECT_EQ(permutation(OnnxNode(beyond), 3), std::nullopt);
}

TEST(OnnxShapes, ReshapeCopiesAndFillsIn) {
    EXPECT_EQ(reshaped({2, 6}, {0, 3, -1}, false), (Dims{2, 3, 2}));
    EXPECT_EQ(reshaped({2, 6}, {12}, false), Dims{12});
    EXPECT_EQ(reshaped({1}, {}, false), Dims{});
    EXPECT_EQ(reshaped({0, 3}, {3, 0}, true), (Dims{3, 0}));
    EXPECT_EQ(reshaped({0, 3}, {-1, 3}, false), (Dims{0, 3}));
}

TEST(OnnxShapes, ReshapeKeepsTheNumberOfElements) {
    EXPECT_EQ(reshaped({2, 6}, {5, -1}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {4, 4}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {-1, -1}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {2, 6, 0}, false), std::nullopt);  // no third size to copy
    EXPECT_EQ(reshaped({2, 6}, {0, 6}, true), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {-2, 6}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {1e10, -1}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {65536, 65536, 65536, 65536, 0}, false), std::nullopt);
    EXPECT_EQ(reshaped({2, 6}, {2, 6, 1, 1, 1, 1, 1, 1, 1}, false), std::nullopt);
}

/// What Slice takes of sizes (5, 3), its arguments as inputs.
std::optional<std::vector<AxisSlice>> slices(const std::vector<OnnxTensor>& arguments,
                                             const onnx::NodeProto& node = {}) {
    std::vector<const OnnxTensor*> inputs{nullptr};
    for (const OnnxTensor& argument : arguments) inputs.push_back(&argument);
    return sliced(OnnxNode(node), {5, 3}, inputs);
}

OnnxTensor numbers(std::vector<double> values) {
    const auto size = static_cast<Index>(values.size());
    return {{size}, std::move(values)};
}

TEST(OnnxShapes, SliceClampsItsBounds) {
    const auto found = slices({numbers({-2}), numbers({9e18}), numbers({0})});
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)[0].start, 3);
    EXPECT_EQ((*found)[0].size, 2);
    EXPECT_FALSE((*found)[0].is_whole);
    EXPECT_TRUE((*found)[1].is_whole && (*found)[1].start == 0 && (*found)[1].size == 3);
    EXPECT_EQ((*slices({numbers({4}), numbers({2})}))[0].size, 0);
    EXPECT_EQ((*slices({numbers({-100}), numbers({-1})}))[0].size, 4);
    const auto both = slices({numbers({1, 0}), numbers({3, -2})});  // without axes: the first ones
    EXPECT_EQ((*both)[0].size, 2);
    EXPECT_EQ((*both)[1].size, 1);
}

TEST(OnnxShapes, SliceIsWholeWhereItGoesFromTheFirstToTheEnd) {
    EXPECT_TRUE((*slices({numbers({0}), numbers({5})}))[0].is_whole);
    EXPECT_TRUE((*slices({numbers({0}), numbers({2147483647})}))[0].is_whole);
    EXPECT_FALSE((*slices({numbers({0}), numbers({100})}))[0].is_whole);  // of another size it would not be
    EXPECT_FALSE((*slices({numbers({-5}), numbers({5})}))[0].is_whole);
}

TEST(OnnxShapes, SliceHasAttributesInOldGraphs) {
    onnx::NodeProto node;
    OnnxBuilder::set(node, "starts", {1});
    OnnxBuilder::set(node, "ends", {3});
    OnnxBuilder::set(node, "axes", {-1});
    const auto found = slices({}, node);
    ASSERT_TRUE(found);
    EXPECT_TRUE((*found)[0].is_whole);
    EXPECT_EQ((*found)[1].start, 1);
    EXPECT_EQ((*found)[1].size, 2);
}

TEST(OnnxShapes, SliceRefusesArgumentsThatDoNotFit) {
    EXPECT_FALSE(slices({}));
    EXPECT_FALSE(slices({numbers({0})}));
    EXPECT_FALSE(slices({numbers({0, 1}), numbers({1})}));
    EXPECT_FALSE(slices({numbers({0}), numbers({1}), numbers({0, 1})}));
    EXPECT_FALSE(slices({numbers({0}), numbers({1}), numbers({2})}));
    EXPECT_FALSE(slices({numbers({0}), numbers({1}), numbers({0}), numbers({1, 1})}));
    EXPECT_FALSE(slices({numbers({0}), numbers({1}), numbers({0}), numbers({2})}));
    EXPECT_TRUE(slices({numbers({0}), numbers({1}), numbers({0}), numbers({1})}));
}

TEST(OnnxShapes, BroadcastIsThatOfNumPy) {
    EXPECT_EQ(broadcast({2, 3}, {3}), (Dims{2, 3}));
    EXPECT_EQ(broadcast({2, 1}, {1, 4}), (Dims{2, 4}));
    EXPECT_EQ(broadcast({}, {2}), Dims{2});
    EXPECT_EQ(broadcast({1}, {0}), Dims{0});
    EXPECT_EQ(broadcast({2, 3}, {2}), std::nullopt);
}

}  // namespace

}  // namespace eigengru_test::onnx_shapes_test
