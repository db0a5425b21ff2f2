// SPDX-License-Identifier: MIT
// A GRU written straight against the table of CUDA and cuDNN functions, as a program without this library would be: what
// the tests of the fake do right, and what they then do wrong on purpose. Every member may be changed by a test.
#pragma once

#include "eigengru/cuda/functions.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <vector>

namespace eigengru_test {

/// What a program asks of cuDNN.
struct RawOptions {
    int time = 4;
    int batch = 3;
    int features = 2;
    int units = 5;
    std::vector<int> lengths = {};  ///< all of `time` when empty
    cudnnRNNAlgo_t algorithm = CUDNN_RNN_ALGO_STANDARD;
    cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
};

/// Device pointers are numbers: never computed with as pointers.
inline void* at_byte(const void* start, std::size_t bytes) {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(start) + bytes);
}

template <class S>
struct RawGru {
    explicit RawGru(const RawOptions& raw_options) : o(raw_options) {
        f.cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        f.cudnnCreate(&handle);
        f.cudnnSetStream(handle, stream);
        if (o.lengths.empty()) o.lengths.assign(static_cast<std::size_t>(o.batch), o.time);
        describe();
        f.cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes);
        f.cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_data, &workspace_bytes, &reserve_bytes);
        x = memory(x_size()), dx = memory(x_size()), y = memory(y_size()), dy = memory(y_size());
        for (void** block : {&hx, &hy, &dhy, &dhx}) *block = memory(h_size());
        for (void** space : {&weights, &d_weights}) f.cudaMalloc(space, weight_bytes);
        f.cudaMalloc(&workspace, workspace_bytes);
        f.cudaMalloc(&reserve, reserve_bytes);
        fill(x, x_size(), 1), fill(hx, h_size(), 2), fill(dy, y_size(), 3), fill(dhy, h_size(), 4);
        f.cudaMemsetAsync(d_weights, 0, weight_bytes, stream);
        set_weights(random(weight_count(), 5));
    }
    RawGru(const RawGru&) = delete;
    RawGru& operator=(const RawGru&) = delete;
    ~RawGru() {
        for (void* block : {x, dx, y, dy, hx, hy, dhy, dhx, weights, d_weights, workspace, reserve}) f.cudaFree(block);
        for (const cudnnTensorDescriptor_t tensor : {state, matrix, bias}) f.cudnnDestroyTensorDescriptor(tensor);
        f.cudnnDestroyRNNDataDescriptor(x_data);
        f.cudnnDestroyRNNDataDescriptor(y_data);
        f.cudnnDestroyRNNDescriptor(rnn);
        f.cudnnDestroyDropoutDescriptor(dropout);
        f.cudnnDestroy(handle);
        f.cudaStreamDestroy(stream);
    }

    [[nodiscard]] std::size_t x_size() const { return size(o.time * o.batch * o.features); }
    [[nodiscard]] std::size_t y_size() const { return size(o.time * o.batch * o.units); }
    [[nodiscard]] std::size_t h_size() const { return size(o.batch * o.units); }
    [[nodiscard]] std::size_t weight_count() const { return size(3 * o.units * (o.features + o.units + 2)); }

    cudnnStatus_t forward(cudnnForwardMode_t mode = CUDNN_FWD_MODE_TRAINING) {
        return f.cudnnRNNForward(handle, rnn, mode, nullptr, x_data, x, y_data, y, state, hx, hy, nullptr, nullptr,
                                 nullptr, weight_bytes, weights, workspace_bytes, workspace, reserve_bytes, reserve);
    }
    cudnnStatus_t backward_data() {
        return f.cudnnRNNBackwardData_v8(handle, rnn, nullptr, y_data, y, dy, x_data, dx, state, hx, dhy, dhx, nullptr,
                                         nullptr, nullptr, nullptr, weight_bytes, weights, workspace_bytes, workspace,
                                         reserve_bytes, reserve);
    }
    cudnnStatus_t backward_weights() {
        return f.cudnnRNNBackwardWeights_v8(handle, rnn, CUDNN_WGRAD_MODE_ADD, nullptr, x_data, x, state, hx, y_data, y,
                                            weight_bytes, d_weights, workspace_bytes, workspace, reserve_bytes,
                                            reserve);
    }

    [[nodiscard]] static std::vector<S> random(std::size_t count, unsigned seed) {
        std::mt19937 generator(seed);
        std::uniform_real_distribution<S> uniform(-1, 1);
        std::vector<S> values(count);
        for (S& value : values) value = uniform(generator);
        return values;
    }
    void put(void* to, const std::vector<S>& values) {
        f.cudaMemcpyAsync(to, values.data(), values.size() * sizeof(S), cudaMemcpyHostToDevice, stream);
    }
    [[nodiscard]] std::vector<S> get(const void* from, std::size_t count) {
        std::vector<S> values(count);
        f.cudaMemcpyAsync(values.data(), from, count * sizeof(S), cudaMemcpyDeviceToHost, stream);
        f.cudaStreamSynchronize(stream);
        return values;
    }
    void fill(void* to, std::size_t count, unsigned seed) { put(to, random(count, seed)); }

    /// The weights one block after the other: W and b_W of r, z, n, then R and b_R of them.
    void set_weights(const std::vector<S>& values) {
        f.cudaMemsetAsync(weights, 0, weight_bytes, stream);
        each_block(weights, [&, next = std::size_t{0}](void* block, std::size_t count) mutable {
            put(block, {values.begin() + offset(next), values.begin() + offset(next + count)});
            next += count;
        });
    }
    [[nodiscard]] std::vector<S> get_weights(const void* space) {
        std::vector<S> values;
        each_block(space, [&](void* block, std::size_t count) {
            for (const S value : get(block, count)) values.push_back(value);
        });
        return values;
    }

    const eigengru::detail::CudaFunctions& f = eigengru::detail::cuda_functions();
    RawOptions o;
    cudaStream_t stream = nullptr;
    cudnnHandle_t handle = nullptr;
    cudnnDropoutDescriptor_t dropout = nullptr;
    cudnnRNNDescriptor_t rnn = nullptr;
    cudnnRNNDataDescriptor_t x_data = nullptr, y_data = nullptr;
    cudnnTensorDescriptor_t state = nullptr, matrix = nullptr, bias = nullptr;
    std::size_t weight_bytes = 0, workspace_bytes = 0, reserve_bytes = 0;
    void *x = nullptr, *dx = nullptr, *y = nullptr, *dy = nullptr;
    void *hx = nullptr, *hy = nullptr, *dhy = nullptr, *dhx = nullptr;
    void *weights = nullptr, *d_weights = nullptr, *workspace = nullptr, *reserve = nullptr;

