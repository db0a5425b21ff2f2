// SPDX-License-Identifier: MIT
// What every reader of files shares: where an error happened, in words, and a whole file in memory, size checked first.
#pragma once

#include "eigengru/core/durable_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The largest file, and the largest member of an archive, that is read: 2 GiB.
inline constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 31;

/// The most layers of a model in a file.
inline constexpr std::size_t kMostLayers = 1000;

using Bytes = std::vector<unsigned char>;

/// Where an error happened, from the function inwards: `io::load_model: model.keras: layer "gru"`.
class Where {
public:
    explicit Where(std::string text) : text_(std::move(text)) {}

    /// The same, one step further in.
    template <class... Parts>
    [[nodiscard]] Where in(const Parts&... parts) const {
        return Where(eigengru::detail::text(text_, ": ", parts...));
    }

    /// Throws: FormatError, always.
    template <class... Parts>
    [[noreturn]] void fail(const Parts&... parts) const {
        EIGENGRU_THROW(FormatError, text_, ": ", parts...);
    }

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

namespace detail {

/// What `make` returns; an error that an option or a shape raises in it becomes a FormatError that begins with `where`.
template <class Make>
auto in_file(const Where& where, const Make& make) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
        return make();
    } catch (const std::invalid_argument& error) {
        where.fail(error.what());
    }
#else
    static_cast<void>(where);
    return make();
#endif
}

/// The size of a regular file; devices, pipes and directories are refused, since reading them may never end.
/// Throws: FormatError, also for an empty file and one above kMostFileBytes.
inline std::uint64_t file_size(const std::filesystem::path& path, const Where& where) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) where.fail("the file does not exist");
    if (std::filesystem::is_directory(status)) where.fail("expected a file, received a directory");
    if (!std::filesystem::is_regular_file(status)) where.fail("expected a regular file");
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) where.fail("the file cannot be read (", error.message(), ")");
    if (size == 0) where.fail("the file is empty");
    if (size > kMostFileBytes) where.fail("expected at most ", kMostFileBytes, " bytes, the file has ", size);
    return size;
}

/// A whole file. Throws: FormatError.
inline Bytes read_file(const std::filesystem::path& path, const Where& where) {
    static_cast<void>(file_size(path, where));
    return eigengru::detail::read_whole_file(path, where.text());
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
