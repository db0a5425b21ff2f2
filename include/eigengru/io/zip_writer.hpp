// SPDX-License-Identifier: MIT
// write_zip: a zip archive in memory, its members stored, as Keras writes a .keras file.
#pragma once

#include "eigengru/io/file.hpp"

#include <zip.h>

#include <ctime>
#include <memory>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The names and contents of an archive, in their order.
using ZipMembers = std::vector<std::pair<std::string, Bytes>>;

/// What an archive has left in a source. Throws: FormatError.
[[nodiscard]] inline Bytes written_to(zip_source_t* source, const Where& where) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    Bytes bytes;
    if (zip_source_stat(source, &stat) == 0) bytes.resize(static_cast<std::size_t>(stat.size));
    const bool is_open = !bytes.empty() && zip_source_open(source) == 0;
    const bool is_read =
        is_open && zip_source_read(source, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size());
    if (is_open) zip_source_close(source);
    if (!is_read) where.fail("an archive cannot be made (its bytes cannot be read)");
    return bytes;
}

/// An archive with these members, which bear the date 2000-01-02: the same members give the same bytes.
/// Throws: FormatError when libzip has no memory.
[[nodiscard]] inline Bytes write_zip(const ZipMembers& members, const Where& where) {
    struct FreeSource {
        void operator()(zip_source_t* source) const { zip_source_free(source); }
    };
    constexpr std::time_t date = 946771200;
    zip_error_t error;
    zip_error_init(&error);
    const std::unique_ptr<zip_source_t, FreeSource> content(zip_source_buffer_create(nullptr, 0, 0, &error));
    zip_t* archive = content ? zip_open_from_source(content.get(), ZIP_TRUNCATE, &error) : nullptr;
    if (archive == nullptr) where.fail("an archive cannot be made (", zip_error_strerror(&error), ")");
    zip_source_keep(content.get());  // the archive takes one, and leaves one for reading
    const auto check = [&](bool is_good) {
        if (is_good) return;
        const std::string reason = zip_strerror(archive);
        zip_discard(archive);
        where.fail("an archive cannot be made (", reason, ")");
    };
    for (const auto& [name, bytes] : members) {
        zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
        check(source != nullptr);
        const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) zip_source_free(source);
        check(index >= 0);
        const auto at = static_cast<zip_uint64_t>(index);
        check(zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) == 0 &&
              zip_file_set_mtime(archive, at, date, 0) == 0);
    }
    check(zip_close(archive) == 0);
    return written_to(content.get(), where);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
