// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_structure.hpp"

#include "io/onnx_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test::onnx_structure_test {

namespace {

using namespace eigengru;

std::uint64_t structure(const Bytes& bytes) {
    return io::detail::OnnxStructure::bytes(bytes);
}

TEST(OnnxStructure, CountsFieldsOfEveryKind) {
    EXPECT_EQ(structure({}), 0U);
    EXPECT_EQ(structure({0x08, 0x05}), 2U);                               // a number
    EXPECT_EQ(structure({0x08, 0x85, 0x85, 0x05}), 4U);                   // a larger one
    EXPECT_EQ(structure({0x09, 1, 2, 3, 4, 5, 6, 7, 8}), 9U);             // eight bytes
    EXPECT_EQ(structure({0x0D, 1, 2, 3, 4}), 5U);                         // four bytes
    EXPECT_EQ(structure({0x12, 3, 'a', 'b', 'c', 0x08, 0x05}), 5U + 2U);  // a text, and one more field
}

TEST(OnnxStructure, CountsTheRestWhereItDoesNotUnderstand) {
    EXPECT_EQ(structure({0x08, 5, 0x0B, 1, 2, 3}), 6U);  // a kind that there is not
    EXPECT_EQ(structure({0x12, 0x7F, 'a'}), 3U);         // longer than the file
    EXPECT_EQ(structure({0x09, 1, 2}), 3U);
    EXPECT_EQ(structure({0x08}), 1U);  // a number that is missing
    EXPECT_EQ(structure(Bytes(100, 0xFF)), 100U);
    EXPECT_EQ(structure({0x3A, 3, 0x2A, 0x7F, 0x4A}), 5U);  // likewise in a graph
}

/// A model in which `put` has placed this many bytes.
template <class Put>
std::uint64_t structure_with(std::size_t count, const Put& put) {
    OnnxBuilder builder;
    put(*builder.model.mutable_graph(), std::string(count, 'x'));
    return structure(builder.bytes());
}

/// Whether the bytes are counted that `put` places.
template <class Put>
bool is_counted(const Put& put) {
    const std::uint64_t few = structure_with(1000, put);
    const std::uint64_t many = structure_with(9000, put);
    EXPECT_TRUE(many == few || many == few + 8000);
    return many != few;
}

TEST(OnnxStructure, LeavesOutTheNumbersOfTensors) {
    EXPECT_FALSE(is_counted([](auto& graph, const std::string& x) { graph.add_initializer()->set_raw_data(x); }));
    EXPECT_FALSE(is_counted([](auto& graph, const std::string& x) {
        graph.add_node()->add_attribute()->mutable_t()->set_raw_data(x);  // as the operator Constant has them
    }));
    EXPECT_FALSE(is_counted([](auto& graph, const std::string& x) {
        auto& tensor = *graph.add_initializer();
        for (std::size_t i = 0; i < x.size() / 4; ++i) tensor.add_float_data(1.0F);
    }));
    EXPECT_FALSE(is_counted([](auto& graph, const std::string& x) {
        auto& tensor = *graph.add_initializer();
        for (std::size_t i = 0; i < x.size() / 8; ++i) tensor.add_double_data(1.0);
    }));
}

TEST(OnnxStructure, CountsEverythingElse) {
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) { graph.set_name(x); }));
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) { graph.add_node()->set_op_type(x); }));
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) { graph.add_initializer()->set_name(x); }));
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) {
        graph.add_node()->add_attribute()->add_tensors()->set_raw_data(x);  // no operator of a GRU has such a list
    }));
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) {
        graph.add_node()->add_attribute()->mutable_g()->add_initializer()->set_raw_data(x);
    }));
    EXPECT_TRUE(is_counted([](auto& graph, const std::string& x) {
        auto& tensor = *graph.add_initializer();  // protobuf makes more of each than it takes in the file
        for (std::size_t i = 0; i < x.size(); ++i) tensor.add_int64_data(1);
    }));
}

}  // namespace

}  // namespace eigengru_test::onnx_structure_test
