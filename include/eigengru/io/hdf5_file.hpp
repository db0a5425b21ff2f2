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

/// Whether a path, from its position `from` on, leads from an object to something through hard links, as the library
/// sees it. Throws: FormatError for other links, and damage.
[[nodiscard]] inline bool library_has(const Hdf5Handle& object, const std::string& path, std::size_t from,
                                      const Where& where) {
    const QuietHdf5 quiet;
    for (std::size_t end = path.find('/', from);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(from, end == std::string::npos ? end : end - from);
        const htri_t exists = H5Lexists(object.id(), part.c_str(), H5P_DEFAULT);
        if (exists == 0) return false;
        const Where here = where.in(path.substr(0, end));
        H5L_info_t info;
        if (exists < 0 || H5Lget_info(object.id(), part.c_str(), &info, H5P_DEFAULT) < 0)
            here.fail("is damaged: the link cannot be read");
        if (info.type != H5L_TYPE_HARD) here.fail("expected a hard link, received a soft or external one");
        if (end == std::string::npos) return true;
    }
}

/// The names in a group, none when it is something else.
[[nodiscard]] inline std::vector<std::string> library_names(const Hdf5Handle& group) {
    const QuietHdf5 quiet;
    std::vector<std::string> names;
    H5G_info_t info;
    if (H5Iget_type(group.id()) != H5I_GROUP || H5Gget_info(group.id(), &info) < 0) return names;
    for (hsize_t i = 0; i < std::min<hsize_t>(info.nlinks, kMostHdf5Parts); ++i) {
        const auto name = [&](char* text, std::size_t size) {
            return H5Lget_name_by_idx(group.id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, text, size, H5P_DEFAULT);
        };
        names.emplace_back(static_cast<std::size_t>(std::max<ssize_t>(name(nullptr, 0), 0)), '\0');
        static_cast<void>(name(names.back().data(), names.back().size() + 1));
    }
    return names;
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
/// groups and attributes are read here. Objects of the newer forms of HDF5, which have checksums, are the library's, and
/// their attributes are never read. Cheap to copy, as safe from several threads as the HDF5 library is (Debian's has a
/// lock of its own).
class Hdf5File {
public:
    /// Throws: FormatError when the bytes are no HDF5 file, or its structure is damaged.
    Hdf5File(Bytes bytes, Where where)
        : content_(std::make_shared<const detail::Hdf5Content>(std::move(bytes), std::move(where))) {}

    /// Whether a path leads to something through hard links. Throws: FormatError for other links, and damage.
    [[nodiscard]] bool has(const std::string& path) const { return find(path).object != nullptr; }

    /// Throws: FormatError when the path leads to no data set, or to one that Hdf5Dataset refuses.
    [[nodiscard]] Hdf5Dataset dataset(const std::string& path) const {
        const Spot spot = find(path);
        if (spot.object == nullptr) where().fail("the file has no data set \"", path, "\"");
        const Where here = where().in(path);
        if (!spot.object->is_newer) detail::Hdf5DatasetCheck(numbers(here)).run(*spot.object);
        return {open(spot, path), bytes(), here};
    }

    /// The names in a group, none when it is missing.
    [[nodiscard]] std::vector<std::string> names(const std::string& path) const {
        const Spot spot = find(path);
        if (spot.object == nullptr) return {};
        if (spot.object->is_newer) return detail::library_names(open(spot, path));
        std::vector<std::string> names;
        for (const auto& [name, target] : spot.object->links) names.push_back(name);
        return names;
    }

    /// The strings of an attribute of a group ("" for the file itself), nothing when it is missing.
    /// Throws: FormatError, for more than `limit` bytes too, and in a group of a newer form.
    [[nodiscard]] std::optional<std::vector<std::string>> strings(const std::string& path, std::string_view attribute,
                                                                  std::uint64_t limit) const {
        const Spot spot = find(path);
        if (spot.object == nullptr) return std::nullopt;
        const Where here = path.empty() ? where() : where().in(path);
        if (spot.object->is_newer) {
            detail::refuse_library_attribute(open(spot, path), std::string(attribute), here);
            return std::nullopt;
        }
        const detail::Hdf5Numbers numbers = this->numbers(here);
        for (const detail::Hdf5Message& message : spot.object->messages) {
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
    [[nodiscard]] detail::Hdf5Numbers numbers(const Where& where) const {
        return detail::Hdf5Numbers(content_->bytes, where).first(content_->structure.size());
    }

    /// How far a path leads through groups of the original form: to its end, or to an object of the newer form, where
    /// the rest of the path begins `from`. No object when there is nothing of that path.
    struct Spot {
        const detail::Hdf5Object* object = nullptr;
        std::size_t from = 0;
    };

    /// Throws: FormatError for links that are not hard, and damage.
    [[nodiscard]] Spot find(const std::string& path) const {
        Spot spot{&content_->structure.root()};
        while (spot.from < path.size() && !spot.object->is_newer) {
            if (spot.object->find(detail::Hdf5Message::kLinkInfo) != nullptr)  // with no checksum for the library
                where().fail("expected the group before \"", path.substr(spot.from), "\" as Keras writes it, ",
                             "received a newer form of HDF5; ", detail::kHdf5Advice);
            const std::size_t end = std::min(path.find('/', spot.from), path.size());
            const auto link = spot.object->links.find(std::string_view(path).substr(spot.from, end - spot.from));
            if (link == spot.object->links.end()) return {};
            if (!link->second)
                where().in(path.substr(0, end)).fail("expected a hard link, received a soft or external one");
            spot = {&content_->structure.object(*link->second), end + 1};
        }
        if (spot.from < path.size() && !detail::library_has(open(*spot.object), path, spot.from, where())) return {};
        return spot;
    }

    /// By its address: the library does not walk through groups that were walked through here.
    [[nodiscard]] detail::Hdf5Handle open(const detail::Hdf5Object& object) const {
        const detail::QuietHdf5 quiet;
        return {H5Oopen_by_addr(content_->file.id(), object.address), &H5Oclose};
    }

    [[nodiscard]] detail::Hdf5Handle open(const Spot& spot, const std::string& path) const {
        detail::Hdf5Handle object = open(*spot.object);
        if (spot.from >= path.size()) return object;
        const detail::QuietHdf5 quiet;
        return {H5Oopen(object.id(), path.c_str() + spot.from, H5P_DEFAULT), &H5Oclose};
    }

    std::shared_ptr<const detail::Hdf5Content> content_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
