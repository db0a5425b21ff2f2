// SPDX-License-Identifier: MIT
// file_format: what kind of file a model is in, by its first bytes; its name does not matter.
#pragma once

#include "eigengru/io/file.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The kinds of files that models are loaded from.
enum class FileFormat {
    keras,        ///< a .keras archive, the folder of an unpacked one, or an HDF5 file of Keras
    safetensors,  ///< a state dict of PyTorch
    onnx
};

[[nodiscard]] inline std::string_view format_name(FileFormat format) {
    constexpr auto names = std::to_array<std::string_view>({"Keras", "safetensors", "ONNX"});
    return names[static_cast<std::size_t>(format)];
}

namespace detail {

/// The first bytes of a file, at most 64 of them.
[[nodiscard]] inline std::string first_bytes(const std::filesystem::path& path, const Where& where) {
    static_cast<void>(file_size(path, where));
    std::ifstream file(path, std::ios::binary);
    std::string bytes(64, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.is_open() || file.bad()) where.fail("the file cannot be read");
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

/// What other well-known files begin with, and what to do with one.
struct OtherFormat {
    std::size_t at;
    std::string_view bytes;
    std::string_view advice;
};

inline constexpr auto kOtherFormats = std::to_array<OtherFormat>(
    {{0, "\x80\x02",
      "is a pickle of PyTorch; save it with safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")"},
     {4, "TFL3", "is a TensorFlow Lite model, whose GRUs are no longer layers; save the Keras model"},
     {0, "\x93NUMPY", "is a NumPy array"},
     {0, "GGUF", "is a GGUF file"}});

/// A zip archive whose first member is NAME/data.pkl, as torch.save writes one.
[[nodiscard]] inline bool is_torch_archive(std::string_view bytes) {
    return bytes.starts_with("PK\x03\x04") && bytes.find("data.pkl") != std::string_view::npos;
}

/// What a file begins with, in hexadecimal.
[[nodiscard]] inline std::string hexadecimal(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes.substr(0, 8)) {
        const auto byte = static_cast<unsigned char>(c);
        text += text.empty() ? "" : " ";
        text += {digits[byte / 16U], digits[byte % 16U]};
    }
    return text;
}

/// Throws: FormatError for a file that cannot be read, and for any other kind, with what it seems to be.
[[nodiscard]] inline FileFormat format_of(const std::filesystem::path& path, const Where& where) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) return FileFormat::keras;
    const std::string bytes = first_bytes(path, where);
    const std::string_view view = bytes;
    // Eight bytes of a length below 2^32, and a JSON object; the length may be anything, a magic number too.
    if (view.size() > 8 && view[8] == '{' && view.substr(4, 4) == std::string_view("\0\0\0\0", 4))
        return FileFormat::safetensors;
    if (is_torch_archive(view)) where.fail(kOtherFormats.front().advice);
    if (view.starts_with("PK") || view.starts_with("\x89HDF\r\n\x1a\n")) return FileFormat::keras;
    for (const OtherFormat& other : kOtherFormats)
        if (view.substr(std::min(other.at, view.size())).starts_with(other.bytes)) where.fail(other.advice);
    // A protobuf message that begins with the small number ir_version.
    if (view.size() > 2 && view[0] == '\x08' && view[1] > 0 && view[1] < 0x20) return FileFormat::onnx;
    where.fail(
        "expected a .keras file, folder or .h5 file of Keras, a .safetensors state dict or an ONNX model, received "
        "a file that begins with ",
        hexadecimal(view));
}

}  // namespace detail

/// What kind of file a model is in. Throws: FormatError for a file that cannot be read, and for any other kind.
[[nodiscard]] inline FileFormat file_format(const std::filesystem::path& path) {
    return detail::format_of(path, Where(eigengru::detail::text("io::file_format: ", path.string())));
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
