// SPDX-License-Identifier: MIT
// The three passes. Arguments are checked when they are called; what depends on the contents of memory, the order of
// calls above all, when the stream gets to them.
#include "support/cuda_fake/cudnn.hpp"
#include "support/cuda_fake/rnn.hpp"

#include <algorithm>
#include <cstring>

namespace eigengru_test::cuda_fake {
namespace {

constexpr std::size_t kSpaceAlignment = 16;

void broken(bool holds, const char* why) {
    require(holds, CUDNN_STATUS_EXECUTION_FAILED, why);
}

/// Device memory while a pass runs.
Memory::Range range(const void* address, std::size_t bytes) {
    if (address == nullptr) return {};
    return state().device(address, bytes, CUDNN_STATUS_EXECUTION_FAILED, "an argument");
}

/// The rows that have steps are known; the others are never read.
void require_known(const Memory::Range& memory, const DataDescriptor& data, const char* name) {
    const std::size_t bytes = static_cast<std::size_t>(data.size) * data.element_bytes();
    for (int row = 0; row < data.batch; ++row)
        for (int step = 0; step < data.lengths[static_cast<std::size_t>(row)]; ++step) {
            const auto part = memory.is_written.subspan(data.offset(step, row) * data.element_bytes(), bytes);
            if (std::find(part.begin(), part.end(), 0) != part.end())
                require(false, CUDNN_STATUS_EXECUTION_FAILED, std::string(name) + " was never written");
        }
}

void require_known(const Memory::Range& memory, const char* name) {
    if (std::find(memory.is_written.begin(), memory.is_written.end(), 0) != memory.is_written.end())
        require(false, CUDNN_STATUS_EXECUTION_FAILED, std::string(name) + " was never written");
}

/// Outputs are undefined but for the rows that have steps.
void mark_known(const Memory::Range& memory, const DataDescriptor& data) {
    const std::size_t bytes = static_cast<std::size_t>(data.size) * data.element_bytes();
    for (int row = 0; row < data.batch; ++row)
        for (int step = 0; step < data.lengths[static_cast<std::size_t>(row)]; ++step) {
            const auto part = memory.is_written.subspan(data.offset(step, row) * data.element_bytes(), bytes);
            std::fill(part.begin(), part.end(), static_cast<unsigned char>(1));
        }
}

void mark_known(const Memory::Range& memory) {
    std::fill(memory.is_written.begin(), memory.is_written.end(), static_cast<unsigned char>(1));
}

void forget(const Memory::Range& memory) {
    poison(memory.bytes);
    std::fill(memory.is_written.begin(), memory.is_written.end(), static_cast<unsigned char>(0));
}

template <class S>
S* as(const Memory::Range& memory) {
    return memory.exists ? reinterpret_cast<S*>(memory.bytes.data()) : nullptr;
}

template <class S>
Blocks<S> blocks_of(unsigned char* space, const WeightPlaces& places) {
    Blocks<S> blocks;
    for (std::size_t gate = 0; gate < kGateCount; ++gate) {
        blocks.w[gate] = reinterpret_cast<S*>(space + places.matrices[gate]);
        blocks.r[gate] = reinterpret_cast<S*>(space + places.matrices[gate + kGateCount]);
        blocks.bw[gate] = reinterpret_cast<S*>(space + places.biases[gate]);
        blocks.br[gate] = reinterpret_cast<S*>(space + places.biases[gate + kGateCount]);
    }
    return blocks;
}

Kept* kept_in(const Memory::Range& reserve) {
    return reinterpret_cast<Kept*>(reserve.bytes.data() + kReserveStart);
}

ReserveHead head_of(const Memory::Range& reserve) {
    ReserveHead head;
    std::memcpy(&head, reserve.bytes.data(), sizeof head);
    return head;
}

void set_head(const Memory::Range& reserve, const ReserveHead& head) {
    std::memcpy(reserve.bytes.data(), &head, sizeof head);
}

/// The pass whose number stands in the reserve space, at that stage.
const ReservedPass& reserved_pass(const Memory::Range& reserve, ReserveHead::Stage stage) {
    require_known(reserve, "reserveSpace");
    const ReserveHead head = head_of(reserve);
    const auto found = state().reserved.find(head.number);
    broken(found != state().reserved.end(), "reserveSpace: not what a training forward pass has left there");
    broken(head.stage == stage, head.stage == ReserveHead::Stage::forward ? "gradients of weights before those of data"
                                : head.stage == ReserveHead::Stage::consumed
                                    ? "reserveSpace: used up by a backward pass"
                                    : "gradients of data twice for one forward pass");
    return found->second;
}

/// What the type of the data decides, done in that type.
template <class Run>
void run_in_type(cudnnDataType_t type, const Run& run) {
    if (type == CUDNN_DATA_DOUBLE)
        run(double{});
    else
        run(float{});
}

struct Forward {
    CheckedPass pass;
    bool is_training = false;
    const void *x = nullptr, *hx = nullptr, *weights = nullptr;
    void *y = nullptr, *hy = nullptr, *workspace = nullptr, *reserve = nullptr;

