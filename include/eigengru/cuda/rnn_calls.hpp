// SPDX-License-Identifier: MIT
// The three calls that compute, with the memory they work on by name.
#pragma once

#include "eigengru/cuda/plan.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Device memory of one pass over a plan, sequences in the layout of the plan. Untyped, as in cuDNN.
struct RnnMemory {
    const void* inputs = nullptr;
    void* outputs = nullptr;
    const void* initial_state = nullptr;  ///< zeros when null
    void* final_state = nullptr;          ///< not wanted when null
    const void* weights = nullptr;
    void* workspace = nullptr;
    void* reserve = nullptr;  ///< training: what the forward pass leaves for the backward pass, which uses it up

    const void* d_outputs = nullptr;
    void* d_inputs = nullptr;
    void* d_initial_state = nullptr;
    void* d_weights = nullptr;  ///< is added to
};

// Lengths on the device are null throughout: since cuDNN 8.9.1 they are in the data descriptors alone. A GRU has no
// cell state. All three return what is not supported, or nothing. Throws: BackendError for any other failure.

[[nodiscard]] inline std::string rnn_forward(const CudaFunctions& f, cudnnHandle_t handle, const RnnPlan& plan,
                                             const RnnMemory& m) {
    const std::size_t reserve = plan.key().is_training ? plan.reserve_bytes() : 0;
    return refusal_of(
        f, "cudnnRNNForward",
        f.cudnnRNNForward(handle, plan.rnn(), plan.mode(), nullptr, plan.inputs(), m.inputs, plan.outputs(), m.outputs,
                          plan.state(), m.initial_state, m.final_state, nullptr, nullptr, nullptr, plan.weights().bytes,
                          m.weights, plan.workspace_bytes(), m.workspace, reserve,
                          plan.key().is_training ? m.reserve : nullptr));
}

/// To be called before rnn_backward_weights: it prepares the reserve for it.
[[nodiscard]] inline std::string rnn_backward_data(const CudaFunctions& f, cudnnHandle_t handle, const RnnPlan& plan,
                                                   const RnnMemory& m) {
    return refusal_of(
        f, "cudnnRNNBackwardData_v8",
        f.cudnnRNNBackwardData_v8(handle, plan.rnn(), nullptr, plan.outputs(), m.outputs, m.d_outputs, plan.inputs(),
                                  m.d_inputs, plan.state(), m.initial_state, nullptr, m.d_initial_state, nullptr,
                                  nullptr, nullptr, nullptr, plan.weights().bytes, m.weights, plan.workspace_bytes(),
                                  m.workspace, plan.reserve_bytes(), m.reserve));
}

[[nodiscard]] inline std::string rnn_backward_weights(const CudaFunctions& f, cudnnHandle_t handle, const RnnPlan& plan,
                                                      const RnnMemory& m) {
    return refusal_of(f, "cudnnRNNBackwardWeights_v8",
                      f.cudnnRNNBackwardWeights_v8(handle, plan.rnn(), CUDNN_WGRAD_MODE_ADD, nullptr, plan.inputs(),
                                                   m.inputs, plan.state(), m.initial_state, plan.outputs(), m.outputs,
                                                   plan.weights().bytes, m.d_weights, plan.workspace_bytes(),
                                                   m.workspace, plan.reserve_bytes(), m.reserve));
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
