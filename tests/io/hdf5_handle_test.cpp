// SPDX-License-Identifier: MIT
#include "eigengru/io/hdf5_handle.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace {

using eigengru::io::detail::Hdf5Handle;
using eigengru::io::detail::QuietHdf5;

static_assert(!std::is_copy_constructible_v<Hdf5Handle> && !std::is_copy_assignable_v<Hdf5Handle>);
static_assert(std::is_nothrow_move_constructible_v<Hdf5Handle> && std::is_nothrow_move_assignable_v<Hdf5Handle>);

bool is_open(hid_t id) {
    return H5Iis_valid(id) > 0;
}

TEST(Hdf5Handle, ClosesWhatItHolds) {
    hid_t id = -1;
    {
        const Hdf5Handle handle(H5Tcopy(H5T_NATIVE_INT), &H5Tclose);
        id = handle.id();
        EXPECT_TRUE(handle && is_open(id));
    }
    EXPECT_FALSE(is_open(id));
}

TEST(Hdf5Handle, IsFalseForAnError) {
    EXPECT_FALSE(Hdf5Handle(-1, &H5Tclose));
    EXPECT_FALSE(Hdf5Handle());
}

TEST(Hdf5Handle, MovesWithoutClosing) {
    Hdf5Handle first(H5Tcopy(H5T_NATIVE_INT), &H5Tclose);
    const hid_t id = first.id();
    Hdf5Handle second(std::move(first));
    EXPECT_TRUE(is_open(id));
    Hdf5Handle third;
    third = std::move(second);
    EXPECT_EQ(third.id(), id);
    EXPECT_TRUE(is_open(id));
}

TEST(QuietHdf5, IsAsBeforeWhenItEnds) {
    H5E_auto2_t before = nullptr;
    H5E_auto2_t within = nullptr;
    H5E_auto2_t after = nullptr;
    void* data = nullptr;
    H5Eget_auto2(H5E_DEFAULT, &before, &data);
    {
        const QuietHdf5 quiet;
        H5Eget_auto2(H5E_DEFAULT, &within, &data);
    }
    H5Eget_auto2(H5E_DEFAULT, &after, &data);
    EXPECT_EQ(within, nullptr);
    EXPECT_EQ(after, before);
}

}  // namespace
