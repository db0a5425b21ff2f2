// SPDX-License-Identifier: MIT
// Hdf5Dataset: the numbers of a data set that the HDF5 library has opened.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/hdf5_handle.hpp"
#include "eigengru/io/hdf5_messages.hpp"

#include <array>
#include <bit>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The types of numbers that Keras stores weights in.
enum class StoredType { float16, bfloat16, float32, float64 };

/// A data set of rank 1 or 2, its size and type checked, ready to be read. It may outlive its file.
class Hdf5Dataset {
public:
    /// Throws: FormatError for anything but plain numbers that stand in this file.
    Hdf5Dataset(detail::Hdf5Handle dataset, std::uint64_t file_bytes, Where where)
        : dataset_(std::move(dataset)), where_(std::move(where)), file_bytes_(file_bytes) {
        const detail::QuietHdf5 quiet;
        if (!dataset_ || H5Iget_type(dataset_.id()) != H5I_DATASET)
            where_.fail("expected a data set, or it is damaged");
        check_storage();
        read_type();
        read_shape();
    }

    /// One or two sizes, each at least 1.
    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    [[nodiscard]] StoredType type() const { return type_; }
    [[nodiscard]] const Where& where() const { return where_; }

    /// How many bytes of the file the numbers take.
    [[nodiscard]] std::uint64_t bytes() const { return elements_ * type_bytes_; }

    /// The values, a vector as one row. Throws: FormatError when they cannot be read.
    template <RealScalar S>
    [[nodiscard]] RowMatrix<S> read() const {
        const detail::QuietHdf5 quiet;
        RowMatrix<S> values(shape_.size() == 1 ? 1 : shape_.front(), shape_.back());
        if (type_ == StoredType::bfloat16)
            read_bfloat16(values);
        else
            read_into(std::same_as<S, float> ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, values.data());
        return values;
    }

private:
    /// The numbers must stand in this file in one piece, as Keras writes them. The library would follow the other kinds
    /// into other files, or into filters loaded from anywhere, and version 1.10 reads beyond damaged chunks.
    void check_storage() const {
        const detail::Hdf5Handle list(H5Dget_create_plist(dataset_.id()), &H5Pclose);
        if (!list) damaged("storage");
        if (H5Pget_layout(list.id()) != H5D_CONTIGUOUS) detail::refuse_storage(where_);
        if (H5Pget_external_count(list.id()) != 0) detail::refuse_external(where_);
    }

    void read_type() {
        const detail::Hdf5Handle type(H5Dget_type(dataset_.id()), &H5Tclose);
        if (!type) damaged("type");
        type_bytes_ = H5Tget_size(type.id());
        const std::optional<StoredType> known = stored_type(type.id());
        if (!known) detail::refuse_type(where_, type_bytes_);
        type_ = *known;
    }

    /// NumPy has no bfloat16, so Keras stores two opaque bytes for each, and says so in an attribute. Nothing else that
    /// it writes has that type, so the type is enough.
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
        std::array<hsize_t, 2> known{};
        if (H5Sget_simple_extent_dims(space.id(), known.data(), nullptr) != rank) damaged("shape");
        const std::vector<std::uint64_t> sizes(known.begin(), known.begin() + rank);
        elements_ = detail::product_of(sizes);
        if (elements_ == 0) where_.fail("expected at least one number, received none");
        detail::check_place(where_, elements_, type_bytes_, H5Dget_storage_size(dataset_.id()), file_bytes_);
        for (const std::uint64_t size : sizes) shape_.push_back(static_cast<Index>(size));
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
    std::uint64_t elements_ = 0;
    StoredType type_ = StoredType::float32;
    std::vector<Index> shape_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
