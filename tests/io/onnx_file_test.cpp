// SPDX-License-Identifier: MIT
#include "eigengru/io/onnx_file.hpp"

#include "io/onnx_support.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

std::string file_refusal(const Bytes& bytes) {
    return format_error_of([&] { (void)io::OnnxFile(bytes, {}, io::Where("f")); });
}

/// A tensor of two floats whose numbers stand at `location`.
onnx::TensorProto external(const std::string& location, const std::string& offset = "0") {
    onnx::TensorProto tensor;
    tensor.set_name("W");
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(2);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto add = [&](const char* key, const std::string& value) {
        auto& entry = *tensor.add_external_data();
        entry.set_key(key);
        entry.set_value(value);
    };
    add("location", location);
    add("offset", offset);
    return tensor;
}

TEST(OnnxFile, RefusesWhatIsNoModel) {
    expect_contains(file_refusal(Bytes(10, 0xFF)), "f: expected an ONNX model, or it is damaged");
    expect_contains(file_refusal({}), "expected an ONNX model");
    OnnxBuilder without_opset;
    without_opset.model.clear_opset_import();
    without_opset.node("Relu", {"x"}, {"y"});
    expect_contains(file_refusal(without_opset.bytes()), "expected an ONNX model that imports the standard operators");
    OnnxBuilder cut;
    cut.tensor("W", {100});
    Bytes bytes = cut.bytes();
    bytes.resize(bytes.size() / 2);
    expect_contains(file_refusal(bytes), "expected an ONNX model, or it is damaged");
}

TEST(OnnxFile, CountsWhatIsNotNumbers) {
    OnnxBuilder numbers;
    numbers.tensor("W", {1 << 20});
    EXPECT_LT(io::detail::OnnxStructure::bytes(numbers.bytes()), 200U);
    EXPECT_EQ(numbers.file().graph().initializer_size(), 1);
    OnnxBuilder nodes;
    nodes.model.set_doc_string(std::string(io::kMostOnnxStructure, 'x'));
    nodes.node("Relu", {"x"}, {"y"});
    expect_contains(file_refusal(nodes.bytes()), "expected at most 3145728 bytes besides the numbers of weights");
}

TEST(OnnxFile, RefusesMessagesThatNestDeep) {
    onnx::GraphProto graph;
    for (int i = 0; i < 20; ++i) {
        onnx::GraphProto outer;
        *outer.add_node()->add_attribute()->mutable_g() = graph;
        graph = outer;
    }
    OnnxBuilder deep;
    *deep.model.mutable_graph() = graph;
    expect_contains(file_refusal(deep.bytes()), "expected an ONNX model, or it is damaged");
}

TEST(OnnxFile, ReadsNumbersOfEachType) {
    using Type = onnx::TensorProto;
    const io::OnnxFile file = [] {
        OnnxBuilder builder;
        builder.node("Relu", {"x"}, {"y"});
        return builder.file();
    }();
    const auto raw = [&](int type, const std::string& bytes, std::int64_t count) {
        onnx::TensorProto tensor;
        tensor.set_data_type(type);
        tensor.add_dims(count);
        tensor.set_raw_data(bytes);
        return file.numbers(tensor).numbers;
    };
    EXPECT_EQ(raw(Type::FLOAT, std::string("\0\0\x80\x3F", 4), 1), std::vector{1.0});
    EXPECT_EQ(raw(Type::FLOAT16, std::string("\0\x3C", 2), 1), std::vector{1.0});
    EXPECT_EQ(raw(Type::BFLOAT16, std::string("\x80\x3F", 2), 1), std::vector{1.0});
    EXPECT_EQ(raw(Type::INT64, std::string(8, '\xFF'), 1), std::vector{-1.0});
    EXPECT_EQ(raw(Type::INT32, std::string("\2\0\0\0\3\0\0\0", 8), 2), (std::vector{2.0, 3.0}));
    EXPECT_EQ(raw(Type::BOOL, std::string("\1", 1), 1), std::vector{1.0});
    onnx::TensorProto half;
    half.set_data_type(Type::FLOAT16);
    half.add_dims(1);
    half.add_int32_data(0xC000);
    EXPECT_EQ(file.numbers(half).numbers, std::vector{-2.0});
    half.set_data_type(Type::STRING);
    EXPECT_FALSE(io::OnnxFile::has_known_type(half));
}

TEST(OnnxFile, RefusesNumbersThatDoNotFillTheShape) {
    OnnxBuilder builder;
    builder.node("Relu", {"x"}, {"y"});
    builder.tensor("W", {2, 3}, {1, 2, 3});
    builder.tensor("X", {-2}, {1});
    builder.tensor("Y", {1 << 30, 1 << 30}, {1});
    const io::OnnxFile file = builder.file();
    const auto text = [&](int i) { return format_error_of([&] { (void)file.numbers(file.graph().initializer(i)); }); };
    expect_contains(text(0), "f: tensor \"W\": expected 6 numbers for shape (2, 3), received 3");
    expect_contains(text(1), "has the impossible shape (-2)");
    expect_contains(text(2), "has the impossible shape");
}

TEST(OnnxFile, ReadsNumbersBesideTheFile) {
    const ScratchFolder folder;
    write_bytes(folder / "m.data", {9, 9, 9, 9, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40});
    OnnxBuilder builder;
    builder.node("Relu", {"x"}, {"y"});
    EXPECT_EQ(builder.file(folder.path()).numbers(external("m.data", "4")).numbers, (std::vector{1.0, 2.0}));
}

TEST(OnnxFile, RefusesTensorsThatShareTheirBytesWithoutLimit) {
    const ScratchFolder folder;
    write_bytes(folder / "m.data", Bytes(8, 0));
    OnnxBuilder builder;
    builder.node("Relu", {"x"}, {"y"});
    const io::OnnxFile file = builder.file(folder.path());
    for (int i = 0; i < 4; ++i) EXPECT_NO_THROW((void)file.numbers(external("m.data", "0")));
    expect_contains(format_error_of([&] { (void)file.numbers(external("m.data", "0")); }),
                    "expected tensors of their own bytes, \"m.data\" is read more than 4 times");
}

TEST(OnnxFile, RefusesNumbersInOtherPlaces) {
    const ScratchFolder folder;
    write_bytes(folder / "m.data", Bytes(8, 0));
    std::filesystem::create_symlink(folder / "m.data", folder / "link");
    std::filesystem::create_directory(folder / "d");
    const auto text = [&](const std::string& name, const char* offset = "0") {
        OnnxBuilder builder;
        builder.node("Relu", {"x"}, {"y"});
        const io::OnnxFile file = builder.file(folder.path());
        return format_error_of([&] { (void)file.numbers(external(name, offset)); });
    };
    for (const std::string name : {"../m.data", "/etc/passwd", "d/m.data", "..", ".", "", "C:m", "d\\m", "/"})
        expect_contains(text(name),
                        "external data expected a file in the same folder by its plain name, received \"" + name);
    expect_contains(text("link"), "link: expected a regular file, received a link");
    expect_contains(text("d"), "received a directory");
    expect_contains(text("none"), "the file does not exist");
    expect_contains(text("m.data", "1"), "expected 8 bytes at 1, the file has 8");
    expect_contains(text("m.data", "-1"), "external data expected whole numbers, received \"-1\"");
}

}  // namespace
