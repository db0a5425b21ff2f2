// SPDX-License-Identifier: MIT
// What the tests of files share: a folder for scratch files, whole files, and the text of a FormatError.
#pragma once

#include "eigengru/core/error.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace eigengru_test {

using Bytes = std::vector<unsigned char>;

/// The message of the FormatError that `f` throws, or a sentence that there was none.
template <class F>
std::string format_error_of(F&& f) {
    try {
        f();
    } catch (const eigengru::FormatError& error) {
        return error.what();
    }
    return "no FormatError was thrown";
}

inline void expect_contains(const std::string& text, std::string_view part) {
    EXPECT_NE(text.find(part), std::string::npos) << "expected \"" << part << "\" in: " << text;
}

/// `f` throws a FormatError that says `part`.
template <class F>
void expect_refused(std::string_view part, F&& f) {
    expect_contains(format_error_of(f), part);
}

/// A folder of its own that goes with the object.
class ScratchFolder {
public:
    ScratchFolder() {
        static std::atomic<int> count = 0;
        const std::string name = "eigengru-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
        path_ = std::filesystem::temp_directory_path() / name;
        std::filesystem::create_directories(path_);
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("cannot write " + path.string());
}

inline Bytes bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace eigengru_test
