// SPDX-License-Identifier: MIT
// RnnPlan: the descriptors of a GRU for cuDNN with the sizes of its memory, made once for everything they depend on.
#pragma once

#include "eigengru/cuda/handles.hpp"
#include "eigengru/cuda/memory.hpp"
#include "eigengru/model/cudnn_options.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// All that goes into the descriptors: two calls with the same key may share a plan, others never.
struct PlanKey {
    Index batch = 0;
    Index time = 0;
    Index features = 0;
    Index units = 0;
    bool is_double = false;
    bool is_training = false;
    bool allow_tf32 = false;
    CudnnAlgorithm algorithm = CudnnAlgorithm::standard;
    cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;

    friend bool operator==(const PlanKey&, const PlanKey&) = default;
};

/// cuDNN numbers the matrices of a GRU r, z, n of the inputs, then r, z, n of the state; each has its bias.
inline constexpr std::size_t kLinearLayers = 6;

/// Where cuDNN wants the weights: bytes from the start of the weight space.
struct WeightPlaces {
    std::size_t bytes = 0;
    std::array<std::size_t, kLinearLayers> matrices{};
    std::array<std::size_t, kLinearLayers> biases{};

    friend bool operator==(const WeightPlaces&, const WeightPlaces&) = default;
};

/// Descriptors and sizes. Invariant: they are those of key().
class RnnPlan {
public:
    /// Where plans are made: `scratch` is device memory of which only the address matters.
    struct Place {
        const CudaFunctions& functions;
        cudnnHandle_t handle;
        DeviceMemory& scratch;
    };

    /// A plan, or in words why cuDNN does not support it.
    struct Result {
        std::shared_ptr<const RnnPlan> plan = nullptr;
        std::string refusal = {};
    };

    /// Throws: BackendError for any failure but those of is_not_supported.
    [[nodiscard]] static Result make(const Place& place, const PlanKey& key) {
        Result result;
        const std::shared_ptr<RnnPlan> plan(new RnnPlan(key));
        result.refusal = plan->build(place);
        if (result.refusal.empty()) result.plan = plan;
        return result;
    }

    [[nodiscard]] const PlanKey& key() const { return key_; }
    [[nodiscard]] cudnnRNNDescriptor_t rnn() const { return rnn_.get(); }
    [[nodiscard]] cudnnRNNDataDescriptor_t inputs() const { return inputs_.get(); }
    [[nodiscard]] cudnnRNNDataDescriptor_t outputs() const { return outputs_.get(); }
    [[nodiscard]] cudnnTensorDescriptor_t state() const { return state_.get(); }
    [[nodiscard]] std::size_t workspace_bytes() const { return workspace_bytes_; }
    [[nodiscard]] std::size_t reserve_bytes() const { return reserve_bytes_; }
    [[nodiscard]] const WeightPlaces& weights() const { return weights_; }
    [[nodiscard]] cudnnForwardMode_t mode() const {
        return key_.is_training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
    }

private:
    explicit RnnPlan(const PlanKey& key) : key_(key) {}

    [[nodiscard]] cudnnDataType_t type() const { return key_.is_double ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT; }

    [[nodiscard]] cudnnRNNAlgo_t algorithm() const {
        switch (key_.algorithm) {
            case CudnnAlgorithm::persist_static: return CUDNN_RNN_ALGO_PERSIST_STATIC;
            case CudnnAlgorithm::persist_dynamic: return CUDNN_RNN_ALGO_PERSIST_DYNAMIC;
            case CudnnAlgorithm::persist_static_small_h: return CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H;
            case CudnnAlgorithm::automatic:
            case CudnnAlgorithm::standard: break;
        }
        return CUDNN_RNN_ALGO_STANDARD;
    }

    /// Returns what is not supported, or nothing.
    [[nodiscard]] std::string build(const Place& place) {
        std::string refusal = set_rnn(place);
        if (refusal.empty()) refusal = set_data(place, inputs_, key_.features);
        if (refusal.empty()) refusal = set_data(place, outputs_, key_.units);
        if (refusal.empty()) refusal = set_state(place);
        if (refusal.empty()) refusal = ask_sizes(place);
        if (refusal.empty()) refusal = ask_weights(place);
        return refusal;
    }

    [[nodiscard]] std::string set_rnn(const Place& place) {
        const CudaFunctions& f = place.functions;
        dropout_ = make_no_dropout(f, place.handle);
        rnn_ = make_rnn_descriptor(f);
        const auto units = static_cast<std::int32_t>(key_.units);
        // FMA_MATH is what makes float mean float: the default lets cuDNN take TF32.
        std::string refusal = refusal_of(
            f, "cudnnSetRNNDescriptor_v8",
            f.cudnnSetRNNDescriptor_v8(
                rnn(), algorithm(), CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS, CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, type(),
                type(), key_.allow_tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH, static_cast<std::int32_t>(key_.features),
                units, units, 1, dropout_.get(), CUDNN_RNN_PADDED_IO_ENABLED));
        if (!refusal.empty() || key_.algorithm != CudnnAlgorithm::persist_dynamic) return refusal;
        return refusal_of(f, "cudnnBuildRNNDynamic",
                          f.cudnnBuildRNNDynamic(place.handle, rnn(), static_cast<int>(key_.batch)));
    }