private:
    static constexpr cudnnDataType_t kType = sizeof(S) == sizeof(double) ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;

    [[nodiscard]] static std::size_t size(int count) { return static_cast<std::size_t>(count); }
    [[nodiscard]] static std::ptrdiff_t offset(std::size_t count) { return static_cast<std::ptrdiff_t>(count); }

    [[nodiscard]] void* memory(std::size_t count) {
        void* block = nullptr;
        f.cudaMalloc(&block, count * sizeof(S));
        return block;
    }

    void describe() {
        f.cudnnCreateDropoutDescriptor(&dropout);
        f.cudnnSetDropoutDescriptor(dropout, handle, 0, nullptr, 0, 0);
        f.cudnnCreateRNNDescriptor(&rnn);
        f.cudnnSetRNNDescriptor_v8(rnn, o.algorithm, CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL,
                                   CUDNN_LINEAR_INPUT, kType, kType, CUDNN_FMA_MATH, o.features, o.units, o.units, 1,
                                   dropout, CUDNN_RNN_PADDED_IO_ENABLED);
        for (auto [data, width] : {std::pair(&x_data, o.features), std::pair(&y_data, o.units)}) {
            f.cudnnCreateRNNDataDescriptor(data);
            f.cudnnSetRNNDataDescriptor(*data, kType, o.layout, o.time, o.batch, width, o.lengths.data(), nullptr);
        }
        for (cudnnTensorDescriptor_t* tensor : {&state, &matrix, &bias}) f.cudnnCreateTensorDescriptor(tensor);
        const std::array<int, 3> dims{1, o.batch, o.units}, strides{o.batch * o.units, o.units, 1};
        f.cudnnSetTensorNdDescriptor(state, kType, 3, dims.data(), strides.data());
    }

    template <class Visit>
    void each_block(const void* space, Visit visit) {
        for (int layer = 0; layer < 6; ++layer) {
            void *matrix_at = nullptr, *bias_at = nullptr;
            f.cudnnGetRNNWeightParams(handle, rnn, 0, weight_bytes, space, layer, matrix, &matrix_at, bias, &bias_at);
            visit(matrix_at, size(o.units * (layer < 3 ? o.features : o.units)));
            visit(bias_at, size(o.units));
        }
    }
};

}  // namespace eigengru_test
