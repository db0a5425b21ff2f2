// SPDX-License-Identifier: MIT
// The threads that a program has already, as executors: OpenMP's and TBB's beside the library's own pool. Prints how
// long a call and a training step take with each, and checks that every one gives the same bits.
#include <eigengru/core/thread_pool.hpp>
#include <eigengru/eigengru.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace eigengru;

#if defined(_OPENMP)
#include <omp.h>

struct OpenMp {
    [[nodiscard]] Index concurrency() const { return omp_get_max_threads(); }

    void run(Index tasks, TaskRef task) const {
#pragma omp parallel for schedule(dynamic)
        for (Index i = 0; i < tasks; ++i) task(i);
    }

    // For tasks that wait for each other; an executor can do without it.
    [[nodiscard]] bool run_concurrently(Index tasks, TaskRef task) const {
        bool has_run = false;
#pragma omp parallel num_threads(static_cast<int>(tasks)) shared(has_run)
        if (omp_get_num_threads() == tasks) {
#pragma omp single nowait
            has_run = true;
            task(omp_get_thread_num());
        }
        return has_run;
    }
};
#endif

#if defined(EIGENGRU_EXAMPLE_TBB)
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

struct Tbb {
    [[nodiscard]] Index concurrency() const { return tbb::this_task_arena::max_concurrency(); }

    void run(Index tasks, TaskRef task) const {
        tbb::parallel_for(Index(0), tasks, [task](Index i) { task(i); });
    }
};
#endif

namespace {

/// A call and a training step for a batch of sequences, and how long they took at best.
struct Run {
    Run(Gru<float> layer, const Sequence<float>& inputs, ExecutorRef executor) {
        const RowMatrix<float> d = RowMatrix<float>::Constant(inputs.shape().batch, layer.units(), 1.0F);
        Tape<float> tape;
        for (int i = 0; i < 5; ++i) {
            const auto start = std::chrono::steady_clock::now();
            output = layer(inputs, {.executor = executor});
            const auto middle = std::chrono::steady_clock::now();
            layer.forward(inputs, {.training = true, .executor = executor}, tape);
            layer.backward(std::move(tape), {.last = d}, gradients, executor);
            const auto end = std::chrono::steady_clock::now();
            call_ms = std::min(call_ms, std::chrono::duration<double, std::milli>(middle - start).count());
            step_ms = std::min(step_ms, std::chrono::duration<double, std::milli>(end - middle).count());
        }
    }

    Output<float> output;
    Gradients<float> gradients;
    double call_ms = 1e9, step_ms = 1e9;
};

}  // namespace

int main() {
    Gru<float> layer(64, {.units = 128, .seed = 1});
    Sequence<float> inputs({32, 50, 64});
    inputs.matrix().setRandom();
    const Run alone(layer, inputs, nullptr);
    std::printf("%-22s %9.2f ms a call %9.2f ms a training step\n", "one thread", alone.call_ms, alone.step_ms);

    const auto show = [&](const char* name, ExecutorRef executor) {
        const Run run(layer, inputs, executor);
        const bool is_same = run.output.last == alone.output.last &&
                             run.gradients.parameters.flat() == alone.gradients.parameters.flat();
        std::printf("%-13s %2ld threads %9.2f ms a call %9.2f ms a training step, %s\n", name,
                    static_cast<long>(executor.concurrency()), run.call_ms, run.step_ms,
                    is_same ? "the same bits" : "OTHER BITS");
        if (!is_same) std::exit(1);
    };
    ThreadPool pool;
    show("ThreadPool", &pool);
#if defined(_OPENMP)
    OpenMp openmp;
    show("OpenMP", &openmp);
#endif
#if defined(EIGENGRU_EXAMPLE_TBB)
    Tbb tbb;
    show("TBB", &tbb);
#endif
}
