// SPDX-License-Identifier: MIT
// Memory on the device, and pinned memory of the host that the device reads and writes by itself.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/cuda/status.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::detail {

enum class CudaMemoryKind : unsigned char { device, pinned };

/// Owns a block that grows and never shrinks. Move-only.
template <CudaMemoryKind Kind>
class CudaMemory {
public:
    CudaMemory() = default;
    CudaMemory(CudaMemory&& other) noexcept
        : functions_(other.functions_),
          data_(std::exchange(other.data_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)) {}
    CudaMemory& operator=(CudaMemory&& other) noexcept {
        std::swap(functions_, other.functions_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~CudaMemory() { release(); }

    /// Makes room, with undefined contents where it had to grow. Throws: BackendError, and it is empty.
    void reserve(const CudaFunctions& f, std::size_t bytes) {
        if (bytes <= bytes_) return;
        release();
        void* data = nullptr;
        if constexpr (Kind == CudaMemoryKind::device)
            check_status(f, "cudaMalloc", f.cudaMalloc(&data, bytes));
        else
            check_status(f, "cudaMallocHost", f.cudaMallocHost(&data, bytes));
        functions_ = &f;
        data_ = data;
        bytes_ = bytes;
    }

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data_);
    }

private:
    void release() {
        void* data = std::exchange(data_, nullptr);
        bytes_ = 0;
        if (data == nullptr) return;
        if constexpr (Kind == CudaMemoryKind::device)
            static_cast<void>(functions_->cudaFree(data));
        else
            static_cast<void>(functions_->cudaFreeHost(data));
    }

    const CudaFunctions* functions_ = nullptr;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

using DeviceMemory = CudaMemory<CudaMemoryKind::device>;
using PinnedMemory = CudaMemory<CudaMemoryKind::pinned>;

/// The bytes of that many scalars.
template <class S>
[[nodiscard]] std::size_t bytes_of(Index count) {
    return static_cast<std::size_t>(count) * sizeof(S);
}

/// Copies scalars between a pinned block and the device, in a stream. Throws: BackendError.
template <class S>
void copy_async(const CudaFunctions& f, cudaStream_t stream, S* to, const S* from, Index count, cudaMemcpyKind kind) {
    check_status(f, "cudaMemcpyAsync", f.cudaMemcpyAsync(to, from, bytes_of<S>(count), kind, stream));
}

/// Sets bytes on the device to zero, in a stream. Throws: BackendError.
inline void clear_async(const CudaFunctions& f, cudaStream_t stream, void* to, std::size_t bytes) {
    check_status(f, "cudaMemsetAsync", f.cudaMemsetAsync(to, 0, bytes, stream));
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
