// SPDX-License-Identifier: MIT
// Whether there is a device and a cuDNN to run on, in words.
#pragma once

#include "eigengru/cuda/status.hpp"
#include "eigengru/sequence/backend_rules.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// "13.0" of 13000: the runtime and the driver count like that.
[[nodiscard]] inline std::string cuda_version_text(int version) {
    return text(version / 1000, ".", version % 1000 / 10);
}

/// The condition "device". No device is an answer, not a failure: nothing has been asked of it yet.
[[nodiscard]] inline BackendRule device_condition(const CudaFunctions& f) {
    int count = 0, driver = 0;
    const cudaError_t counted = f.cudaGetDeviceCount(&count);
    if (counted != cudaSuccess)
        return {"device", false, text("there is none: ", failure_text(f, "cudaGetDeviceCount", counted))};
    if (count < 1) return {"device", false, "there is none"};
    const cudaError_t asked = f.cudaDriverGetVersion(&driver);
    if (asked != cudaSuccess)
        return {"device", false, text("has no driver: ", failure_text(f, "cudaDriverGetVersion", asked))};
    return {"device", true, text("there is one, with a driver for CUDA ", cuda_version_text(driver))};
}

[[nodiscard]] inline bool is_device_there(const CudaFunctions& f) {
    int count = 0, driver = 0;
    if (f.cudaGetDeviceCount(&count) == cudaSuccess && f.cudaDriverGetVersion(&driver) == cudaSuccess) return count > 0;
    static_cast<void>(f.cudaGetLastError());
    return false;
}

/// The first number of the version of the library at hand.
[[nodiscard]] inline std::size_t cudnn_major(const CudaFunctions& f) {
    const std::size_t version = f.cudnnGetVersion();
    return version / (version < 90000 ? 1000 : 10000);  // it counts otherwise since version 9
}

/// The condition "cuDNN": the headers of this build and the library at hand must be of one kind.
[[nodiscard]] inline BackendRule cudnn_condition(const CudaFunctions& f) {
    const std::size_t version = f.cudnnGetVersion();
    const std::size_t major = cudnn_major(f), unit = version < 90000 ? 1000 : 10000;
    return {"cuDNN", major == CUDNN_MAJOR,
            text("must be version ", CUDNN_MAJOR, ", is ", major, ".", version % unit / 100, ".", version % 100)};
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
