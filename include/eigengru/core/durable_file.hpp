// SPDX-License-Identifier: MIT
// Whole files: read at once, and replaced so that a crash at any moment leaves the old or the new one.
#pragma once

#include "eigengru/core/error.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Not by <filesystem>, which would cost every program that includes the umbrella header a tenth of its compile time.
#if defined(_WIN32)
#include <filesystem>  // there rename() of the C library does not replace a file
#else
#include <fcntl.h>
#include <unistd.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Where replace_file() writes before it renames: beside the file, so that both are on one file system.
[[nodiscard]] inline std::string temporary_path(const std::string& path) {
    return path + ".tmp";
}

/// Makes what was written to an open file survive a loss of power, where the system can. Returns whether it worked.
[[nodiscard]] inline bool flush_to_disk(std::FILE* file) {
    if (std::fflush(file) != 0) return false;
#if defined(_WIN32)
    return true;
#else
    return ::fsync(::fileno(file)) == 0;
#endif
}

/// The same for the name of a file in its folder. Not every file system can, and the file is whole without it: no error.
inline void flush_name_to_disk([[maybe_unused]] const std::string& path) {
#if !defined(_WIN32)
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    static_cast<void>(::fsync(descriptor));
    ::close(descriptor);
#endif
}

/// Gives a file the name of another, which it replaces in one step. Returns an errno, 0 when all went well.
[[nodiscard]] inline int replace_name(const std::string& from, const std::string& to) {
#if defined(_WIN32)
    std::error_code error;
    std::filesystem::rename(from, to, error);
    return error.default_error_condition().value();
#else
    return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
#endif
}

/// Writes and flushes a new file. Returns an errno, 0 when all went well.
[[nodiscard]] inline int write_new_file(const std::string& path, std::span<const unsigned char> bytes) {
    const auto error_number = [] { return errno != 0 ? errno : EIO; };
    errno = 0;
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return error_number();
    const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && flush_to_disk(file);
    const int error = is_written ? 0 : error_number();
    if (std::fclose(file) != 0 && error == 0) return error_number();
    return error;
}

/// Replaces a file by `bytes`, or makes it: killed at any moment, the file is the old one or the new one, whole. What
/// is not finished lies beside it as `path`.tmp, which the next call writes anew; so one at a time may write a path.
/// Throws: FormatError that begins with `where`, and the old file is untouched.
inline void replace_file(const std::string& path, std::span<const unsigned char> bytes, std::string_view where) {
    const std::string temporary = temporary_path(path);
    int error = write_new_file(temporary, bytes);
    if (error == 0) error = replace_name(temporary, path);
    if (error != 0) {
        static_cast<void>(std::remove(temporary.c_str()));
        EIGENGRU_THROW(FormatError, where, ": the file cannot be written (", std::strerror(error), ")");
    }
    flush_name_to_disk(path);
}

/// A whole regular file; devices, pipes and folders are refused, since reading them may never end.
/// Throws: FormatError that begins with `where`.
[[nodiscard]] inline std::vector<unsigned char> read_whole_file(const std::string& path, std::string_view where) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) != 0)
        EIGENGRU_THROW(
            FormatError, where, ": ",
            errno == ENOENT ? "the file does not exist" : text("the file cannot be read (", std::strerror(errno), ")"));
    if ((status.st_mode & S_IFMT) != S_IFREG) EIGENGRU_THROW(FormatError, where, ": expected a regular file");
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) EIGENGRU_THROW(FormatError, where, ": the file cannot be opened");
    std::vector<unsigned char> bytes(static_cast<std::size_t>(status.st_size));
    const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), file);
    static_cast<void>(std::fclose(file));
    if (count != bytes.size())
        EIGENGRU_THROW(FormatError, where, ": expected ", bytes.size(), " bytes, only ", count, " can be read");
    return bytes;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
