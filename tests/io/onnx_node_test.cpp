// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_node.hpp"

#include "io/onnx_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_node_test {
namespace {

using namespace eigengru;
using io::detail::OnnxNode;

TEST(OnnxNode, HasItsNameOrThatOfItsFirstOutput) {
    onnx::NodeProto node;
    EXPECT_EQ(OnnxNode(node).name(), "");
    node.add_output("y");
    node.add_output("z");
    EXPECT_EQ(OnnxNode(node).name(), "y");
    node.set_name("n");
    EXPECT_EQ(OnnxNode(node).name(), "n");
}

TEST(OnnxNode, HasInputsOfWhichSomeAreLeftOut) {
    onnx::NodeProto node;
    for (const char* name : {"a", "", "c"}) node.add_input(name);
    node.add_output("y");
    const OnnxNode view(node);
    EXPECT_EQ(view.inputs(), 3);
    EXPECT_EQ(view.input(0), "a");
    EXPECT_EQ(view.input(1), "");
    EXPECT_EQ(view.input(2), "c");
    EXPECT_EQ(view.input(3), "");  // behind the last one
    EXPECT_EQ(view.outputs(), 1);
    EXPECT_EQ(view.output(0), "y");
}

TEST(OnnxNode, IsStandardInTheDomainsOfOnnx) {
    onnx::NodeProto node;
    node.set_op_type("GRU");
    EXPECT_EQ(OnnxNode(node).op(), "GRU");
    EXPECT_TRUE(OnnxNode(node).is_standard());
    node.set_domain("ai.onnx");
    EXPECT_TRUE(OnnxNode(node).is_standard());
    node.set_domain("com.microsoft");
    EXPECT_FALSE(OnnxNode(node).is_standard());
}

TEST(OnnxNode, AnAttributeThatIsMissingHasItsDefault) {
    onnx::NodeProto node;
    EXPECT_EQ(OnnxNode(node).integer("i", 7), 7);
    EXPECT_EQ(OnnxNode(node).number("f", 0.25), 0.25);
    EXPECT_EQ(OnnxNode(node).string("s", "forward"), "forward");
    EXPECT_EQ(OnnxNode(node).integers("l"), std::nullopt);
    EXPECT_EQ(OnnxNode(node).find("i"), nullptr);
    OnnxBuilder::set(node, "i", -3);
    OnnxBuilder::set(node, "f", 0.5F);
    OnnxBuilder::set(node, "s", std::string("reverse"));
    OnnxBuilder::set(node, "l", {4, -1});
    EXPECT_EQ(OnnxNode(node).integer("i", 7), -3);
    EXPECT_EQ(OnnxNode(node).number("f", 0.25), 0.5);
    EXPECT_EQ(OnnxNode(node).string("s", "forward"), "reverse");
    EXPECT_EQ(OnnxNode(node).integers("l"), (std::vector<double>{4, -1}));
    EXPECT_EQ(OnnxNode(node).find("f")->f(), 0.5F);
}

}  // namespace

}  // namespace eigengru_test::onnx_node_test
