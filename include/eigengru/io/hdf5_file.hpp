// SPDX-License-Identifier: MIT
// Hdf5File: the data sets of an HDF5 file in memory, addressed by path. Reads what Keras writes and little more.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/hdf5_handle.hpp"
#include "eigengru/io/hdf5_layout.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The types of numbers that Keras stores weights in.
enum class StoredType { float16, bfloat16, float32, float64 };

/// A data set of rank 1 or 2, its size and type checked, ready to be read.
class Hdf5Dataset {
public:
    /// Throws: FormatError for anything but plain numbers that stand in this file.
    Hdf5Dataset(detail::Hdf5Handle dataset, std::uint64_t file_bytes, Where where)
        : dataset_(std::move(dataset)), where_(std::move(where)), file_bytes_(file_bytes) {
        const detail::QuietHdf5 quiet;
        check_storage();
        read_type();
        read_shape();
    }

    /// One or two sizes, each at least 1.
    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    [[nodiscard]] StoredType type() const { return type_; }
    [[nodiscard]] const Where& where() const { return where_; }

    /// The values, a vector as one row. Throws: FormatError when they cannot be read.
    template <RealScalar S>
    [[nodiscard]] RowMatrix<S> read() const {
        const detail::QuietHdf5 quiet;
        const Index rows = shape_.size() == 1 ? 1 : shape_.front();
        RowMatrix<S> values(rows, shape_.back());
        if (type_ == StoredType::bfloat16) {
            read_bfloat16(values);
        } else {
            read_into(std::same_as<S, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, values.data());
        }
        return values;
    }

private:
    /// The numbers must stand in this file in one piece, as Keras writes them. The library would follow the other kinds
    /// into other files, or into filters loaded from anywhere, and version 1.10 reads beyond damaged chunks.
    void check_storage() const {
        const detail::Hdf5Handle list(H5Dget_create_plist(dataset_.id()), &H5Pclose);
        if (!list) damaged("storage");
        if (H5Pget_layout(list.id()) != H5D_CONTIGUOUS)
            where_.fail("expected numbers in one piece, received chunks, or a compact or virtual data set");
        if (H5Pget_external_count(list.id()) != 0) where_.fail("expected numbers in this file, received external ones");
    }

    void read_type() {
        const detail::Hdf5Handle type(H5Dget_type(dataset_.id()), &H5Tclose);
        if (!type) damaged("type");
        type_bytes_ = H5Tget_size(type.id());
        if (const std::optional<StoredType> known = stored_type(type.id())) {
            type_ = *known;
            return;
        }
        where_.fail("expected float16, bfloat16, float32 or float64, received another type of ", type_bytes_, " bytes");
    }

    /// NumPy has no bfloat16, so Keras stores two opaque bytes for each, and says so in an attribute. Its reading could
    /// crash the library in a damaged file; nothing else that Keras writes has that type, so the type is enough.
    [[nodiscard]] static std::optional<StoredType> stored_type(hid_t type) {
        if (H5Tget_class(type) == H5T_OPAQUE && H5Tget_size(type) == 2) return StoredType::bfloat16;
        const auto is = [type](hid_t known) { return H5Tequal(type, known) > 0; };
        if (is(H5T_IEEE_F32LE) || is(H5T_IEEE_F32BE)) return StoredType::float32;
        if (is(H5T_IEEE_F64LE) || is(H5T_IEEE_F64BE)) return StoredType::float64;
        if (is(half(H5T_IEEE_F32LE).id()) || is(half(H5T_IEEE_F32BE).id())) return StoredType::float16;
        return std::nullopt;
    }

    /// IEEE half, made of single in the same byte order: sign at bit 15, 5 bits of exponent, 10 of mantissa.
    [[nodiscard]] static detail::Hdf5Handle half(hid_t single) {
        detail::Hdf5Handle type(H5Tcopy(single), &H5Tclose);
        H5Tset_fields(type.id(), 15, 10, 5, 0, 10);
        H5Tset_size(type.id(), 2);
        H5Tset_ebias(type.id(), 15);
        return type;
    }

