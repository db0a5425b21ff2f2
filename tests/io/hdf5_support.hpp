// SPDX-License-Identifier: MIT
// A scratch HDF5 file that a test writes with the library, and what is read of it.
#pragma once

#include "eigengru/io/hdf5_file.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {

class Hdf5ScratchTest : public testing::Test {
protected:
    [[nodiscard]] eigengru::io::Hdf5File open() const { return {bytes_of(path_), Where("f")}; }

    template <class S = double>
    [[nodiscard]] eigengru::RowMatrix<S> read(const std::string& name = "x") const {
        return open().dataset(name).read<S>();
    }

    [[nodiscard]] std::string refusal(const std::string& name = "x") const {
        return format_error_of([&] { (void)read(name); });
    }

    ScratchFolder folder_;
    std::filesystem::path path_ = folder_ / "a.h5";
};

}  // namespace eigengru_test
