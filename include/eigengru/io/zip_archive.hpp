// SPDX-License-Identifier: MIT
// ZipArchive: the members of a .keras file, read with libzip.
#pragma once

#include "eigengru/io/file.hpp"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::io {

/// Deflate never makes more than 1032 bytes out of one; a member that claims more is no honest one. Weights hardly
/// shrink: above 16 MiB a member must not be more than 16 times as large as it is when compressed.
inline constexpr std::uint64_t kMostDeflation = 1032;
inline constexpr std::uint64_t kMostInflation = 16;
inline constexpr std::uint64_t kFreelyInflatedBytes = std::uint64_t{1} << 24;

/// A zip archive on disk, open for reading. Members may be stored (as Keras writes them) or deflated.
///
///     const ZipArchive archive("model.keras", where);
///     const Bytes config = archive.read("config.json", 1 << 20);
///
/// A member is checked against its CRC before it is returned, so damage inside one is always found.
class ZipArchive {
public:
    /// Throws: FormatError when there is no such file, or it is no zip archive.
    ZipArchive(const std::filesystem::path& path, Where where)
        : where_(std::move(where)), bytes_(detail::file_size(path, where_)) {
        int code = 0;
        archive_.reset(zip_open(path.string().c_str(), ZIP_RDONLY, &code));
        if (archive_) return;
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const std::string reason = zip_error_strerror(&error);
        zip_error_fini(&error);
        where_.fail("expected a zip archive, as Keras saves one (", reason, ")");
    }

    [[nodiscard]] bool has(const std::string& name) const {
        return zip_name_locate(archive_.get(), name.c_str(), 0) >= 0;
    }

    /// A whole member of at most `limit` bytes. Throws: FormatError when it is missing, damaged or too large.
    [[nodiscard]] Bytes read(const std::string& name, std::uint64_t limit = kMostFileBytes) const {
        const Where where = where_.in(name);
        if (!has(name)) where_.fail("the archive has no member \"", name, "\"");
        Bytes bytes(checked_size(name, limit, where));
        const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(archive_.get(), name.c_str(), 0));
        if (!file) where.fail("cannot be opened (", zip_strerror(archive_.get()), ")");
        std::size_t at = 0;
        while (at < bytes.size()) {
            const zip_int64_t count = zip_fread(file.get(), bytes.data() + at, bytes.size() - at);
            if (count <= 0) where.fail("is damaged (", reason(file.get(), count), ")");
            at += static_cast<std::size_t>(count);
        }
        unsigned char beyond = 0;  // reading on to the end is what makes libzip compare the CRC
        const zip_int64_t count = zip_fread(file.get(), &beyond, 1);
        if (count != 0) where.fail("is damaged (", reason(file.get(), count), ")");
        return bytes;
    }

private:
    struct CloseArchive {
        void operator()(zip_t* archive) const { zip_discard(archive); }
    };
    struct CloseFile {
        void operator()(zip_file_t* file) const { zip_fclose(file); }
    };

    [[nodiscard]] std::size_t checked_size(const std::string& name, std::uint64_t limit, const Where& where) const {
        zip_stat_t stat;
        zip_stat_init(&stat);
        constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
        if (zip_stat(archive_.get(), name.c_str(), 0, &stat) != 0 || (stat.valid & needed) != needed)
            where.fail("is damaged (its size is unknown)");
        if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
            where.fail("expected to be stored or deflated, received compression method ", stat.comp_method);
        if (stat.size > limit) where.fail("expected at most ", limit, " bytes, received ", stat.size);
        const std::uint64_t inflation = stat.comp_method == ZIP_CM_STORE ? 1 : kMostDeflation;
        if (stat.comp_size > bytes_ || stat.size > stat.comp_size * inflation)
            where.fail("is damaged (", stat.size, " bytes cannot come out of ", stat.comp_size, " in an archive of ",
                       bytes_, ")");
        if (stat.size > std::max(kFreelyInflatedBytes, stat.comp_size * kMostInflation))
            where.fail("expected at most ", kMostInflation, " times its compressed size of ", stat.comp_size,
                       " bytes, received ", stat.size);
        return static_cast<std::size_t>(stat.size);
    }

    [[nodiscard]] static std::string_view reason(zip_file_t* file, zip_int64_t count) {
        if (count > 0) return "longer than its header says";
        return count == 0 ? "shorter than its header says" : zip_file_strerror(file);
    }

    Where where_;
    std::uint64_t bytes_;
    std::unique_ptr<zip_t, CloseArchive> archive_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
