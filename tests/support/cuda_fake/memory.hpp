// SPDX-License-Identifier: MIT
// The memory of the fake GPU: blocks of device memory at addresses of their own, and pinned host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

namespace eigengru_test::cuda_fake {

/// Device pointers are made-up numbers far above every address of the process: host code that follows one crashes.
/// None is given out twice, so that a pointer to freed memory is always found out.
class Memory {
public:
    void* allocate_device(std::size_t bytes);
    void* allocate_pinned(std::size_t bytes);
    /// False when it is not the start of a living block.
    bool free_device(void* address);
    bool free_pinned(void* address);

    /// The bytes behind a device pointer; empty span and false when not all of them lie in one living block.
    struct Range {
        std::span<unsigned char> bytes = {};
        std::span<unsigned char> is_written = {};  ///< one flag a byte
        bool exists = false;
    };
    [[nodiscard]] Range device(const void* address, std::size_t bytes) const;

    /// Whether it is a number that device pointers have, living or not.
    [[nodiscard]] static bool looks_like_device(const void* address);
    /// Whether an address is in pinned memory, and whether all of the bytes are.
    [[nodiscard]] bool is_pinned(const void* address) const;
    [[nodiscard]] bool is_pinned(const void* address, std::size_t bytes) const;

    [[nodiscard]] std::size_t device_blocks() const { return device_.size(); }
    [[nodiscard]] std::size_t device_bytes() const { return device_bytes_; }
    [[nodiscard]] std::size_t pinned_blocks() const { return pinned_.size(); }

private:
    struct Block {
        std::size_t size = 0;
        std::unique_ptr<unsigned char[]> bytes = {};
        std::unique_ptr<unsigned char[]> is_written = {};
    };

    std::map<std::uintptr_t, Block> device_;
    std::map<std::uintptr_t, Block> pinned_;
    std::uintptr_t next_ = 0;
    std::size_t device_bytes_ = 0;
};

/// Fills with the pattern that is NaN in float and double.
void poison(std::span<unsigned char> bytes);

}  // namespace eigengru_test::cuda_fake
