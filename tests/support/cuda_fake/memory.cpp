// SPDX-License-Identifier: MIT
#include "support/cuda_fake/memory.hpp"

#include <algorithm>

namespace eigengru_test::cuda_fake {
namespace {

// No process has memory here: above what systems map, and on most processors no address at all.
constexpr std::uintptr_t kDeviceBase = 0x00f0'0000'0000'0000;
constexpr std::uintptr_t kDeviceEnd = 0x00f8'0000'0000'0000;
constexpr std::uintptr_t kAlignment = 256;  // as cudaMalloc's
constexpr unsigned char kPoison = 0xff;

std::uintptr_t number_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

/// The block that an address lies in, and its start.
template <class Blocks>
auto block_of(Blocks& blocks, std::uintptr_t address) {
    auto after = blocks.upper_bound(address);
    if (after == blocks.begin()) return blocks.end();
    const auto found = std::prev(after);
    return address < found->first + std::max<std::size_t>(found->second.size, 1) ? found : blocks.end();
}

std::unique_ptr<unsigned char[]> poisoned(std::size_t bytes) {
    auto memory = std::make_unique<unsigned char[]>(bytes);
    poison({memory.get(), bytes});
    return memory;
}

}  // namespace

void poison(std::span<unsigned char> bytes) {
    std::fill(bytes.begin(), bytes.end(), kPoison);
}

void* Memory::allocate_device(std::size_t bytes) {
    if (next_ == 0) next_ = kDeviceBase;
    const std::uintptr_t address = next_;
    next_ += (bytes / kAlignment + 2) * kAlignment;  // a gap after each block
    device_[address] = {bytes, poisoned(bytes), std::make_unique<unsigned char[]>(bytes)};
    device_bytes_ += bytes;
    return reinterpret_cast<void*>(address);
}

void* Memory::allocate_pinned(std::size_t bytes) {
    auto memory = poisoned(std::max<std::size_t>(bytes, 1));
    void* address = memory.get();
    pinned_[number_of(address)] = {bytes, std::move(memory), nullptr};
    return address;
}

bool Memory::free_device(void* address) {
    const auto found = device_.find(number_of(address));
    if (found == device_.end()) return false;
    device_bytes_ -= found->second.size;
    device_.erase(found);
    return true;
}

bool Memory::free_pinned(void* address) {
    return pinned_.erase(number_of(address)) == 1;
}

Memory::Range Memory::device(const void* address, std::size_t bytes) const {
    const auto found = block_of(device_, number_of(address));
    if (found == device_.end()) return {};
    const std::size_t offset = number_of(address) - found->first;
    const Block& block = found->second;
    if (bytes > block.size - offset) return {};
    return {{block.bytes.get() + offset, bytes}, {block.is_written.get() + offset, bytes}, true};
}

bool Memory::looks_like_device(const void* address) {
    return number_of(address) >= kDeviceBase && number_of(address) < kDeviceEnd;
}

bool Memory::is_pinned(const void* address) const {
    return block_of(pinned_, number_of(address)) != pinned_.end();
}

bool Memory::is_pinned(const void* address, std::size_t bytes) const {
    const auto found = block_of(pinned_, number_of(address));
    return found != pinned_.end() && bytes <= found->second.size - (number_of(address) - found->first);
}

}  // namespace eigengru_test::cuda_fake
