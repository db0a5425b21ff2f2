// SPDX-License-Identifier: MIT
// The streams and events of the fake GPU. Work is put off until somebody waits for it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

namespace eigengru_test::cuda_fake {

/// A queue of work, done in order. Work is numbered from 1; `done` counts what has run.
struct Stream {
    std::deque<std::function<void()>> queue = {};
    std::uint64_t done = 0;
    unsigned flags = 0;
    double clock = 0;  ///< milliseconds that its work seems to have taken
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;

    [[nodiscard]] std::uint64_t enqueued() const { return done + queue.size(); }
    void run_until(std::uint64_t number);
    void run() { run_until(enqueued()); }
};

/// The place in a stream that was recorded last.
struct Event {
    unsigned flags = 0;
    std::shared_ptr<Stream> stream = {};
    std::uint64_t number = 0;
    std::shared_ptr<double> time = {};  ///< set when the work before it has run

    [[nodiscard]] bool is_complete() const { return stream == nullptr || stream->done >= number; }
    void wait() const {
        if (stream != nullptr) stream->run_until(number);
    }
};

class Streams {
public:
    cudaStream_t create(unsigned flags);
    bool destroy(cudaStream_t handle);
    /// Null for a handle that is none. The null stream is there always.
    [[nodiscard]] std::shared_ptr<Stream> find(cudaStream_t handle) const;

    cudaEvent_t create_event(unsigned flags);
    bool destroy_event(cudaEvent_t handle);
    [[nodiscard]] Event* find(cudaEvent_t handle) const;

    /// Work for a stream. Streams that block wait for the null stream, and it for them.
    void enqueue(const std::shared_ptr<Stream>& stream, std::function<void()> work, bool at_once);
    void record(Event& event, const std::shared_ptr<Stream>& stream, bool at_once);
    void run_all();
    /// Drops all work that has not run.
    void abandon();

    [[nodiscard]] bool is_any_capturing() const;
    [[nodiscard]] std::size_t streams() const { return streams_.size(); }
    [[nodiscard]] std::size_t events() const { return events_.size(); }

private:
    std::shared_ptr<Stream> null_ = std::make_shared<Stream>();
    std::map<cudaStream_t, std::shared_ptr<Stream>> streams_;
    std::map<cudaEvent_t, std::unique_ptr<Event>> events_;
};

}  // namespace eigengru_test::cuda_fake
