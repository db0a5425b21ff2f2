// SPDX-License-Identifier: MIT
// CudaFake itself: the table, and what every function of it does before and after its body.
#include "support/cuda_fake/cudnn.hpp"
#include "support/cuda_fake/function_list.hpp"
#include "support/cuda_fake/kernels.hpp"
#include "support/cuda_fake/runtime.hpp"
#include "support/cuda_fake/state.hpp"

#include <algorithm>
#include <utility>

namespace eigengru_test {
namespace cuda_fake {
namespace {

using eigengru::detail::CudaFunctions;

constexpr int kStickyCudnnStatus = CUDNN_STATUS_EXECUTION_FAILED_CUDART;

const FakeFunction* find_function(std::string_view name) {
    const auto& all = CudaFake::functions();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

/// Leaves what went wrong where the library may ask for it.
template <class Status>
Status failed(State& state, Status status, const std::string& why) {
    if constexpr (std::is_same_v<Status, cudaError_t>)
        state.last_error = status;
    else
        state.last_cudnn_message = why;
    return status;
}

template <class Status>
Status sticky_status(const State& state) {
    if constexpr (std::is_same_v<Status, cudaError_t>)
        return state.sticky;
    else
        return static_cast<Status>(kStickyCudnnStatus);
}

/// A function that returns a status: counted, failed if a fault is due, its refusals turned into statuses.
template <class Status, class... Arguments>
Status call_checked(std::string_view name, Status (*body)(Arguments...), Arguments... arguments) {
    State* state = current_state();
    if (state == nullptr)  // as after the libraries have been unloaded
        return static_cast<Status>(std::is_same_v<Status, cudaError_t> ? int{cudaErrorCudartUnloading}
                                                                       : int{CUDNN_STATUS_NOT_INITIALIZED});
    const std::lock_guard lock(state->mutex);
    const std::optional<int> fault = state->enter(name);
    const FakeFunction* function = find_function(name);
    const bool is_release = function != nullptr && function->is_release;
    if (fault && !is_release) return failed(*state, static_cast<Status>(*fault), "a fault of the test");
    if (state->sticky != cudaSuccess && !is_release) return sticky_status<Status>(*state);
    Status status{};
    try {
        status = body(arguments...);
    } catch (const Refusal& refusal) {
        if (refusal.is_violation) state->note(name, refusal.why);
        status = failed(*state, static_cast<Status>(refusal.status), refusal.why);
    }
    if (fault) return failed(*state, static_cast<Status>(*fault), "a fault of the test");
    return state->sticky != cudaSuccess ? sticky_status<Status>(*state) : status;
}

/// A function that cannot fail: cudaGetLastError, versions, texts.
template <class Result, class... Arguments>
Result call_plain(std::string_view name, Result (*body)(Arguments...), Arguments... arguments) {
    State* state = current_state();
    if (state == nullptr) return Result();
    const std::lock_guard lock(state->mutex);
    static_cast<void>(state->enter(name));
    return body(arguments...);
}

template <class Name, auto Body, class Signature = decltype(Body)>
struct Entry;
template <class Name, auto Body, class Result, class... Arguments>
struct Entry<Name, Body, Result (*)(Arguments...)> {
    static Result call(Arguments... arguments) {
        constexpr bool is_status = std::is_same_v<Result, cudaError_t> || std::is_same_v<Result, cudnnStatus_t>;
        if constexpr (is_status && Name::value != std::string_view("cudaGetLastError"))
            return call_checked<Result, Arguments...>(Name::value, Body, arguments...);
        else
            return call_plain<Result, Arguments...>(Name::value, Body, arguments...);
    }
};

#define EIGENGRU_TEST_NAME(name)                         \
    struct NameOf_##name {                               \
        static constexpr std::string_view value = #name; \
    };
EIGENGRU_TEST_CUDART_FUNCTIONS(EIGENGRU_TEST_NAME)
EIGENGRU_TEST_CUDNN_FUNCTIONS(EIGENGRU_TEST_NAME)
EIGENGRU_TEST_NAME(gather_rows)
EIGENGRU_TEST_NAME(scatter_rows)
#undef EIGENGRU_TEST_NAME

CudaFunctions make_table(bool has_kernels) {
    CudaFunctions table{};
#define EIGENGRU_TEST_ENTRY(name) table.name = &Entry<NameOf_##name, &body::name>::call;
    EIGENGRU_TEST_CUDART_FUNCTIONS(EIGENGRU_TEST_ENTRY)
    EIGENGRU_TEST_CUDNN_FUNCTIONS(EIGENGRU_TEST_ENTRY)
    if (has_kernels) {
        EIGENGRU_TEST_ENTRY(gather_rows)
        EIGENGRU_TEST_ENTRY(scatter_rows)
    }
#undef EIGENGRU_TEST_ENTRY
    return table;
}

}  // namespace

const CudaFunctions& fake_functions(bool has_kernels) {
    static const CudaFunctions with = make_table(true), without = make_table(false);
    return has_kernels ? with : without;
}

}  // namespace cuda_fake

using cuda_fake::State;

CudaFake::CudaFake(const CudaFakeOptions& options)
    : state_(std::make_unique<State>(options)), functions_(cuda_fake::fake_functions(options.has_kernels)) {}

CudaFake::~CudaFake() = default;

CudaFakeOptions& CudaFake::options() {
    return state_->options;
}

void CudaFake::fail(std::string_view function, int status, int nth) {
    if (cuda_fake::find_function(function) == nullptr)
        throw std::logic_error("CudaFake::fail: no such function, or one that cannot fail: " + std::string(function));
    state_->has_failed = false;
    state_->fault = {std::string(function), status, nth};
}

void CudaFake::fail_asynchronously(cudaError_t status, long nth) {
    state_->has_failed = false;
    state_->asynchronous_status = status;
    state_->asynchronous_countdown = nth;
}

bool CudaFake::has_failed() const {
    return state_->has_failed;
}

void CudaFake::recover() {
    state_->fault.reset();
    state_->asynchronous_countdown = 0;
    state_->sticky = cudaSuccess;
    state_->last_error = cudaSuccess;
}

void CudaFake::set_capturing(cudaStream_t stream, cudaStreamCaptureStatus status) {
    const auto found = state_->streams.find(stream);
    if (found == nullptr) throw std::logic_error("CudaFake::set_capturing: no such stream");
    found->capture = status;
}

long CudaFake::calls(std::string_view function) const {
    const auto found = state_->calls.find(function);
    return found == state_->calls.end() ? 0 : found->second;
}

long CudaFake::calls() const {
    long sum = 0;
    for (const auto& [name, count] : state_->calls) sum += count;
    return sum;
}

long CudaFake::synchronisations() const {
    return calls("cudaStreamSynchronize") + calls("cudaEventSynchronize");
}

long CudaFake::hidden_synchronisations() const {
    return state_->hidden_synchronisations;
}

long CudaFake::allocations() const {
    return calls("cudaMalloc") + calls("cudaMallocHost");
}

long CudaFake::works() const {
    return state_->works;
}

void CudaFake::reset_counts() {
    state_->works = 0;
    state_->calls.clear();
    state_->hidden_synchronisations = 0;
}

CudaFake::Forward CudaFake::latest_forward() const {
    return state_->latest_forward;
}

const std::vector<std::string>& CudaFake::violations() const {
    return state_->violations;
}

std::string CudaFake::alive() const {
    std::string text;
    const auto add = [&text](std::size_t count, const std::string& what) {
        if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    };
    const cuda_fake::Descriptors& d = state_->descriptors;
    add(state_->memory.device_blocks(), "device blocks");
    add(state_->memory.device_bytes(), "bytes of them");
    add(state_->memory.pinned_blocks(), "pinned blocks");
    add(state_->streams.streams(), "streams");
    add(state_->streams.events(), "events");
    add(d.handles.size(), "handles");
    add(d.dropouts.size(), "dropout descriptors");
    add(d.tensors.size(), "tensor descriptors");
    add(d.rnns.size(), "RNN descriptors");
    add(d.data.size(), "RNN data descriptors");
    return text;
}

cudaError_t CudaFake::last_error() const {
    return state_->last_error;
}

}  // namespace eigengru_test