    void run() const {
        const auto x_memory = range(x, pass.x_bytes()), y_memory = range(y, pass.y_bytes());
        const auto hx_memory = range(hx, pass.h_bytes()), hy_memory = range(hy, pass.h_bytes());
        const auto weight_memory = range(weights, pass.places.bytes);
        const auto reserve_memory = is_training ? range(reserve, pass.space.reserve) : Memory::Range{};
        for (const auto& output : {y_memory, hy_memory, reserve_memory, range(workspace, pass.space.workspace)})
            forget(output);
        require_known(x_memory, pass.x_data, "x");
        require_known(hx_memory, "hx");
        require_known(weight_memory, "weightSpace");
        run_in_type(pass.settings.type, [&]<class S>(S) {
            gru_forward<S>(
                {pass.x_data, pass.y_data, blocks_of<const S>(weight_memory.bytes.data(), pass.places),
                 as<const S>(x_memory), as<const S>(hx_memory), is_training ? kept_in(reserve_memory) : nullptr},
                as<S>(y_memory), as<S>(hy_memory));
        });
        mark_known(y_memory, pass.y_data);
        mark_known(hy_memory);
        if (!is_training) return;
        const std::uint64_t number = state().next_reserved++;
        set_head(reserve_memory, {number, ReserveHead::Stage::forward});
        mark_known(reserve_memory);
        state().reserved[number] = {fingerprint_of(pass), fingerprint_of(x_memory.bytes),
                                    fingerprint_of(y_memory.bytes), fingerprint_of(hx_memory.bytes),
                                    fingerprint_of(weight_memory.bytes)};
    }
};

struct BackwardData {
    CheckedPass pass;
    const void *y = nullptr, *dy = nullptr, *hx = nullptr, *dhy = nullptr, *weights = nullptr;
    void *dx = nullptr, *dhx = nullptr, *workspace = nullptr, *reserve = nullptr;

    void run() const {
        const auto y_memory = range(y, pass.y_bytes()), dy_memory = range(dy, pass.y_bytes());
        const auto hx_memory = range(hx, pass.h_bytes()), dhy_memory = range(dhy, pass.h_bytes());
        const auto dx_memory = range(dx, pass.x_bytes()), dhx_memory = range(dhx, pass.h_bytes());
        const auto weight_memory = range(weights, pass.places.bytes);
        const auto reserve_memory = range(reserve, pass.space.reserve);
        for (const auto& output : {dx_memory, dhx_memory, range(workspace, pass.space.workspace)}) forget(output);
        require_known(dy_memory, pass.y_data, "dy");
        require_known(dhy_memory, "dhy");
        const ReservedPass& reserved = reserved_pass(reserve_memory, ReserveHead::Stage::forward);
        broken(reserved.descriptors == fingerprint_of(pass), "other descriptors than the forward pass had");
        broken(reserved.y == fingerprint_of(y_memory.bytes), "another y than the forward pass gave");
        broken(reserved.hx == fingerprint_of(hx_memory.bytes), "another hx than the forward pass had");
        broken(reserved.weights == fingerprint_of(weight_memory.bytes), "other weights than the forward pass had");
        run_in_type(pass.settings.type, [&]<class S>(S) {
            gru_backward_data<S>({pass.x_data, pass.y_data, blocks_of<const S>(weight_memory.bytes.data(), pass.places),
                                  nullptr, as<const S>(hx_memory), kept_in(reserve_memory)},
                                 as<const S>(y_memory), as<const S>(dy_memory), as<const S>(dhy_memory),
                                 as<S>(dx_memory), as<S>(dhx_memory));
        });
        mark_known(dx_memory, pass.x_data);
        mark_known(dhx_memory);
        set_head(reserve_memory, {head_of(reserve_memory).number, ReserveHead::Stage::data});
    }
};

struct BackwardWeights {
    CheckedPass pass;
    const void *x = nullptr, *y = nullptr, *hx = nullptr;
    void *d_weights = nullptr, *workspace = nullptr, *reserve = nullptr;

