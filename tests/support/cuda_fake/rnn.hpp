// SPDX-License-Identifier: MIT
// What a pass of the fake cuDNN needs: sizes and places of its own, and everything about one call that can be checked
// before it runs.
#pragma once

#include "support/cuda_fake/gru.hpp"
#include "support/cuda_fake/state.hpp"

namespace eigengru_test::cuda_fake {

/// Where the six matrices and biases begin, in bytes; linear layers are numbered as cuDNN does: W r z n, R r z n.
struct WeightPlaces {
    std::size_t bytes = 0;
    std::array<std::size_t, 2 * kGateCount> matrices = {};
    std::array<std::size_t, 2 * kGateCount> biases = {};
};
[[nodiscard]] WeightPlaces weight_places(const RnnSettings& settings);

/// What a reserve space begins with. A copy of it is as good as the first.
struct ReserveHead {
    enum class Stage : std::uint64_t { forward, data, consumed };
    std::uint64_t number = 0;  ///< of the forward pass
    Stage stage = Stage::forward;
};

/// Bytes before what is kept in a reserve space: its head, and padding.
inline constexpr std::size_t kReserveStart = 64;

struct TempSpace {
    std::size_t workspace = 0;
    std::size_t reserve = 0;
};
[[nodiscard]] TempSpace temp_space(const RnnSettings& settings, const DataDescriptor& data, cudnnForwardMode_t mode);

enum class PassKind { inference, training, backward };

/// Refuses what an algorithm has no kernel for.
void check_limits(const RnnSettings& settings, const DataDescriptor& data, PassKind kind);

/// The descriptor, set and for a GRU that the fake computes.
[[nodiscard]] RnnDescriptor& checked_rnn(cudnnRNNDescriptor_t descriptor);
[[nodiscard]] Handle& checked_handle(cudnnHandle_t handle);
[[nodiscard]] const DataDescriptor& checked_data(cudnnRNNDataDescriptor_t descriptor);

/// Memory that a call names.
struct Argument {
    const char* name = "";
    const void* address = nullptr;
    std::size_t bytes = 0;
    bool is_output = false;
    bool is_optional = false;
    std::size_t alignment = 1;
};

/// What all three passes take.
struct PassCall {
    cudnnHandle_t handle = nullptr;
    cudnnRNNDescriptor_t rnn = nullptr;
    PassKind kind = PassKind::inference;
    const std::int32_t* device_lengths = nullptr;
    cudnnRNNDataDescriptor_t x_data = nullptr;
    cudnnRNNDataDescriptor_t y_data = nullptr;
    cudnnTensorDescriptor_t h_tensor = nullptr;
    bool has_cell_state = false;  ///< any of the arguments for an LSTM
    std::size_t weight_bytes = 0;
    std::size_t workspace_bytes = 0;
    std::size_t reserve_bytes = 0;
};

/// The same, checked and copied: cuDNN reads descriptors when it is called, not when it runs.
struct CheckedPass {
    cudaStream_t stream = nullptr;
    RnnSettings settings = {};
    DataDescriptor x_data = {};
    DataDescriptor y_data = {};
    WeightPlaces places = {};
    TempSpace space = {};

    [[nodiscard]] std::size_t x_bytes() const { return x_data.elements() * x_data.element_bytes(); }
    [[nodiscard]] std::size_t y_bytes() const { return y_data.elements() * y_data.element_bytes(); }
    [[nodiscard]] std::size_t h_bytes() const {
        return static_cast<std::size_t>(x_data.batch) * static_cast<std::size_t>(settings.units) *
               x_data.element_bytes();
    }
};
[[nodiscard]] CheckedPass checked_pass(const PassCall& call);

/// Each argument is there, in living device memory, aligned, and no output overlaps another argument.
void check_arguments(const std::vector<Argument>& arguments);

/// A fingerprint of bytes, to tell whether they have changed.
[[nodiscard]] std::uint64_t fingerprint_of(std::span<const unsigned char> bytes);
/// And of everything that descriptors say.
[[nodiscard]] std::uint64_t fingerprint_of(const CheckedPass& pass);

}  // namespace eigengru_test::cuda_fake
