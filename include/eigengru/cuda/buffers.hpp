// SPDX-License-Identifier: MIT
// The memory of the passes of one layer: on the device, and pinned on the host where data is gathered and scattered.
#pragma once

#include "eigengru/cell/tape.hpp"
#include "eigengru/cuda/context.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Grows with the largest call. Sequences are [place][row][element].
struct CudnnBuffers {
    PinnedMemory host_inputs;   ///< gathered inputs; their gradients on the way back
    PinnedMemory host_outputs;  ///< results; gradients of them on the way there
    PinnedMemory host_state;    ///< (batch, units)
    PinnedMemory host_weights;  ///< gradients of the weights
    DeviceMemory inputs;
    DeviceMemory outputs;
    std::array<DeviceMemory, 2> states;  ///< before and after a pass
    DeviceMemory d_inputs;
    DeviceMemory d_outputs;
    DeviceMemory d_state;
    DeviceMemory d_weights;
    DeviceMemory reserve;  ///< a copy of a record's, which a backward pass uses up

    /// Room on both sides for a forward pass. Throws: BackendError.
    void prepare_forward(const CudaFunctions& f, const RnnPlan& plan) {
        const Sizes sizes(plan.key());
        prepare_host(f, sizes);
        for (DeviceMemory& state : states) state.reserve(f, sizes.state);
        if (plan.key().is_training) return;  // a record has its own
        inputs.reserve(f, sizes.inputs);
        outputs.reserve(f, sizes.outputs);
    }

    /// Room for a backward pass. Throws: BackendError.
    void prepare_backward(const CudaFunctions& f, const RnnPlan& plan) {
        const Sizes sizes(plan.key());
        prepare_host(f, sizes);
        host_weights.reserve(f, plan.weights().bytes);
        d_inputs.reserve(f, sizes.inputs);
        d_outputs.reserve(f, sizes.outputs);
        d_state.reserve(f, sizes.state);
        d_weights.reserve(f, plan.weights().bytes);
    }

    /// Bytes of the arrays of a plan.
    struct Sizes {
        explicit Sizes(const PlanKey& key)
            : inputs(of(key, key.time * key.features)),
              outputs(of(key, key.time * key.units)),
              state(of(key, key.units)) {}

        static std::size_t of(const PlanKey& key, Index row) {
            return key.is_double ? bytes_of<double>(key.batch * row) : bytes_of<float>(key.batch * row);
        }

        std::size_t inputs;
        std::size_t outputs;
        std::size_t state;
    };

private:
    void prepare_host(const CudaFunctions& f, const Sizes& sizes) {
        host_inputs.reserve(f, sizes.inputs);
        host_outputs.reserve(f, sizes.outputs);
        host_state.reserve(f, sizes.state);
    }
};

/// What a training pass leaves on the device. Nobody changes it but the pass that writes it anew and, with
/// `is_spent` set first, a backward pass that may use it up.
template <RealScalar S>
class CudnnRecord : public DeviceRecord {
public:
    std::shared_ptr<const RnnPlan> plan;
    int device = 0;
    bool is_spent = false;
    DeviceMemory inputs;
    DeviceMemory outputs;
    DeviceMemory initial_state;
    DeviceMemory reserve;

    /// Throws: BackendError.
    void prepare(const CudnnContext& context, std::shared_ptr<const RnnPlan> for_plan) {
        const CudaFunctions& f = context.functions();
        plan = std::move(for_plan);
        device = context.device();
        is_spent = false;
        const CudnnBuffers::Sizes sizes(plan->key());
        inputs.reserve(f, sizes.inputs);
        outputs.reserve(f, sizes.outputs);
        initial_state.reserve(f, sizes.state);
        reserve.reserve(f, plan->reserve_bytes());
    }

    [[nodiscard]] Index size() const override {
        if (plan == nullptr) return 0;
        const PlanKey& key = plan->key();
        return key.batch * (key.time * (key.features + key.units) + key.units) +
               static_cast<Index>(plan->reserve_bytes() / sizeof(S));
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