    /// All rows have all steps: ragged ones are moved together before, which every algorithm can take.
    [[nodiscard]] std::string set_data(const Place& place, RnnDataDescriptor& descriptor, Index width) const {
        const CudaFunctions& f = place.functions;
        descriptor = make_rnn_data_descriptor(f);
        const auto time = static_cast<int>(key_.time);
        const std::vector<int> lengths(static_cast<std::size_t>(key_.batch), time);
        return refusal_of(
            f, "cudnnSetRNNDataDescriptor",
            f.cudnnSetRNNDataDescriptor(descriptor.get(), type(), key_.layout, time, static_cast<int>(key_.batch),
                                        static_cast<int>(width), lengths.data(), nullptr));
    }

    [[nodiscard]] std::string set_state(const Place& place) {
        const CudaFunctions& f = place.functions;
        state_ = make_tensor_descriptor(f);
        const std::array<int, 3> sizes{1, static_cast<int>(key_.batch), static_cast<int>(key_.units)};
        const std::array<int, 3> strides{sizes[1] * sizes[2], sizes[2], 1};
        return refusal_of(f, "cudnnSetTensorNdDescriptor",
                          f.cudnnSetTensorNdDescriptor(state(), type(), 3, sizes.data(), strides.data()));
    }

    [[nodiscard]] std::string ask_sizes(const Place& place) {
        const CudaFunctions& f = place.functions;
        std::string refusal = refusal_of(f, "cudnnGetRNNWeightSpaceSize",
                                         f.cudnnGetRNNWeightSpaceSize(place.handle, rnn(), &weights_.bytes));
        if (!refusal.empty()) return refusal;
        return refusal_of(
            f, "cudnnGetRNNTempSpaceSizes",
            f.cudnnGetRNNTempSpaceSizes(place.handle, rnn(), mode(), inputs(), &workspace_bytes_, &reserve_bytes_));
    }

    [[nodiscard]] std::string ask_weights(const Place& place) {
        const CudaFunctions& f = place.functions;
        place.scratch.reserve(f, weights_.bytes);
        const TensorDescriptor matrix = make_tensor_descriptor(f), bias = make_tensor_descriptor(f);
        const char* begin = place.scratch.as<const char>();
        for (std::size_t i = 0; i < kLinearLayers; ++i) {
            void *matrix_at = nullptr, *bias_at = nullptr;
            std::string refusal = refusal_of(
                f, "cudnnGetRNNWeightParams",
                f.cudnnGetRNNWeightParams(place.handle, rnn(), 0, weights_.bytes, begin, static_cast<std::int32_t>(i),
                                          matrix.get(), &matrix_at, bias.get(), &bias_at));
            if (!refusal.empty()) return refusal;
            const Index rows = i < kLinearLayers / 2 ? key_.features : key_.units;
            weights_.matrices[i] = place_of(f, matrix, begin, matrix_at, rows * key_.units);
            weights_.biases[i] = place_of(f, bias, begin, bias_at, key_.units);
        }
        return {};
    }

    /// Throws: BackendError when a block does not have the size that the layer has for it.
    [[nodiscard]] std::size_t place_of(const CudaFunctions& f, const TensorDescriptor& descriptor, const char* begin,
                                       const void* at, Index expected) const {
        cudnnDataType_t block_type = CUDNN_DATA_FLOAT;
        int rank = 0;
        std::array<int, 3> sizes{}, strides{};
        check_status(
            f, "cudnnGetTensorNdDescriptor",
            f.cudnnGetTensorNdDescriptor(descriptor.get(), 3, &block_type, &rank, sizes.data(), strides.data()));
        const Index size = Index(sizes[0]) * sizes[1] * sizes[2];
        const std::size_t bytes = static_cast<std::size_t>(expected) * (key_.is_double ? 8 : 4);
        const std::size_t place =
            at == nullptr ? weights_.bytes : static_cast<std::size_t>(static_cast<const char*>(at) - begin);
        if (rank != 3 || block_type != type() || size != expected || bytes > weights_.bytes ||
            place > weights_.bytes - bytes)
            EIGENGRU_THROW(BackendError, "cuDNN backend: cudnnGetRNNWeightParams: expected a block of ", expected,
                           " scalars within ", weights_.bytes, " bytes, received ", size, " at byte ", place);
        return place;
    }

    PlanKey key_;
    DropoutDescriptor dropout_;
    RnnDescriptor rnn_;
    RnnDataDescriptor inputs_;
    RnnDataDescriptor outputs_;
    TensorDescriptor state_;
    std::size_t workspace_bytes_ = 0;
    std::size_t reserve_bytes_ = 0;
    WeightPlaces weights_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
