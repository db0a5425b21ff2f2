// SPDX-License-Identifier: MIT
// Hdf5File: the data sets of an HDF5 file in memory, addressed by path. Reads what Keras writes and little more.
#pragma once

#include "eigengru/io/hdf5_dataset.hpp"
#include "eigengru/io/hdf5_strings.hpp"

#include <algorithm>
#include <memory>

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// The bytes of a file, what stands where, and the file as the library has opened it.
struct Hdf5Content {
    /// Throws: FormatError; the library sees no file whose structure is damaged.
    Hdf5Content(Bytes content, Where place)
        : bytes(std::move(content)), where(std::move(place)), numbers(bytes, where), structure(numbers) {
        const QuietHdf5 quiet;
        const Hdf5Handle access = memory_access();
        if (!access || H5Pset_file_image(access.id(), bytes.data(), bytes.size()) < 0)
            where.fail("the HDF5 library cannot read from memory");
        file = Hdf5Handle(H5Fopen(unique_memory_name().c_str(), H5F_ACC_RDONLY, access.id()), &H5Fclose);
        if (!file) where.fail("expected an HDF5 file, as Keras saves one, or it is damaged");
    }
    Hdf5Content(const Hdf5Content&) = delete;
    Hdf5Content& operator=(const Hdf5Content&) = delete;

    Bytes bytes;
    Where where;
    Hdf5Numbers numbers;
    Hdf5Structure structure;
    Hdf5Handle file;
};

inline constexpr std::string_view kHdf5Advice =
    "h5py writes that form with libver=\"earliest\" and without track_order";

/// The address that a hard link in a group leads to, as the library sees it; nothing when there is none of that name.
/// Throws: FormatError for other links, and damage.
[[nodiscard]] inline std::optional<std::uint64_t> library_link(const Hdf5Handle& group, const std::string& name,
                                                               const Where& where) {
    const QuietHdf5 quiet;
    const htri_t exists = H5Lexists(group.id(), name.c_str(), H5P_DEFAULT);
    if (exists == 0) return std::nullopt;
    H5L_info_t info;
    if (exists < 0 || H5Lget_info(group.id(), name.c_str(), &info, H5P_DEFAULT) < 0)
        where.fail("is damaged: the link cannot be read");
    if (info.type != H5L_TYPE_HARD) where.fail("expected a hard link, received a soft or external one");
#if H5_VERSION_GE(1, 12, 0)
    haddr_t address = HADDR_UNDEF;
    if (H5VLnative_token_to_addr(group.id(), info.u.token, &address) < 0)
        where.fail("is damaged: the link cannot be read");
    return address;
#else
    return info.u.address;
#endif
}

/// Attributes are not read by the library, which can crash on strings of any length in a damaged file.
/// Throws: FormatError when there is one of that name.
inline void refuse_library_attribute(const Hdf5Handle& object, const std::string& attribute, const Where& where) {
    const QuietHdf5 quiet;
    const htri_t exists = H5Aexists(object.id(), attribute.c_str());
    if (exists == 0) return;
    if (exists < 0) where.fail("is damaged: its attributes cannot be read");
    where.fail("attribute \"", attribute, "\" expected in the form of HDF5 that Keras writes, received a newer one; ",
               kHdf5Advice);
}

}  // namespace detail

/// An HDF5 file that has been read into memory. The HDF5 library sees the bytes alone, never the disk.
///
///     const Hdf5File file(bytes, where);
///     const RowMatrix<float> kernel = file.dataset("layers/gru/cell/vars/0").read<float>();
///
/// Only hard links are followed. Of files as Keras writes them the library opens data sets, which were checked before;
/// groups and attributes are read here. Objects of the newer forms of HDF5, which have checksums, are the library's:
/// their attributes are never read, and after damage in them the library of version 1.10 loses a few hundred bytes of
/// its own and says so ("infinite loop closing library") when the program ends. Cheap to copy, as safe from several
/// threads as the HDF5 library is (Debian's has a lock of its own).
class Hdf5File {
public:
    /// Throws: FormatError when the bytes are no HDF5 file, or its structure is damaged.
    Hdf5File(Bytes bytes, Where where)
        : content_(std::make_shared<const detail::Hdf5Content>(std::move(bytes), std::move(where))) {}

