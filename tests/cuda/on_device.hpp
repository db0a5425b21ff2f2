// SPDX-License-Identifier: MIT
// Memory of the device for tests, with values to and from the host.
#pragma once

#include "eigengru/cuda/device_gru.hpp"

#include <vector>

namespace eigengru_test {

/// Memory of the device with a copy of what is on the host.
template <class T>
class OnDevice {
public:
    explicit OnDevice(eigengru::Index size) : size_(size) {
        memory_.reserve(functions_, eigengru::detail::bytes_of<T>(size));
    }
    OnDevice(cudaStream_t stream, const T* from, eigengru::Index size) : OnDevice(size) {
        const auto bytes = eigengru::detail::bytes_of<T>(size);
        functions_.cudaMemcpyAsync(memory_.data(), from, bytes, cudaMemcpyHostToDevice, stream);
        functions_.cudaStreamSynchronize(stream);
    }
    [[nodiscard]] std::vector<T> fetch(cudaStream_t stream) const {
        std::vector<T> values(static_cast<std::size_t>(size_));
        const auto bytes = eigengru::detail::bytes_of<T>(size_);
        functions_.cudaMemcpyAsync(values.data(), memory_.data(), bytes, cudaMemcpyDeviceToHost, stream);
        functions_.cudaStreamSynchronize(stream);
        return values;
    }
    [[nodiscard]] eigengru::DeviceSpan<T> span() const { return {memory_.as<T>(), size_}; }
    [[nodiscard]] eigengru::DeviceSpan<const T> view() const { return {memory_.as<const T>(), size_}; }

private:
    eigengru::Index size_;
    const eigengru::detail::CudaFunctions& functions_ = eigengru::detail::cuda_functions();
    eigengru::detail::DeviceMemory memory_;
};

}  // namespace eigengru_test
