// SPDX-License-Identifier: MIT
#include "eigengru/io/file_format.hpp"

#include "io/exchange.hpp"

namespace {

using namespace eigengru;
using namespace eigengru_test;

TEST(FileFormat, IsThatOfTheFirstBytes) {
    const ScratchFolder folder;
    EXPECT_EQ(io::file_format(exchange("same.keras")), io::FileFormat::keras);
    EXPECT_EQ(io::file_format(folder.path()), io::FileFormat::keras);
    EXPECT_EQ(io::file_format(exchange("same.safetensors")), io::FileFormat::safetensors);
    for (const char* name : {"same.onnx", "dynamo_last.onnx", "node_after.onnx"})
        EXPECT_EQ(io::file_format(exchange(name)), io::FileFormat::onnx) << name;
    write_bytes(folder / "m", {0x80, 2, 0, 0, 0, 0, 0, 0, '{'});  // its length is the magic number of a pickle
    EXPECT_EQ(io::file_format(folder / "m"), io::FileFormat::safetensors);
    write_bytes(folder / "m", {'P', 'K', 0, 0, 0, 0, 0, 0, '{'});  // or how an archive begins
    EXPECT_EQ(io::file_format(folder / "m"), io::FileFormat::safetensors);
    write_bytes(folder / "m", {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'});
    EXPECT_EQ(io::file_format(folder / "m"), io::FileFormat::keras);
}

TEST(FileFormat, KnowsWhatItCannotRead) {
    const ScratchFolder folder;
    const auto refusal = [&](std::string_view bytes) {
        write_bytes(folder / "m", Bytes(bytes.begin(), bytes.end()));
        return format_error_of([&] { (void)io::file_format(folder / "m"); });
    };
    const auto expect = [](const std::string& text, std::string_view part) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    expect(refusal(std::string("PK\3\4............................archive/data.pkl", 48)),
           "is a pickle of PyTorch; save it");
    expect(refusal("\x80\x02}q"), "is a pickle of PyTorch");
    expect(refusal("1234TFL3"), "is a TensorFlow Lite model");
    expect(refusal("text"),
           "expected a .keras file, folder or .h5 file of Keras, a .safetensors state dict or an ONNX "
           "model, received a file that begins with 74 65 78 74");
    expect(refusal(""), "the file is empty");
    expect(format_error_of([] { (void)io::file_format("nowhere"); }),
           "io::file_format: nowhere: the file does not exist");
}

TEST(FileFormat, HasAName) {
    EXPECT_EQ(io::format_name(io::FileFormat::onnx), "ONNX");
}

}  // namespace
