// SPDX-License-Identifier: MIT
#include "eigengru/io/safetensors_file.hpp"

#include "io/io_support.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// A file with that header and that many zero bytes behind it.
Bytes file_of(std::string_view header, std::size_t data) {
    Bytes bytes(8, 0);
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(header.size() >> (8 * i));
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + data, 0);
    return bytes;
}

std::string tensors_refusal(const Bytes& bytes) {
    return format_error_of([&] { (void)io::SafetensorsFile(bytes, Where("f")); });
}

std::string tensors_refusal(std::string_view header, std::size_t data) {
    return tensors_refusal(file_of(header, data));
}

constexpr const char* kTwo = R"({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                                 "b": {"dtype": "F64", "shape": [1], "data_offsets": [24, 32]},
                                 "__metadata__": {"format": "pt"}})";

TEST(SafetensorsFile, KnowsItsTensorsAndMetadata) {
    const io::SafetensorsFile file(file_of(kTwo, 32), Where("f"));
    EXPECT_EQ(file.names(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(file.metadata().at("format"), "pt");
    EXPECT_EQ(file.read<float>("a", {2, 3}), (RowMatrix<float>::Zero(2, 3)));
    EXPECT_EQ(file.read<float>("b", {1}).rows(), 1);
}

TEST(SafetensorsFile, RefusesOtherShapesAndTypes) {
    const io::SafetensorsFile file(file_of(R"({"a": {"dtype": "I32", "shape": [2, 3], "data_offsets": [0, 24]}})", 24),
                                   Where("f"));
    expect_contains(format_error_of([&] {
                        (void)file.read<float>("a", {3, 2});
                    }),
                    "f: tensor \"a\": expected shape (3, 2), received (2, 3)");
    expect_contains(format_error_of([&] {
                        (void)file.read<float>("a", {2, 3});
                    }),
                    "expected the type F16, BF16, F32 or F64, received I32");
    expect_contains(format_error_of([&] { (void)file.tensor("c"); }), "the file has no tensor \"c\"; it has \"a\"");
}

TEST(SafetensorsFile, RefusesHeadersThatCannotBe) {
    expect_contains(tensors_refusal(Bytes(5, 0)), "expected a safetensors file, received 5 bytes");
    expect_contains(tensors_refusal(Bytes(8, 255)), "expected a header of at most 4194304 bytes");
    Bytes bytes = file_of(kTwo, 32);
    bytes.resize(40);
    expect_contains(tensors_refusal(bytes), "cannot stand in 40");
    expect_contains(tensors_refusal("{", 0), "is not valid JSON");
    expect_contains(tensors_refusal("[]", 0), "expected an object, received []");
    expect_contains(tensors_refusal(std::string(100, '['), 0), "expected brackets that nest at most 64 deep");
}

TEST(SafetensorsFile, RefusesBadDescriptions) {
    expect_contains(tensors_refusal(R"({"a": 3})", 0), "tensor \"a\": expected an object, received 3");
    expect_contains(tensors_refusal(R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4),
                    "shape expected whole numbers from 0, received -1");
    expect_contains(tensors_refusal(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})", 4),
                    "data_offsets expected two numbers");
    expect_contains(tensors_refusal(R"({"a": {"dtype": "Q4", "shape": [1], "data_offsets": [0, 4]}})", 4),
                    "has the unknown type \"Q4\"");
    expect_contains(tensors_refusal(R"({"__metadata__": {"a": 1}})", 0), "a expected a string, received 1");
}

TEST(SafetensorsFile, RefusesOffsetsThatDoNotFit) {
    const auto one = [](const char* offsets, const char* shape = "[1]") {
        return eigengru::detail::text(R"({"a": {"dtype": "F32", "shape": )", shape, R"(, "data_offsets": )", offsets,
                                      "}}");
    };
    expect_contains(tensors_refusal(one("[0, 8]"), 8), "data_offsets expected 4 bytes for F32 (1), received 0 to 8");
    expect_contains(tensors_refusal(one("[4, 0]"), 8), "received 4 to 0");
    expect_contains(tensors_refusal(one("[4, 8]"), 8), "data_offsets expected to begin at 0, received 4");
    expect_contains(tensors_refusal(one("[0, 4]"), 8), "expected 4 bytes of numbers behind the header, the file has 8");
    expect_contains(tensors_refusal(one("[0, 4]"), 3), "expected 4 bytes of numbers behind the header, the file has 3");
    expect_contains(tensors_refusal(one("[0, 4]", "[4294967296, 4294967296]"), 4), "data_offsets expected");
}

TEST(SafetensorsFile, RefusesTensorsThatShareBytes) {
    expect_contains(tensors_refusal(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                                "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})",
                                    4),
                    "tensor \"b\": data_offsets expected to begin at 4, received 0");
}

TEST(SafetensorsFile, TakesTensorsWithoutElements) {
    const io::SafetensorsFile file(file_of(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
                                               "b": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}})",
                                           4),
                                   Where("f"));
    EXPECT_EQ(file.tensors().size(), 2U);
}

}  // namespace
