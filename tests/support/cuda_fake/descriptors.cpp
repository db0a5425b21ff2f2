// SPDX-License-Identifier: MIT
// The functions for handles and descriptors. What they refuse is what cuDNN 9 was seen to refuse: cuda_fake_test.cpp
// compares their answers with the real library's, which needs no GPU for them.
#include "support/cuda_fake/descriptors.hpp"

#include "support/cuda_fake/cudnn.hpp"
#include "support/cuda_fake/state.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace eigengru_test::cuda_fake {

std::size_t bytes_of(cudnnDataType_t type) {
    return type == CUDNN_DATA_DOUBLE ? sizeof(double) : sizeof(float);
}

bool DataDescriptor::is_uniform() const {
    return std::all_of(lengths.begin(), lengths.end(), [&](int length) { return length == time; });
}

std::size_t DataDescriptor::element_bytes() const {
    return bytes_of(type);
}

std::size_t DataDescriptor::elements() const {
    const int vectors = layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED
                            ? std::accumulate(lengths.begin(), lengths.end(), 0)
                            : time * batch;
    return static_cast<std::size_t>(vectors) * static_cast<std::size_t>(size);
}

std::size_t DataDescriptor::offset(int step, int row) const {
    int vectors = row;
    if (layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED) {
        vectors = row * time + step;
    } else if (layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED) {
        vectors += step * batch;
    } else {  // before the step stand the rows that have the steps before it
        for (const int length : lengths) vectors += std::min(length, step);
    }
    return static_cast<std::size_t>(vectors) * static_cast<std::size_t>(size);
}