    void run() const {
        const auto x_memory = range(x, pass.x_bytes()), y_memory = range(y, pass.y_bytes());
        const auto hx_memory = range(hx, pass.h_bytes());
        const auto d_memory = range(d_weights, pass.places.bytes);
        const auto reserve_memory = range(reserve, pass.space.reserve);
        forget(range(workspace, pass.space.workspace));
        require_known(d_memory, "dweightSpace");
        const ReservedPass& reserved = reserved_pass(reserve_memory, ReserveHead::Stage::data);
        broken(reserved.descriptors == fingerprint_of(pass), "other descriptors than the forward pass had");
        broken(reserved.x == fingerprint_of(x_memory.bytes), "another x than the forward pass had");
        broken(reserved.y == fingerprint_of(y_memory.bytes), "another y than the forward pass gave");
        broken(reserved.hx == fingerprint_of(hx_memory.bytes), "another hx than the forward pass had");
        run_in_type(pass.settings.type, [&]<class S>(S) {
            gru_backward_weights<S>(
                {pass.x_data, pass.y_data, {}, as<const S>(x_memory), as<const S>(hx_memory), kept_in(reserve_memory)},
                as<const S>(y_memory), blocks_of<S>(d_memory.bytes.data(), pass.places));
        });
        set_head(reserve_memory, {head_of(reserve_memory).number, ReserveHead::Stage::consumed});
    }
};

/// The arguments that every pass has.
Argument weight_argument(const void* address, const CheckedPass& pass, bool is_output) {
    return {"weightSpace", address, pass.places.bytes, is_output, false, kSpaceAlignment};
}
Argument workspace_argument(const void* address, const CheckedPass& pass) {
    return {"workSpace", address, pass.space.workspace, true, false, kSpaceAlignment};
}
Argument reserve_argument(const void* address, const CheckedPass& pass) {
    return {"reserveSpace", address, pass.space.reserve, true, pass.space.reserve == 0, kSpaceAlignment};
}

}  // namespace

namespace body {

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t mode,
                              const std::int32_t device_lengths[], cudnnRNNDataDescriptor_t x_data, const void* x,
                              cudnnRNNDataDescriptor_t y_data, void* y, cudnnTensorDescriptor_t h_tensor,
                              const void* hx, void* hy, cudnnTensorDescriptor_t c_tensor, const void* cx, void* cy,
                              std::size_t weight_bytes, const void* weights, std::size_t workspace_bytes,
                              void* workspace, std::size_t reserve_bytes, void* reserve) {
    const bool is_training = mode == CUDNN_FWD_MODE_TRAINING;
    const bool has_cell_state = c_tensor != nullptr || cx != nullptr || cy != nullptr;
    const CheckedPass pass =
        checked_pass({handle, rnn, is_training ? PassKind::training : PassKind::inference, device_lengths, x_data,
                      y_data, h_tensor, has_cell_state, weight_bytes, workspace_bytes, reserve_bytes});
    const std::size_t element = pass.x_data.element_bytes();
    std::vector<Argument> arguments{{"x", x, pass.x_bytes(), false, false, element},
                                    {"y", y, pass.y_bytes(), true, false, element},
                                    {"hx", hx, pass.h_bytes(), false, true, element},
                                    {"hy", hy, pass.h_bytes(), true, true, element},
                                    weight_argument(weights, pass, false),
                                    workspace_argument(workspace, pass)};
    if (is_training) arguments.push_back(reserve_argument(reserve, pass));
    check_arguments(arguments);
    state().latest_forward = {pass.settings.algorithm, mode, pass.settings.math, pass.x_data.time, pass.x_data.batch};
    const Forward forward{pass, is_training, x, hx, weights, y, hy, workspace, reserve};
    const auto algorithm = static_cast<std::size_t>(pass.settings.algorithm);
    state().enqueue(
        pass.stream, "cudnnRNNForward", [forward] { forward.run(); }, state().options.milliseconds[algorithm]);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                                      const std::int32_t device_lengths[], cudnnRNNDataDescriptor_t y_data,
                                      const void* y, const void* dy, cudnnRNNDataDescriptor_t x_data, void* dx,
                                      cudnnTensorDescriptor_t h_tensor, const void* hx, const void* dhy, void* dhx,
                                      cudnnTensorDescriptor_t c_tensor, const void* cx, const void* dcy, void* dcx,
                                      std::size_t weight_bytes, const void* weights, std::size_t workspace_bytes,
                                      void* workspace, std::size_t reserve_bytes, void* reserve) {
    const bool has_cell_state = c_tensor != nullptr || cx != nullptr || dcy != nullptr || dcx != nullptr;
    const CheckedPass pass = checked_pass({handle, rnn, PassKind::backward, device_lengths, x_data, y_data, h_tensor,
                                           has_cell_state, weight_bytes, workspace_bytes, reserve_bytes});
    const std::size_t element = pass.x_data.element_bytes();
    check_arguments({{"y", y, pass.y_bytes(), false, false, element},
                     {"dy", dy, pass.y_bytes(), false, false, element},
                     {"dx", dx, pass.x_bytes(), true, false, element},
                     {"hx", hx, pass.h_bytes(), false, true, element},
                     {"dhy", dhy, pass.h_bytes(), false, true, element},
                     {"dhx", dhx, pass.h_bytes(), true, true, element},
                     weight_argument(weights, pass, false),
                     workspace_argument(workspace, pass),
                     reserve_argument(reserve, pass)});
    const BackwardData backward{pass, y, dy, hx, dhy, weights, dx, dhx, workspace, reserve};
    state().enqueue(pass.stream, "cudnnRNNBackwardData_v8", [backward] { backward.run(); });
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnWgradMode_t add,
                                         const std::int32_t device_lengths[], cudnnRNNDataDescriptor_t x_data,
                                         const void* x, cudnnTensorDescriptor_t h_tensor, const void* hx,
                                         cudnnRNNDataDescriptor_t y_data, const void* y, std::size_t weight_bytes,
                                         void* d_weights, std::size_t workspace_bytes, void* workspace,
                                         std::size_t reserve_bytes, void* reserve) {
    require(add == CUDNN_WGRAD_MODE_ADD, CUDNN_STATUS_NOT_SUPPORTED, "only CUDNN_WGRAD_MODE_ADD is documented");
    const CheckedPass pass = checked_pass({handle, rnn, PassKind::backward, device_lengths, x_data, y_data, h_tensor,
                                           false, weight_bytes, workspace_bytes, reserve_bytes});
    const std::size_t element = pass.x_data.element_bytes();
    check_arguments({{"x", x, pass.x_bytes(), false, false, element},
                     {"y", y, pass.y_bytes(), false, false, element},
                     {"hx", hx, pass.h_bytes(), false, true, element},
                     weight_argument(d_weights, pass, true),
                     workspace_argument(workspace, pass),
                     reserve_argument(reserve, pass)});
    const BackwardWeights backward{pass, x, y, hx, d_weights, workspace, reserve};
    state().enqueue(pass.stream, "cudnnRNNBackwardWeights_v8", [backward] { backward.run(); });
    return CUDNN_STATUS_SUCCESS;
}

}  // namespace body
}  // namespace eigengru_test::cuda_fake
