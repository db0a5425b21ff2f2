// SPDX-License-Identifier: MIT
#include "support/cuda_fake/runtime.hpp"

#include "support/cuda_fake/state.hpp"

#include <cstring>
#include <utility>

namespace eigengru_test::cuda_fake::body {
namespace {

void require_pointer(const void* pointer) {
    require(pointer != nullptr, cudaErrorInvalidValue, "a null pointer");
}

/// Rows of bytes: a plain copy is one row.
struct Copy {
    void* to = nullptr;
    std::size_t to_pitch = 0;
    const void* from = nullptr;
    std::size_t from_pitch = 0;
    std::size_t width = 0;
    std::size_t height = 0;

    [[nodiscard]] std::size_t span(std::size_t pitch) const { return height == 0 ? 0 : (height - 1) * pitch + width; }
    [[nodiscard]] std::size_t to_span() const { return span(to_pitch); }
    [[nodiscard]] std::size_t from_span() const { return span(from_pitch); }
};

/// Host memory of a copy: not an address of the device, and all within its block when it is pinned.
void require_host(const void* address, std::size_t bytes, const char* what) {
    require(!Memory::looks_like_device(address), cudaErrorInvalidValue,
            std::string(what) + ": device memory where host memory belongs");
    require(!state().memory.is_pinned(address) || state().memory.is_pinned(address, bytes), cudaErrorInvalidValue,
            std::string(what) + ": runs over the end of pinned memory");
}

void copy_rows(const Copy& copy, unsigned char* to, const unsigned char* from) {
    for (std::size_t row = 0; row < copy.height; ++row)
        std::memcpy(to + row * copy.to_pitch, from + row * copy.from_pitch, copy.width);
}

void mark_written(const Copy& copy, const Memory::Range& to) {
    for (std::size_t row = 0; row < copy.height; ++row)
        std::fill_n(to.is_written.begin() + static_cast<std::ptrdiff_t>(row * copy.to_pitch), copy.width, 1);
}

void to_device(const Copy& copy, cudaStream_t stream, std::string_view function) {
    require_host(copy.from, copy.from_span(), "source");
    state().device(copy.to, copy.to_span(), cudaErrorInvalidValue, "destination");
    const auto* source = static_cast<const unsigned char*>(copy.from);
    std::vector<unsigned char> staged;
    const bool is_pinned = state().memory.is_pinned(copy.from);
    if (!is_pinned) {  // CUDA takes such memory before it returns
        ++state().hidden_synchronisations;
        staged.assign(source, source + copy.from_span());
    }
    state().enqueue(stream, function, [copy, source, is_pinned, staged = std::move(staged)] {
        require(!is_pinned || state().memory.is_pinned(source, copy.from_span()), cudaErrorInvalidValue,
                "source: pinned memory freed too early");
        const Memory::Range to = state().device(copy.to, copy.to_span(), cudaErrorInvalidValue, "destination");
        copy_rows(copy, to.bytes.data(), is_pinned ? source : staged.data());
        mark_written(copy, to);
    });
}

void to_host(const Copy& copy, cudaStream_t stream, std::string_view function) {
    require_host(copy.to, copy.to_span(), "destination");
    state().device(copy.from, copy.from_span(), cudaErrorInvalidValue, "source");
    const bool is_pinned = state().memory.is_pinned(copy.to);
    state().enqueue(stream, function, [copy, is_pinned] {
        require(!is_pinned || state().memory.is_pinned(copy.to, copy.to_span()), cudaErrorInvalidValue,
                "destination: pinned memory freed too early");
        const Memory::Range from = state().device(copy.from, copy.from_span(), cudaErrorInvalidValue, "source");
        copy_rows(copy, static_cast<unsigned char*>(copy.to), from.bytes.data());
    });
    if (is_pinned) return;
    ++state().hidden_synchronisations;  // CUDA returns when such a copy is done
    state().stream(stream).run();
}

void within_device(const Copy& copy, cudaStream_t stream, std::string_view function) {
    state().device(copy.from, copy.from_span(), cudaErrorInvalidValue, "source");
    state().device(copy.to, copy.to_span(), cudaErrorInvalidValue, "destination");
    state().enqueue(stream, function, [copy] {
        const Memory::Range from = state().device(copy.from, copy.from_span(), cudaErrorInvalidValue, "source");
        const Memory::Range to = state().device(copy.to, copy.to_span(), cudaErrorInvalidValue, "destination");
        copy_rows(copy, to.bytes.data(), from.bytes.data());
        copy_rows(copy, to.is_written.data(), from.is_written.data());
    });
}

cudaError_t copy(const Copy& call, cudaMemcpyKind kind, cudaStream_t stream, std::string_view function) {
    static_cast<void>(state().stream(stream));
    if (call.width == 0 || call.height == 0) return cudaSuccess;
    require_pointer(call.to);
    require_pointer(call.from);
    if (kind == cudaMemcpyDefault) {
        const bool to = Memory::looks_like_device(call.to), from = Memory::looks_like_device(call.from);
        kind = to && from ? cudaMemcpyDeviceToDevice : to ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost;
    }
    switch (kind) {
        case cudaMemcpyHostToDevice: to_device(call, stream, function); break;
        case cudaMemcpyDeviceToHost: to_host(call, stream, function); break;
        case cudaMemcpyDeviceToDevice: within_device(call, stream, function); break;
        default: require(false, cudaErrorInvalidMemcpyDirection, "a copy from host to host");
    }
    return cudaSuccess;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
    require_pointer(count);
    *count = 0;
    support(state().options.devices > 0, cudaErrorNoDevice, "no CUDA-capable device is detected");
    *count = state().options.devices;
    return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
    require_pointer(device);
    support(state().options.devices > 0, cudaErrorNoDevice, "no CUDA-capable device is detected");
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    require_pointer(version);
    *version = state().options.driver_version;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
    require_pointer(address);
    require(!state().streams.is_any_capturing(), cudaErrorStreamCaptureUnsupported,
            "memory while a stream is captured");
    *address = nullptr;
    if (bytes == 0) return cudaSuccess;
    support(state().memory.device_bytes() + bytes <= state().options.device_bytes, cudaErrorMemoryAllocation,
            "out of memory");
    *address = state().memory.allocate_device(bytes);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
    require_pointer(address);
    require(!state().streams.is_any_capturing(), cudaErrorStreamCaptureUnsupported,
            "memory while a stream is captured");
    *address = bytes == 0 ? nullptr : state().memory.allocate_pinned(bytes);
    return cudaSuccess;
}

cudaError_t cudaFree(void* address) {
    if (address == nullptr) return cudaSuccess;
    state().wait_for_all(true);
    require(state().memory.free_device(address), cudaErrorInvalidValue, "not the start of living device memory");
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void* address) {
    if (address == nullptr) return cudaSuccess;
    state().wait_for_all(true);
    require(state().memory.free_pinned(address), cudaErrorInvalidValue, "not the start of living pinned memory");
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    return copy({to, bytes, from, bytes, bytes, 1}, kind, stream, "cudaMemcpyAsync");
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    require(width <= to_pitch && width <= from_pitch, cudaErrorInvalidPitchValue, "rows wider than their pitch");
    return copy({to, to_pitch, from, from_pitch, width, height}, kind, stream, "cudaMemcpy2DAsync");
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    static_cast<void>(state().stream(stream));
    if (bytes == 0) return cudaSuccess;
    state().device(to, bytes, cudaErrorInvalidValue, "destination");
    state().enqueue(stream, "cudaMemsetAsync", [to, value, bytes] {
        const Memory::Range range = state().device(to, bytes, cudaErrorInvalidValue, "destination");
        std::fill(range.bytes.begin(), range.bytes.end(), static_cast<unsigned char>(value));
        std::fill(range.is_written.begin(), range.is_written.end(), static_cast<unsigned char>(1));
    });
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    require_pointer(stream);
    require(flags == cudaStreamDefault || flags == cudaStreamNonBlocking, cudaErrorInvalidValue, "unknown flags");
    *stream = state().streams.create(flags);
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    require(state().streams.destroy(stream), cudaErrorInvalidResourceHandle, "no such stream");
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    Stream& waited_for = state().stream(stream);
    require(waited_for.capture == cudaStreamCaptureStatusNone, cudaErrorStreamCaptureUnsupported,
            "waits for a stream that is being captured");
    waited_for.run();
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    require_pointer(status);
    const Stream& asked = state().stream(stream);
    support(stream != nullptr || !state().streams.is_any_capturing(), cudaErrorStreamCaptureImplicit,
            "another stream is being captured");
    *status = asked.capture;
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    require_pointer(event);
    require((flags & ~unsigned{cudaEventBlockingSync | cudaEventDisableTiming}) == 0, cudaErrorInvalidValue,
            "unknown flags");
    *event = state().streams.create_event(flags);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    Event* recorded = state().streams.find(event);
    require(recorded != nullptr, cudaErrorInvalidResourceHandle, "no such event");
    require(state().stream(stream).capture == cudaStreamCaptureStatusNone, cudaErrorStreamCaptureUnsupported,
            "an event in a stream that is being captured");
    state().streams.record(*recorded, state().streams.find(stream), state().options.streams == FakeStreams::at_once);
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const Event* awaited = state().streams.find(event);
    require(awaited != nullptr, cudaErrorInvalidResourceHandle, "no such event");
    awaited->wait();
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    require_pointer(milliseconds);
    const Event* from = state().streams.find(start);
    const Event* to = state().streams.find(end);
    require(from != nullptr && to != nullptr, cudaErrorInvalidResourceHandle, "no such event");
    for (const Event* event : {from, to}) {
        require(event->time != nullptr, cudaErrorInvalidResourceHandle, "an event that was never recorded");
        require((event->flags & cudaEventDisableTiming) == 0, cudaErrorInvalidResourceHandle, "an event without time");
        require(event->is_complete(), cudaErrorNotReady, "an event that has not happened yet");
    }
    *milliseconds = static_cast<float>(*to->time - *from->time);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    require(state().streams.destroy_event(event), cudaErrorInvalidResourceHandle, "no such event");
    return cudaSuccess;
}

cudaError_t cudaGetLastError() {
    return std::exchange(state().last_error, cudaSuccess);
}

const char* cudaGetErrorName(cudaError_t error) {
    return ::cudaGetErrorName(error);
}

const char* cudaGetErrorString(cudaError_t error) {
    return ::cudaGetErrorString(error);
}

}  // namespace eigengru_test::cuda_fake::body
