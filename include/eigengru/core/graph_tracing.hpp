// SPDX-License-Identifier: MIT
// ScopedGraphTracing: says that what runs now is being recorded into a graph.
#pragma once

#include "eigengru/core/config.hpp"

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

inline int& tracing_depth() {
    thread_local int depth = 0;
    return depth;
}

/// Whether this thread records what it runs.
[[nodiscard]] inline bool is_tracing() {
    return tracing_depth() > 0;
}

}  // namespace detail

/// For programs that record operations instead of running them at once: while one lives, the calls of its thread fail
/// Keras's rule of eager execution, so that none takes cuDNN. Scopes may be nested. (A DeviceGru finds out without it
/// whether its stream is being captured. The other calls have a stream of their own: they know of a capture in another
/// one only where that one waits for the legacy stream.)
class ScopedGraphTracing {
public:
    ScopedGraphTracing() { ++detail::tracing_depth(); }
    ~ScopedGraphTracing() { --detail::tracing_depth(); }

    ScopedGraphTracing(const ScopedGraphTracing&) = delete;
    ScopedGraphTracing& operator=(const ScopedGraphTracing&) = delete;
};

}  // namespace eigengru::inline EIGENGRU_ABI