    void read_shape() {
        const detail::Hdf5Handle space(H5Dget_space(dataset_.id()), &H5Sclose);
        const int rank = space ? H5Sget_simple_extent_ndims(space.id()) : -1;
        if (rank < 0) damaged("shape");
        if (rank < 1 || rank > 2) where_.fail("expected a vector or a matrix, received rank ", rank);
        std::array<hsize_t, 2> sizes{};
        if (H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr) != rank) damaged("shape");
        const std::span<const hsize_t> used = std::span(sizes).first(static_cast<std::size_t>(rank));
        const std::uint64_t elements = product(used);
        if (elements == 0) where_.fail("expected at least one number, received none");
        check_size(elements);
        for (const hsize_t size : used) shape_.push_back(static_cast<Index>(size));
    }

    /// Nothing is allocated for a data set that claims more than the file can hold.
    void check_size(std::uint64_t elements) const {
        const std::uint64_t stored = H5Dget_storage_size(dataset_.id());
        if (stored > file_bytes_ || elements > stored / type_bytes_)
            where_.fail("is damaged: ", elements, " numbers of ", type_bytes_, " bytes cannot stand in ", stored,
                        " bytes of a file of ", file_bytes_);
    }

    /// Saturates: a product that overflows is larger than any file.
    [[nodiscard]] static std::uint64_t product(std::span<const hsize_t> sizes) {
        std::uint64_t result = 1;
        for (const hsize_t size : sizes) {
            if (size != 0 && result > std::numeric_limits<std::uint64_t>::max() / size)
                return std::numeric_limits<std::uint64_t>::max();
            result *= size;
        }
        return result;
    }

    void read_into(hid_t memory_type, void* values) const {
        if (H5Dread(dataset_.id(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) damaged("values");
    }

    /// A bfloat16 is the upper half of a float; the low byte comes first.
    template <RealScalar S>
    void read_bfloat16(RowMatrix<S>& values) const {
        Bytes bytes(2 * static_cast<std::size_t>(values.size()));
        const detail::Hdf5Handle type(H5Dget_type(dataset_.id()), &H5Tclose);
        if (!type) damaged("type");
        read_into(type.id(), bytes.data());
        for (Index i = 0; i < values.size(); ++i) {
            const auto at = 2 * static_cast<std::size_t>(i);
            const std::uint32_t upper = bytes[at] | (std::uint32_t{bytes[at + 1]} << 8U);
            values.data()[i] = static_cast<S>(std::bit_cast<float>(upper << 16U));
        }
    }

    [[noreturn]] void damaged(std::string_view what) const { where_.fail("is damaged: its ", what, " cannot be read"); }

    detail::Hdf5Handle dataset_;
    Where where_;
    std::uint64_t file_bytes_;
    std::uint64_t type_bytes_ = 0;
    StoredType type_ = StoredType::float32;
    std::vector<Index> shape_;
};

/// An HDF5 file that has been read into memory. The HDF5 library sees the bytes alone, never the disk.
///
///     const Hdf5File file(bytes, where);
///     const RowMatrix<float> kernel = file.dataset("layers/gru/cell/vars/0").read<float>();
///
/// Only hard links are followed; attributes are never read. As safe from several threads as the HDF5 library is
/// (Debian's has a lock of its own). After some damage in a bare .h5 file the library of version 1.10 loses a few
/// hundred bytes of its own, and says so ("infinite loop closing library") when the program ends.
class Hdf5File {
public:
    /// Throws: FormatError when the bytes are no HDF5 file.
    Hdf5File(Bytes bytes, Where where) : where_(std::move(where)), bytes_(bytes.size()) {
        detail::Hdf5LayoutCheck(bytes, where_).run();
        const detail::QuietHdf5 quiet;
        detail::Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), &H5Pclose);
        constexpr std::size_t increment = 1 << 16;
        const bool is_ready = access && H5Pset_fapl_core(access.id(), increment, false) >= 0 &&
                              H5Pset_file_image(access.id(), bytes.data(), bytes.size()) >= 0;
        if (!is_ready) where_.fail("the HDF5 library cannot read from memory");
        bytes = {};
        file_ = detail::Hdf5Handle(H5Fopen(unique_name().c_str(), H5F_ACC_RDONLY, access.id()), &H5Fclose);
        if (!file_) where_.fail("expected an HDF5 file, as Keras saves one, or it is damaged");
    }

    /// Whether a path leads to something through hard links. Throws: FormatError for other links, and damage.
    [[nodiscard]] bool has(const std::string& path) const {
        const detail::QuietHdf5 quiet;
        for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
            const std::string part = path.substr(0, end);
            const htri_t exists = H5Lexists(file_.id(), part.c_str(), H5P_DEFAULT);
            if (exists < 0) where_.in(part).fail("is damaged: the link cannot be read");
            if (exists == 0) return false;
            check_link(part);
            if (end == std::string::npos) return true;
        }
    }

    /// Throws: FormatError when the path leads to no data set, or to one that Hdf5Dataset refuses.
    [[nodiscard]] Hdf5Dataset dataset(const std::string& path) const {
        if (!has(path)) where_.fail("the file has no data set \"", path, "\"");
        const detail::QuietHdf5 quiet;
        detail::Hdf5Handle dataset(H5Dopen2(file_.id(), path.c_str(), H5P_DEFAULT), &H5Dclose);
        if (!dataset) where_.in(path).fail("expected a data set, or it is damaged");
        return {std::move(dataset), bytes_, where_.in(path)};
    }

    [[nodiscard]] const Where& where() const { return where_; }

private:
    void check_link(const std::string& path) const {
        H5L_info_t info;
        if (H5Lget_info(file_.id(), path.c_str(), &info, H5P_DEFAULT) < 0)
            where_.in(path).fail("is damaged: the link cannot be read");
        if (info.type != H5L_TYPE_HARD) where_.in(path).fail("expected a hard link, received a soft or external one");
    }

    /// The library takes two open files of one name for the same file, even in memory.
    [[nodiscard]] static std::string unique_name() {
        static std::atomic<std::uint64_t> count = 0;
        return eigengru::detail::text("eigengru in memory ", count.fetch_add(1));
    }

    Where where_;
    std::uint64_t bytes_;
    detail::Hdf5Handle file_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
