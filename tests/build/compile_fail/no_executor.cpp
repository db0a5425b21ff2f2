// expect: eigengru: this is no Executor
#include <eigengru/core/executor.hpp>

struct WithoutRun {
    [[nodiscard]] eigengru::Index concurrency() const { return 1; }
};

int main() {
    WithoutRun executor;
    const eigengru::ExecutorRef reference = &executor;
    return static_cast<int>(reference.concurrency());
}
