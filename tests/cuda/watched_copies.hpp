// SPDX-License-Identifier: MIT
// The copies between host and device that the library asks for while it runs on the fake.
#pragma once

#include "eigengru/cuda/functions.hpp"

#include <cstddef>
#include <vector>

namespace eigengru_test {

/// Puts a table in force that notes each copy and passes it on. One at a time, on one thread.
class WatchedCopies {
public:
    WatchedCopies() : table_(eigengru::detail::cuda_functions()), scope_(table_) {
        pass_on() = table_.cudaMemcpyAsync;
        noted().clear();
        table_.cudaMemcpyAsync = [](void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                                    cudaStream_t stream) {
            noted().push_back({kind, bytes});
            return pass_on()(to, from, bytes, kind, stream);
        };
    }

    /// The bytes of each copy of a kind since the last clear().
    [[nodiscard]] std::vector<std::size_t> bytes(cudaMemcpyKind kind) const {
        std::vector<std::size_t> list;
        for (const Copy& copy : noted())
            if (copy.kind == kind) list.push_back(copy.bytes);
        return list;
    }
    void clear() { noted().clear(); }

private:
    struct Copy {
        cudaMemcpyKind kind;
        std::size_t bytes;
    };

    static std::vector<Copy>& noted() {
        static std::vector<Copy> list;
        return list;
    }
    static decltype(eigengru::detail::CudaFunctions::cudaMemcpyAsync)& pass_on() {
        static decltype(eigengru::detail::CudaFunctions::cudaMemcpyAsync) function = nullptr;
        return function;
    }

    eigengru::detail::CudaFunctions table_;
    eigengru::detail::ScopedCudaFunctions scope_;
};

}  // namespace eigengru_test
