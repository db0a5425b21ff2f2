// SPDX-License-Identifier: MIT
#include "support/cuda_fake/rnn.hpp"

#include "support/cuda_fake/cudnn.hpp"

#include <algorithm>

namespace eigengru_test::cuda_fake {
namespace {

// Padding before and between the blocks, and the order they lie in: biases, W and R mixed, nothing as cuDNN does it.
// Numbers are linear layers, and 6 more for their biases.
constexpr std::size_t kPadding = 48;
constexpr std::array<std::size_t, 12> kOrder{11, 1, 3, 8, 5, 0, 9, 4, 7, 2, 6, 10};

constexpr int kMostUnitsStatic = 1024;
constexpr int kMostUnitsSmall = 192;
constexpr int kMostUnitsSmallBackward = 128;

void bad_param(bool holds, const std::string& why) {
    require(holds, CUDNN_STATUS_BAD_PARAM, why);
}

std::size_t size(int count) {
    return static_cast<std::size_t>(count);
}

void check_state_tensor(cudnnTensorDescriptor_t descriptor, const DataDescriptor& data, int units) {
    const TensorDescriptor* found = state().descriptors.tensors.find(descriptor);
    bad_param(found != nullptr && found->is_set, "hDesc was not set");
    const TensorDescriptor expected{true, data.type, {1, data.batch, units}, {data.batch * units, units, 1}};
    bad_param(*found == expected, "hDesc is not (1, batch, units) without gaps in the type of the data");
}

}  // namespace

WeightPlaces weight_places(const RnnSettings& settings) {
    WeightPlaces places;
    const std::size_t units = size(settings.units), element = bytes_of(settings.type);
    std::size_t next = kPadding;
    for (const std::size_t number : kOrder) {
        const std::size_t layer = number % 6, columns = layer < kGateCount ? size(settings.features) : units;
        const bool is_bias = number >= 6;
        (is_bias ? places.biases : places.matrices)[layer] = next;
        next += units * (is_bias ? 1 : columns) * element;
        next = (next + kPadding + 15) / 16 * 16;
    }
    places.bytes = next;
    return places;
}

TempSpace temp_space(const RnnSettings& settings, const DataDescriptor& data, cudnnForwardMode_t mode) {
    const std::size_t places = size(data.time) * size(data.batch) * size(settings.units);
    TempSpace space{128 + places * 3 * data.element_bytes(), 0};
    if (mode == CUDNN_FWD_MODE_TRAINING) {
        space.workspace += 96 + places * data.element_bytes();
        space.reserve = kReserveStart + places * sizeof(Kept);
    }
    return space;
}

void check_limits(const RnnSettings& settings, const DataDescriptor& data, PassKind kind) {
    const auto supported = [](bool holds, const char* why) { support(holds, CUDNN_STATUS_NOT_SUPPORTED, why); };
    if (settings.algorithm != CUDNN_RNN_ALGO_STANDARD)
        supported(data.is_uniform(), "persistent algorithms need rows of one length");
    if (settings.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC)
        supported(settings.units <= kMostUnitsStatic, "hiddenSize too large for CUDNN_RNN_ALGO_PERSIST_STATIC");
    if (settings.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H) {
        const int most = kind == PassKind::backward ? kMostUnitsSmallBackward : kMostUnitsSmall;
        supported(settings.units <= most, "hiddenSize too large for CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H");
    }
}

RnnDescriptor& checked_rnn(cudnnRNNDescriptor_t descriptor) {
    RnnDescriptor* found = state().descriptors.rnns.find(descriptor);
    bad_param(found != nullptr && found->is_set, "an RNN descriptor that was not set");
    const RnnSettings& s = found->settings;
    bad_param(s.cell == CUDNN_GRU && s.bias == CUDNN_RNN_DOUBLE_BIAS && s.direction == CUDNN_UNIDIRECTIONAL &&
                  s.input == CUDNN_LINEAR_INPUT && s.layers == 1,
              "the fake computes a GRU of one layer and direction with both biases only");
    return *found;
}

Handle& checked_handle(cudnnHandle_t handle) {
    Handle* found = state().descriptors.handles.find(handle);
    bad_param(found != nullptr, "no such handle");
    bad_param(state().streams.find(found->stream) != nullptr, "the stream of the handle is gone");
    return *found;
}

const DataDescriptor& checked_data(cudnnRNNDataDescriptor_t descriptor) {
    const DataDescriptor* found = state().descriptors.data.find(descriptor);
    bad_param(found != nullptr && found->is_set, "a data descriptor that was not set");
    return *found;
}

CheckedPass checked_pass(const PassCall& call) {
    const RnnDescriptor& rnn = checked_rnn(call.rnn);
    const RnnSettings& s = rnn.settings;
    CheckedPass pass{.stream = checked_handle(call.handle).stream,
                     .settings = s,
                     .x_data = checked_data(call.x_data),
                     .y_data = checked_data(call.y_data),
                     .places = weight_places(s)};
    bad_param(call.device_lengths == nullptr, "devSeqLengths is to be null");
    bad_param(!call.has_cell_state, "cell states are for LSTM");
    bad_param(pass.x_data.type == s.type && pass.x_data.size == s.features, "xDesc does not fit the RNN");
    DataDescriptor expected = pass.x_data;
    expected.size = s.units;
    bad_param(pass.y_data == expected, "yDesc does not fit xDesc and the RNN");
    check_state_tensor(call.h_tensor, pass.x_data, s.units);
    bad_param(s.flags == CUDNN_RNN_PADDED_IO_ENABLED || pass.x_data.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED,
              "unpacked data needs CUDNN_RNN_PADDED_IO_ENABLED");
    bad_param(s.algorithm != CUDNN_RNN_ALGO_PERSIST_DYNAMIC || rnn.built_batches.contains(pass.x_data.batch),
              "cudnnBuildRNNDynamic was not called for this batch size");
    check_limits(s, pass.x_data, call.kind);
    const bool is_training = call.kind != PassKind::inference;
    pass.space = temp_space(s, pass.x_data, is_training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE);
    bad_param(call.weight_bytes == pass.places.bytes, "not the size of the weight space that was told");
    bad_param(call.workspace_bytes >= pass.space.workspace, "workspace smaller than told");
    bad_param(!is_training || call.reserve_bytes >= pass.space.reserve, "reserve space smaller than told");
    const auto& lengths = pass.x_data.lengths;
    const auto zeros = std::count(lengths.begin(), lengths.end(), 0);
    require(zeros == 0 || (call.kind != PassKind::backward && size(static_cast<int>(zeros)) < lengths.size()),
            CUDNN_STATUS_EXECUTION_FAILED, "rows without steps: seen to fail on devices");
    return pass;
}

void check_arguments(const std::vector<Argument>& arguments) {
    for (const Argument& one : arguments) {
        if (one.address == nullptr) {
            bad_param(one.is_optional || one.bytes == 0, std::string(one.name) + " is null");
            continue;
        }
        state().device(one.address, one.bytes, CUDNN_STATUS_BAD_PARAM, one.name);
        const auto begin = reinterpret_cast<std::uintptr_t>(one.address);
        require(begin % one.alignment == 0, CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
                std::string(one.name) + " is misaligned");
        for (const Argument& other : arguments) {
            const auto other_begin = reinterpret_cast<std::uintptr_t>(other.address);
            const bool overlap = begin < other_begin + other.bytes && other_begin < begin + one.bytes;
            bad_param(&one == &other || other.address == nullptr || !overlap || !(one.is_output || other.is_output),
                      std::string(one.name) + " overlaps " + other.name);
        }
    }
}

std::uint64_t fingerprint_of(std::span<const unsigned char> bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
    return hash;
}

std::uint64_t fingerprint_of(const CheckedPass& pass) {
    const RnnSettings& s = pass.settings;
    std::vector<int> all{s.algorithm, s.type, s.math, s.features, s.units, int(s.flags)};
    for (const DataDescriptor* data : {&pass.x_data, &pass.y_data}) {
        all.insert(all.end(), {data->layout, data->time, data->batch, data->size});
        all.insert(all.end(), data->lengths.begin(), data->lengths.end());
    }
    return fingerprint_of({reinterpret_cast<const unsigned char*>(all.data()), all.size() * sizeof(int)});
}

namespace body {

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, std::size_t* bytes) {
    static_cast<void>(checked_handle(handle));
    bad_param(bytes != nullptr, "a null pointer");
    *bytes = weight_places(checked_rnn(rnn).settings).bytes;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, std::int32_t layer,
                                      std::size_t bytes, const void* space, std::int32_t linear_layer,
                                      cudnnTensorDescriptor_t matrix, void** matrix_at, cudnnTensorDescriptor_t bias,
                                      void** bias_at) {
    static_cast<void>(checked_handle(handle));
    const RnnSettings& s = checked_rnn(rnn).settings;
    const WeightPlaces places = weight_places(s);
    TensorDescriptor* matrix_tensor = state().descriptors.tensors.find(matrix);
    TensorDescriptor* bias_tensor = state().descriptors.tensors.find(bias);
    bad_param(matrix_tensor != nullptr && bias_tensor != nullptr && matrix_at != nullptr && bias_at != nullptr,
              "no such descriptor, or a null pointer");
    bad_param(layer == 0 && linear_layer >= 0 && linear_layer < 6, "no such layer");
    bad_param(bytes == places.bytes, "not the size of the weight space that was told");
    state().device(space, bytes, CUDNN_STATUS_BAD_PARAM, "weightSpace");
    const int columns = linear_layer < 3 ? s.features : s.units;
    *matrix_tensor = {true, s.type, {1, s.units, columns}, {s.units * columns, columns, 1}};
    *bias_tensor = {true, s.type, {1, s.units, 1}, {s.units, 1, 1}};
    const auto at = [space](std::size_t place) {
        return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(space) + place);
    };
    *matrix_at = at(places.matrices[size(linear_layer)]);
    *bias_at = at(places.biases[size(linear_layer)]);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t mode,
                                        cudnnRNNDataDescriptor_t data, std::size_t* workspace, std::size_t* reserve) {
    static_cast<void>(checked_handle(handle));
    const RnnSettings& s = checked_rnn(rnn).settings;
    const DataDescriptor& x = checked_data(data);
    bad_param(x.type == s.type && x.size == s.features, "xDesc does not fit the RNN");
    bad_param(workspace != nullptr, "a null pointer");
    const bool is_training = mode == CUDNN_FWD_MODE_TRAINING;
    if (state().options.limits == FakeLimits::at_size_query)
        check_limits(s, x, is_training ? PassKind::backward : PassKind::inference);
    const TempSpace space = temp_space(s, x, mode);
    *workspace = space.workspace;
    bad_param(!is_training || reserve != nullptr, "a null pointer");
    if (reserve != nullptr) *reserve = space.reserve;
    return CUDNN_STATUS_SUCCESS;
}

}  // namespace body
}  // namespace eigengru_test::cuda_fake
