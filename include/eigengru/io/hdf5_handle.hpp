// SPDX-License-Identifier: MIT
// Handles of the HDF5 C library that close themselves, silence while it is called, and files in memory.
#pragma once

#include "eigengru/io/file.hpp"

#include <hdf5.h>

#include <atomic>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The library prints its errors unless told not to; this keeps it quiet in a scope, and then as it was before.
class QuietHdf5 {
public:
    QuietHdf5() {
        H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    ~QuietHdf5() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
    QuietHdf5(const QuietHdf5&) = delete;
    QuietHdf5& operator=(const QuietHdf5&) = delete;
    QuietHdf5(QuietHdf5&&) = delete;
    QuietHdf5& operator=(QuietHdf5&&) = delete;

private:
    H5E_auto2_t print_ = nullptr;
    void* data_ = nullptr;
};

/// What the library gave out, and the function that takes it back. Move-only; false when it gave out an error.
class Hdf5Handle {
public:
    using Close = herr_t (*)(hid_t);

    Hdf5Handle() = default;
    Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
    ~Hdf5Handle() {
        if (id_ < 0) return;
        const QuietHdf5 quiet;
        close_(id_);
    }
    Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
        return *this;
    }
    Hdf5Handle(const Hdf5Handle&) = delete;
    Hdf5Handle& operator=(const Hdf5Handle&) = delete;

    explicit operator bool() const { return id_ >= 0; }
    [[nodiscard]] hid_t id() const { return id_; }

private:
    hid_t id_ = -1;
    Close close_ = nullptr;
};

/// The property list that makes a file one in memory, never on the disk; false when there is none.
[[nodiscard]] inline Hdf5Handle memory_access() {
    constexpr std::size_t increment = 1 << 16;
    Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), &H5Pclose);
    if (access && H5Pset_fapl_core(access.id(), increment, false) < 0) return {};
    return access;
}

/// The library takes two open files of one name for the same file, even in memory.
[[nodiscard]] inline std::string unique_memory_name() {
    static std::atomic<std::uint64_t> count = 0;
    return eigengru::detail::text("eigengru in memory ", count.fetch_add(1));
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
