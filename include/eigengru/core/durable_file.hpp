// SPDX-License-Identifier: MIT
// Whole files: read at once, and replaced so that a crash at any moment leaves the old or the new one.
#pragma once

#include "eigengru/core/error.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#if __has_include(<unistd.h>) && !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Where replace_file() writes before it renames: beside the file, so that both are on one file system.
[[nodiscard]] inline std::filesystem::path temporary_path(std::filesystem::path path) {
    path += ".tmp";
    return path;
}

/// Makes what was written to an open file survive a loss of power, where the system can. Returns whether it worked.
[[nodiscard]] inline bool flush_to_disk(std::FILE* file) {
    if (std::fflush(file) != 0) return false;
#if __has_include(<unistd.h>) && !defined(_WIN32)
    return ::fsync(::fileno(file)) == 0;
#else
    return true;
#endif
}

/// The same for the names in a folder. Not every file system can, and the file is whole without it: no error.
inline void flush_folder_to_disk(const std::filesystem::path& folder) {
#if __has_include(<unistd.h>) && !defined(_WIN32)
    const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    static_cast<void>(::fsync(descriptor));
    ::close(descriptor);
#else
    static_cast<void>(folder);
#endif
}

/// Writes and flushes a new file. Returns an errno, 0 when all went well.
[[nodiscard]] inline int write_new_file(const std::filesystem::path& path, std::span<const unsigned char> bytes) {
    const auto error_number = [] { return errno != 0 ? errno : EIO; };
    errno = 0;
    std::FILE* const file = std::fopen(path.string().c_str(), "wb");
    if (file == nullptr) return error_number();
    const bool is_written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && flush_to_disk(file);
    const int error = is_written ? 0 : error_number();
    if (std::fclose(file) != 0 && error == 0) return error_number();
    return error;
}

/// Replaces a file by `bytes`, or makes it: killed at any moment, the file is the old one or the new one, whole. What
/// is not finished lies beside it as `path`.tmp, which the next call writes anew; so one at a time may write a path.
/// Throws: FormatError that begins with `where`, and the old file is untouched.
inline void replace_file(const std::filesystem::path& path, std::span<const unsigned char> bytes,
                         std::string_view where) {
    const std::filesystem::path temporary = temporary_path(path);
    std::error_code error(write_new_file(temporary, bytes), std::generic_category());
    if (!error) std::filesystem::rename(temporary, path, error);
    if (error) {
        std::error_code ignored;
        std::filesystem::remove(temporary, ignored);
        EIGENGRU_THROW(FormatError, where, ": the file cannot be written (", error.message(), ")");
    }
    flush_folder_to_disk(path.parent_path());
}

/// A whole regular file; devices, pipes and folders are refused, since reading them may never end.
/// Throws: FormatError that begins with `where`.
[[nodiscard]] inline std::vector<unsigned char> read_whole_file(const std::filesystem::path& path,
                                                                std::string_view where) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) EIGENGRU_THROW(FormatError, where, ": the file does not exist");
    if (!std::filesystem::is_regular_file(status)) EIGENGRU_THROW(FormatError, where, ": expected a regular file");
    std::ifstream file(path, std::ios::binary);
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!file || error) EIGENGRU_THROW(FormatError, where, ": the file cannot be opened");
    std::vector<unsigned char> bytes(static_cast<std::size_t>(size));
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (file.gcount() != static_cast<std::streamsize>(bytes.size()))
        EIGENGRU_THROW(FormatError, where, ": expected ", size, " bytes, only ", file.gcount(), " can be read");
    return bytes;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
