// SPDX-License-Identifier: MIT
// The kernels of eigengru::cudnn_device: linked, and on a device the same bytes as their twins on the host, always.
#include "eigengru/cuda/memory.hpp"
#include "eigengru/cuda/row_move.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace {

using namespace eigengru::detail;

constexpr std::int64_t kBatch = 5, kTime = 7, kWords = 33;
constexpr std::size_t kSize = kBatch * kTime * kWords;

using Words = std::vector<std::uint32_t>;

TEST(DeviceKernels, AreLinked) {
    EXPECT_NE(cuda_functions().gather_rows, nullptr);
    EXPECT_NE(cuda_functions().scatter_rows, nullptr);
}

/// The movement with its memory on the device. `to` is copied back.
void run_on_device(RowMove move, bool is_gather, const std::vector<unsigned char>& mask, const Words& from, Words& to) {
    const CudaFunctions& f = cuda_functions();
    DeviceMemory mask_memory, from_memory, to_memory;
    mask_memory.reserve(f, mask.size());
    from_memory.reserve(f, 4 * from.size());
    to_memory.reserve(f, 4 * to.size());
    check_status(f, "copy",
                 f.cudaMemcpyAsync(mask_memory.data(), mask.data(), mask.size(), cudaMemcpyHostToDevice, nullptr));
    check_status(f, "copy",
                 f.cudaMemcpyAsync(from_memory.data(), from.data(), 4 * from.size(), cudaMemcpyHostToDevice, nullptr));
    move.mask = mask_memory.as<const unsigned char>();
    move.from = from_memory.as<const std::uint32_t>();
    move.to = to_memory.as<std::uint32_t>();
    check_status(f, "launch", is_gather ? f.gather_rows(move, nullptr) : f.scatter_rows(move, nullptr));
    check_status(f, "copy",
                 f.cudaMemcpyAsync(to.data(), to_memory.data(), 4 * to.size(), cudaMemcpyDeviceToHost, nullptr));
    check_status(f, "wait", f.cudaStreamSynchronize(nullptr));
}

TEST(GpuDeviceKernels, AreTheirTwinsBitForBitEveryTime) {
    int devices = 0;
    if (cuda_functions().cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) GTEST_SKIP() << "no CUDA device";
    std::vector<unsigned char> mask;
    for (std::int64_t i = 0; i < kBatch * kTime; ++i) mask.push_back(i < kTime ? 0 : i * 7 % 3 != 0 ? 1 : 0);
    Words from(kSize);
    for (std::size_t i = 0; i < kSize; ++i) from[i] = static_cast<std::uint32_t>(i * 2654435761U + 1);
    for (const bool is_gather : {true, false}) {
        RowMove move{.batch = kBatch, .time = kTime, .row_bytes = 4 * kWords, .go_backwards = true};
        Words expected(kSize);
        RowMove twin = move;
        twin.mask = mask.data();
        twin.from = from.data();
        twin.to = expected.data();
        for (std::int64_t row = 0; row < kBatch; ++row)
            is_gather ? move_gathered_row(twin, {row, 0, 1}) : move_scattered_row(twin, {row, 0, 1});
        for (int repeat = 0; repeat < 100; ++repeat) {
            Words received(kSize, 7);
            run_on_device(move, is_gather, mask, from, received);
            ASSERT_EQ(received, expected) << repeat;
        }
    }
}

}  // namespace
