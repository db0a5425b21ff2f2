// SPDX-License-Identifier: MIT
// Damaged files: cut, or with a byte that is another. Whatever the damage is, the answer is a FormatError that names
// the file, or a model.
#pragma once

#include "io/io_support.hpp"

namespace eigengru_test {

/// 1 when `load` takes the file, 0 when it refuses it by name.
inline std::size_t count_loaded(const std::filesystem::path& path, const auto& load) {
    try {
        load(path);
        return 1;
    } catch (const eigengru::FormatError& error) {
        EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
        return 0;
    }
}

inline Bytes cut(const Bytes& bytes, std::size_t size) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

/// Overwrites one byte of a file.
inline void patch(const std::filesystem::path& path, std::size_t at, unsigned char byte) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte));
}

}  // namespace eigengru_test