    /// Whether a path leads to something through hard links. Throws: FormatError for other links, and damage.
    [[nodiscard]] bool has(const std::string& path) const { return find(path) != nullptr; }

    /// Throws: FormatError when the path leads to no data set, or to one that Hdf5Dataset refuses.
    [[nodiscard]] Hdf5Dataset dataset(const std::string& path) const {
        const ObjectPointer object = find(path);
        if (object == nullptr) where().fail("the file has no data set \"", path, "\"");
        const Where here = where().in(path);
        if (!object->is_newer) detail::Hdf5DatasetCheck(numbers(here)).run(*object);
        return {open(*object), bytes(), here};
    }

    /// The strings of an attribute of a group ("" for the file itself), nothing when it is missing.
    /// Throws: FormatError, for more than `limit` bytes too, and in a group of a newer form.
    [[nodiscard]] std::optional<std::vector<std::string>> strings(const std::string& path, std::string_view attribute,
                                                                  std::uint64_t limit) const {
        const ObjectPointer object = find(path);
        if (object == nullptr) return std::nullopt;
        const Where here = path.empty() ? where() : where().in(path);
        if (object->is_newer) {
            detail::refuse_library_attribute(open(*object), std::string(attribute), here);
            return std::nullopt;
        }
        const detail::Hdf5Numbers numbers = this->numbers(here);
        for (const detail::Hdf5Message& message : object->messages) {
            if (message.type != detail::Hdf5Message::kAttribute) continue;
            const detail::Hdf5Attribute parsed = detail::parse_attribute(numbers, message);
            if (parsed.name == attribute) return detail::strings_of(numbers, parsed, limit);
        }
        return std::nullopt;
    }

    [[nodiscard]] const Where& where() const { return content_->where; }

    /// The size of the file.
    [[nodiscard]] std::uint64_t bytes() const { return content_->bytes.size(); }

private:
    using ObjectPointer = std::shared_ptr<const detail::Hdf5Object>;

    [[nodiscard]] detail::Hdf5Numbers numbers(const Where& where) const { return content_->structure.numbers(where); }

    /// What a path leads to, nullptr when there is nothing. The library is asked where the links of newer groups lead,
    /// and what it finds there is checked as the rest was. Throws: FormatError for links that are not hard, and damage.
    [[nodiscard]] ObjectPointer find(const std::string& path) const {
        std::shared_ptr<const detail::Hdf5Structure> structure(content_, &content_->structure);
        const detail::Hdf5Object* object = &structure->root();
        for (std::size_t from = 0; from < path.size();) {
            const std::size_t end = std::min(path.find('/', from), path.size());
            const std::string name = path.substr(from, end - from);
            const Where here = where().in(path.substr(0, end));
            if (object->is_newer) {
                const auto address = detail::library_link(open(*object), name, here);
                if (!address) return nullptr;
                structure = std::make_shared<const detail::Hdf5Structure>(numbers(where()), *address);
                object = &structure->root();
            } else {
                const auto link = object->links.find(name);
                if (object->find(detail::Hdf5Message::kLinkInfo) != nullptr)  // a newer group without its checksum
                    here.fail("expected a link as Keras writes it, received a newer form of HDF5; ",
                              detail::kHdf5Advice);
                if (link == object->links.end()) return nullptr;
                if (!link->second) here.fail("expected a hard link, received a soft or external one");
                object = &structure->object(*link->second);
            }
            from = end + 1;
        }
        return {std::move(structure), object};
    }

    /// By its address: the library does not walk through groups that were walked through here.
    [[nodiscard]] detail::Hdf5Handle open(const detail::Hdf5Object& object) const {
        const detail::QuietHdf5 quiet;
        return {H5Oopen_by_addr(content_->file.id(), object.address), &H5Oclose};
    }

    std::shared_ptr<const detail::Hdf5Content> content_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
