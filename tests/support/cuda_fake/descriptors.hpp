// SPDX-License-Identifier: MIT
// cuDNN's objects as the fake keeps them: what was set in each descriptor, and nothing else.
#pragma once

#include <cudnn.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace eigengru_test::cuda_fake {

struct Handle {
    cudaStream_t stream = nullptr;
};

struct DropoutDescriptor {
    bool is_set = false;
    float rate = 0;
};

struct TensorDescriptor {
    bool is_set = false;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    std::vector<int> dims = {};
    std::vector<int> strides = {};

    bool operator==(const TensorDescriptor&) const = default;
};

/// Everything that cudnnSetRNNDescriptor_v8 takes.
struct RnnSettings {
    cudnnRNNAlgo_t algorithm = CUDNN_RNN_ALGO_STANDARD;
    cudnnRNNMode_t cell = CUDNN_GRU;
    cudnnRNNBiasMode_t bias = CUDNN_RNN_DOUBLE_BIAS;
    cudnnDirectionMode_t direction = CUDNN_UNIDIRECTIONAL;
    cudnnRNNInputMode_t input = CUDNN_LINEAR_INPUT;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnDataType_t precision = CUDNN_DATA_FLOAT;
    cudnnMathType_t math = CUDNN_DEFAULT_MATH;
    int features = 0;
    int units = 0;
    int projection = 0;
    int layers = 0;
    cudnnDropoutDescriptor_t dropout = nullptr;
    unsigned flags = 0;

    bool operator==(const RnnSettings&) const = default;
};

struct RnnDescriptor {
    bool is_set = false;
    RnnSettings settings = {};
    std::set<int> built_batches = {};  ///< by cudnnBuildRNNDynamic
};

struct DataDescriptor {
    bool is_set = false;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
    int time = 0;
    int batch = 0;
    int size = 0;
    std::vector<int> lengths = {};

    bool operator==(const DataDescriptor&) const = default;

    [[nodiscard]] bool is_uniform() const;
    [[nodiscard]] std::size_t element_bytes() const;
    [[nodiscard]] std::size_t elements() const;
    /// Where the vector of a row and step begins, in elements.
    [[nodiscard]] std::size_t offset(int step, int row) const;
};

[[nodiscard]] std::size_t bytes_of(cudnnDataType_t type);

/// A handle that never was one before: a number where no memory is.
template <class Opaque>
[[nodiscard]] Opaque next_handle() {
    static std::uintptr_t next = 0x00e0'0000'0000'0000;
    next += 64;
    return reinterpret_cast<Opaque>(next);
}

/// The objects of one kind that are alive.
template <class Opaque, class Object>
class Registry {
public:
    Opaque create() {
        const auto handle = next_handle<Opaque>();
        objects_[handle] = std::make_unique<Object>();
        return handle;
    }
    bool destroy(Opaque handle) { return objects_.erase(handle) == 1; }
    /// Null for a handle that is none.
    [[nodiscard]] Object* find(Opaque handle) const {
        const auto found = objects_.find(handle);
        return found == objects_.end() ? nullptr : found->second.get();
    }
    [[nodiscard]] std::size_t size() const { return objects_.size(); }

private:
    std::map<Opaque, std::unique_ptr<Object>> objects_;
};

struct Descriptors {
    Registry<cudnnHandle_t, Handle> handles = {};
    Registry<cudnnDropoutDescriptor_t, DropoutDescriptor> dropouts = {};
    Registry<cudnnTensorDescriptor_t, TensorDescriptor> tensors = {};
    Registry<cudnnRNNDescriptor_t, RnnDescriptor> rnns = {};
    Registry<cudnnRNNDataDescriptor_t, DataDescriptor> data = {};
};

}  // namespace eigengru_test::cuda_fake
