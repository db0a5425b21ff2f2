// SPDX-License-Identifier: MIT
// An executor for tests, in one thread.
#pragma once

#include "eigengru/core/executor.hpp"

namespace eigengru_test {

/// No threads, but as many parts as it says, from the last to the first. It cannot run tasks that wait for each other.
struct Backwards {
    [[nodiscard]] eigengru::Index concurrency() const { return 3; }
    void run(eigengru::Index tasks, eigengru::TaskRef task) {
        ++runs;
        while (tasks > 0) task(--tasks);
    }
    eigengru::Index runs = 0;
};

}  // namespace eigengru_test
