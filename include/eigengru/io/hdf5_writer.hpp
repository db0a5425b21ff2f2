// SPDX-License-Identifier: MIT
// Hdf5Writer: data sets of floating numbers as an HDF5 file in memory, in the original form, which Keras writes too.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/hdf5_handle.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io {

/// Collects data sets by path, then gives the file:
///
///     Hdf5Writer writer;
///     writer.add("layers/gru/cell/vars/0", {3, 18}, std::span<const float>(kernel));
///     const Bytes file = writer.bytes();
///
/// The same calls give the same bytes.
class Hdf5Writer {
public:
    /// Throws: FormatError, as all of these, when the HDF5 library refuses.
    Hdf5Writer() {
        const detail::QuietHdf5 quiet;
        const detail::Hdf5Handle access = detail::memory_access();
        const bool is_ready = access && links_ && sets_ && H5Pset_create_intermediate_group(links_.id(), 1) >= 0 &&
                              H5Pset_obj_track_times(sets_.id(), false) >= 0 &&
                              H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST) >= 0;
        if (!is_ready) fail("has no memory");
        const std::string name = detail::unique_memory_name();
        file_ = detail::Hdf5Handle(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()), &H5Fclose);
        if (!file_) fail("cannot make a file in memory");
    }

    /// Makes a group, and those that lead to it, where they are missing.
    void add_group(std::string_view path) {
        const detail::QuietHdf5 quiet;
        const std::string name = eigengru::detail::text("/", path);
        if (detail::Hdf5Handle(H5Gopen2(file_.id(), name.c_str(), H5P_DEFAULT), &H5Gclose)) return;
        if (!detail::Hdf5Handle(H5Gcreate2(file_.id(), name.c_str(), links_.id(), H5P_DEFAULT, H5P_DEFAULT), &H5Gclose))
            fail("cannot make the group ", path);
    }

    /// The values of a vector or a matrix, row by row. The path must be new.
    template <RealScalar S>
    void add(std::string_view path, const std::vector<Index>& shape, std::span<const S> values) {
        const detail::QuietHdf5 quiet;
        constexpr bool is_single = std::same_as<S, float>;
        const std::string name(path);
        const std::vector<hsize_t> sizes(shape.begin(), shape.end());
        const detail::Hdf5Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                                       &H5Sclose);
        const detail::Hdf5Handle set(H5Dcreate2(file_.id(), name.c_str(), is_single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE,
                                                space.id(), links_.id(), sets_.id(), H5P_DEFAULT),
                                     &H5Dclose);
        const hid_t type = is_single ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
        if (!set || H5Dwrite(set.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
            fail("cannot write the data set ", path);
    }

    /// The whole file.
    [[nodiscard]] Bytes bytes() const {
        const detail::QuietHdf5 quiet;
        const ssize_t size = H5Fflush(file_.id(), H5F_SCOPE_LOCAL) < 0 ? -1 : H5Fget_file_image(file_.id(), nullptr, 0);
        Bytes bytes(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        if (size <= 0 || H5Fget_file_image(file_.id(), bytes.data(), bytes.size()) != size)
            fail("cannot give the file");
        return bytes;
    }

private:
    template <class... Parts>
    [[noreturn]] static void fail(const Parts&... parts) {
        EIGENGRU_THROW(FormatError, "io::Hdf5Writer: the HDF5 library ", parts...);
    }

    detail::Hdf5Handle links_{H5Pcreate(H5P_LINK_CREATE), &H5Pclose};
    detail::Hdf5Handle sets_{H5Pcreate(H5P_DATASET_CREATE), &H5Pclose};
    detail::Hdf5Handle file_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
