// SPDX-License-Identifier: MIT
#include "support/cuda_fake/state.hpp"

#include <utility>

namespace eigengru_test::cuda_fake {

State*& current_state() {
    static State* state = nullptr;
    return state;
}

State::State(const CudaFakeOptions& fake_options) : options(fake_options) {
    if (current_state() != nullptr) throw std::logic_error("CudaFake: there is one already");
    current_state() = this;
}

State::~State() {
    streams.abandon();
    current_state() = nullptr;
}

std::optional<int> State::enter(std::string_view function) {
    ++calls[function];
    if (!fault || fault->function != function || --fault->countdown > 0) return std::nullopt;
    has_failed = true;
    return std::exchange(fault, std::nullopt)->status;
}

void State::note(std::string_view function, const std::string& why) {
    violations.push_back(std::string(function) + ": " + why);
}

Stream& State::stream(cudaStream_t handle) {
    const std::shared_ptr<Stream> found = streams.find(handle);
    require(found != nullptr, cudaErrorInvalidResourceHandle, "no such stream");
    return *found;
}

void State::enqueue(cudaStream_t handle, std::string_view function, std::function<void()> work, float milliseconds) {
    const std::shared_ptr<Stream> found = streams.find(handle);
    require(found != nullptr, cudaErrorInvalidResourceHandle, "no such stream");
    require(found->capture == cudaStreamCaptureStatusNone, cudaErrorStreamCaptureUnsupported,
            "work for a stream that is being captured");
    ++works;
    if (asynchronous_countdown > 0 && --asynchronous_countdown == 0) {
        work = [this] {
            sticky = asynchronous_status;
            has_failed = true;
        };
    }
    streams.enqueue(
        found,
        [this, name = std::string(function), work = std::move(work), milliseconds, to = found.get()] {
            to->clock += static_cast<double>(milliseconds);
            if (sticky != cudaSuccess) return;  // the context is lost
            try {
                work();
            } catch (const Refusal& refusal) {
                note(name, refusal.why + " (while it ran)");
            }
        },
        options.streams == FakeStreams::at_once);
}

void State::wait_for_all(bool is_hidden) {
    require(!streams.is_any_capturing(), cudaErrorStreamCaptureUnsupported,
            "waits for a stream that is being captured");
    if (is_hidden) ++hidden_synchronisations;
    streams.run_all();
}

Memory::Range State::device(const void* address, std::size_t bytes, int status, const std::string& what) const {
    const Memory::Range range = memory.device(address, bytes);
    require(range.exists, status,
            what + (Memory::looks_like_device(address) ? ": not all of it is in living device memory"
                                                       : ": host memory where device memory belongs"));
    return range;
}

}  // namespace eigengru_test::cuda_fake