namespace body {
namespace {

/// What a program gets wrong, and what cuDNN does not do.
void bad_param(bool holds, const char* why) {
    require(holds, CUDNN_STATUS_BAD_PARAM, why);
}
void supported(bool holds, const char* why) {
    support(holds, CUDNN_STATUS_NOT_SUPPORTED, why);
}

template <class Opaque>
cudnnStatus_t create(auto& registry, Opaque* handle) {
    bad_param(handle != nullptr, "a null pointer");
    *handle = registry.create();
    return CUDNN_STATUS_SUCCESS;
}

template <class Opaque>
cudnnStatus_t destroy(auto& registry, Opaque handle) {
    if (handle != nullptr) bad_param(registry.destroy(handle), "destroys what is not alive");
    return CUDNN_STATUS_SUCCESS;
}

bool is_known(cudnnDataType_t type) {
    return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_DOUBLE;
}

bool is_persistent(cudnnRNNAlgo_t algorithm) {
    return algorithm != CUDNN_RNN_ALGO_STANDARD;
}

void check_rnn(const RnnSettings& s) {
    bad_param(s.algorithm >= CUDNN_RNN_ALGO_STANDARD && s.algorithm < CUDNN_RNN_ALGO_COUNT, "no such algorithm");
    bad_param(s.features > 0 && s.units > 0 && s.layers > 0, "sizes must be positive");
    bad_param(s.projection > 0, "projSize must be positive");
    bad_param((s.flags & ~CUDNN_RNN_PADDED_IO_ENABLED) == 0, "unknown auxFlags");
    supported(s.projection == s.units, "projSize must be hiddenSize for a GRU");
    supported(is_known(s.type) && s.precision == s.type, "computes in the type of its data only");
    const bool keeps_weights =
        s.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC || s.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H;
    supported(s.type != CUDNN_DATA_DOUBLE || !keeps_weights, "this algorithm has no double");
    supported(s.bias == CUDNN_RNN_DOUBLE_BIAS || !is_persistent(s.algorithm), "persistent algorithms need both biases");
}

void check_data(const DataDescriptor& d, const int* lengths) {
    bad_param(
        d.layout >= CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED && d.layout <= CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED,
        "no such layout");
    bad_param(d.time > 0 && d.batch > 0 && d.size > 0, "sizes must be positive");
    bad_param(lengths != nullptr, "seqLengthArray is null");
    supported(d.time <= 65535, "maxSeqLength above 65535");
    supported(is_known(d.type), "no such data type");
}

void check_lengths(const DataDescriptor& d) {
    const bool is_packed = d.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
    for (const int length : d.lengths)
        bad_param(length >= (is_packed ? 1 : 0) && length <= d.time, "a length outside its range");
    if (!is_packed) return;
    bad_param(std::is_sorted(d.lengths.rbegin(), d.lengths.rend()), "packed rows must be sorted, the longest first");
    bad_param(d.lengths.front() == d.time, "packed rows must have one of all steps");
}

}  // namespace

std::size_t cudnnGetVersion() {
    return state().options.cudnn_version;
}

const char* cudnnGetErrorString(cudnnStatus_t status) {
    return ::cudnnGetErrorString(status);
}

void cudnnGetLastErrorString(char* message, std::size_t size) {
    if (message != nullptr && size > 0) std::snprintf(message, size, "%s", state().last_cudnn_message.c_str());
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
    support(state().options.devices > 0, CUDNN_STATUS_NOT_INITIALIZED, "cudaGetDeviceCount(&count) != cudaSuccess");
    return create(state().descriptors.handles, handle);
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    return destroy(state().descriptors.handles, handle);
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    Handle* found = state().descriptors.handles.find(handle);
    bad_param(found != nullptr, "no such handle");
    bad_param(state().streams.find(stream) != nullptr, "no such stream");
    found->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateDropoutDescriptor(cudnnDropoutDescriptor_t* descriptor) {
    return create(state().descriptors.dropouts, descriptor);
}

cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t descriptor, cudnnHandle_t handle, float rate,
                                        void* states, std::size_t bytes, unsigned long long) {
    DropoutDescriptor* found = state().descriptors.dropouts.find(descriptor);
    bad_param(found != nullptr && state().descriptors.handles.find(handle) != nullptr, "no such descriptor or handle");
    bad_param(rate == 0 && states == nullptr && bytes == 0, "the fake has no dropout but of rate 0, without states");
    *found = {true, rate};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyDropoutDescriptor(cudnnDropoutDescriptor_t descriptor) {
    return destroy(state().descriptors.dropouts, descriptor);
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* descriptor) {
    return create(state().descriptors.tensors, descriptor);
}

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t descriptor, cudnnDataType_t type, int rank,
                                         const int dims[], const int strides[]) {
    TensorDescriptor* found = state().descriptors.tensors.find(descriptor);
    bad_param(found != nullptr && dims != nullptr && strides != nullptr, "no such descriptor, or a null pointer");
    bad_param(rank >= 2, "too few dimensions");
    supported(rank <= CUDNN_DIM_MAX, "too many dimensions");
    TensorDescriptor set{true, type, {dims, dims + rank}, {strides, strides + rank}};
    const auto is_positive = [](int size) { return size > 0; };
    bad_param(std::all_of(set.dims.begin(), set.dims.end(), is_positive), "dimensions must be positive");
    bad_param(std::all_of(set.strides.begin(), set.strides.end(), is_positive), "strides must be positive");
    *found = std::move(set);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetTensorNdDescriptor(cudnnTensorDescriptor_t descriptor, int wanted, cudnnDataType_t* type,
                                         int* rank, int dims[], int strides[]) {
    const TensorDescriptor* found = state().descriptors.tensors.find(descriptor);
    bad_param(found != nullptr && type != nullptr && rank != nullptr, "no such descriptor, or a null pointer");
    bad_param(found->is_set, "a descriptor that was not set");
    *type = found->type;
    *rank = static_cast<int>(found->dims.size());
    const int count = std::clamp(wanted, 0, *rank);
    if (dims != nullptr) std::copy_n(found->dims.begin(), count, dims);
    if (strides != nullptr) std::copy_n(found->strides.begin(), count, strides);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t descriptor) {
    return destroy(state().descriptors.tensors, descriptor);
}

cudnnStatus_t cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t* descriptor) {
    return create(state().descriptors.rnns, descriptor);
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t descriptor, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t cell,
                                       cudnnRNNBiasMode_t bias, cudnnDirectionMode_t direction,
                                       cudnnRNNInputMode_t input, cudnnDataType_t type, cudnnDataType_t precision,
                                       cudnnMathType_t math, std::int32_t features, std::int32_t units,
                                       std::int32_t projection, std::int32_t layers, cudnnDropoutDescriptor_t dropout,
                                       std::uint32_t flags) {
    RnnDescriptor* found = state().descriptors.rnns.find(descriptor);
    bad_param(found != nullptr, "no such descriptor");
    const RnnSettings settings{algorithm, cell,     bias,  direction,  input,  type,    precision,
                               math,      features, units, projection, layers, dropout, flags};
    check_rnn(settings);
    const DropoutDescriptor* no_dropout = state().descriptors.dropouts.find(dropout);
    bad_param(no_dropout != nullptr && no_dropout->is_set, "a dropout descriptor that was not set");
    *found = {true, settings, {}};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t descriptor) {
    return destroy(state().descriptors.rnns, descriptor);
}

cudnnStatus_t cudnnBuildRNNDynamic(cudnnHandle_t handle, cudnnRNNDescriptor_t descriptor, int batch) {
    RnnDescriptor* found = state().descriptors.rnns.find(descriptor);
    bad_param(state().descriptors.handles.find(handle) != nullptr, "no such handle");
    bad_param(found != nullptr && found->is_set, "a descriptor that was not set");
    bad_param(batch > 0, "miniBatch must be positive");
    bad_param(found->settings.algorithm == CUDNN_RNN_ALGO_PERSIST_DYNAMIC, "for CUDNN_RNN_ALGO_PERSIST_DYNAMIC only");
    found->built_batches.insert(batch);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t* descriptor) {
    return create(state().descriptors.data, descriptor);
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t descriptor, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int time, int batch, int size, const int lengths[],
                                        void*) {
    DataDescriptor* found = state().descriptors.data.find(descriptor);
    bad_param(found != nullptr, "no such descriptor");
    DataDescriptor set{true, type, layout, time, batch, size, {}};
    check_data(set, lengths);
    set.lengths.assign(lengths, lengths + batch);
    check_lengths(set);
    *found = std::move(set);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t descriptor) {
    return destroy(state().descriptors.data, descriptor);
}

}  // namespace body
}  // namespace eigengru_test::cuda_fake
