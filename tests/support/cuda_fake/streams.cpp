// SPDX-License-Identifier: MIT
#include "support/cuda_fake/streams.hpp"

#include "support/cuda_fake/descriptors.hpp"

namespace eigengru_test::cuda_fake {

void Stream::run_until(std::uint64_t number) {
    while (done < number && !queue.empty()) {
        const std::function<void()> work = std::move(queue.front());
        queue.pop_front();
        ++done;  // first: work that waits for this very stream finds it waited for
        work();
    }
}

cudaStream_t Streams::create(unsigned flags) {
    auto stream = std::make_shared<Stream>();
    stream->flags = flags;
    const auto handle = next_handle<cudaStream_t>();
    streams_[handle] = std::move(stream);
    return handle;
}

bool Streams::destroy(cudaStream_t handle) {
    const auto found = streams_.find(handle);
    if (found == streams_.end()) return false;
    found->second->run();
    streams_.erase(found);
    return true;
}

std::shared_ptr<Stream> Streams::find(cudaStream_t handle) const {
    if (handle == nullptr || handle == cudaStreamLegacy) return null_;
    const auto found = streams_.find(handle);
    return found == streams_.end() ? nullptr : found->second;
}

cudaEvent_t Streams::create_event(unsigned flags) {
    auto event = std::make_unique<Event>();
    event->flags = flags;
    const auto handle = next_handle<cudaEvent_t>();
    events_[handle] = std::move(event);
    return handle;
}

bool Streams::destroy_event(cudaEvent_t handle) {
    return events_.erase(handle) == 1;
}

Event* Streams::find(cudaEvent_t handle) const {
    const auto found = events_.find(handle);
    return found == events_.end() ? nullptr : found->second.get();
}

void Streams::enqueue(const std::shared_ptr<Stream>& stream, std::function<void()> work, bool at_once) {
    const auto wait_for = [&stream](const std::shared_ptr<Stream>& other) {
        stream->queue.emplace_back([other, number = other->enqueued()] { other->run_until(number); });
    };
    if (stream == null_) {
        for (const auto& [handle, other] : streams_)
            if ((other->flags & cudaStreamNonBlocking) == 0) wait_for(other);
    } else if ((stream->flags & cudaStreamNonBlocking) == 0) {
        wait_for(null_);
    }
    stream->queue.push_back(std::move(work));
    if (at_once) stream->run();
}

void Streams::record(Event& event, const std::shared_ptr<Stream>& stream, bool at_once) {
    auto time = std::make_shared<double>(0);
    enqueue(
        stream, [time, from = stream.get()] { *time = from->clock; }, at_once);
    event.stream = stream;
    event.number = stream->enqueued();
    event.time = std::move(time);
}

void Streams::run_all() {
    null_->run();
    for (const auto& [handle, stream] : streams_) stream->run();
}

void Streams::abandon() {
    null_->queue.clear();
    for (const auto& [handle, stream] : streams_) stream->queue.clear();
}

bool Streams::is_any_capturing() const {
    if (null_->capture != cudaStreamCaptureStatusNone) return true;
    for (const auto& [handle, stream] : streams_)
        if (stream->capture != cudaStreamCaptureStatusNone) return true;
    return false;
}

}  // namespace eigengru_test::cuda_fake
