// SPDX-License-Identifier: MIT
// The layer: its call and its training step.
#include "inference.hpp"

namespace eigengru_bench {
namespace {

using eigengru::Gru;
using eigengru::Kernels;

/// A training step. The weights are marked as changed each time, as an optimiser does.
template <class S, bool ResetAfter>
class Training : public Contender {
public:
    explicit Training(const Problem& p)
        : problem_(p),
          layer_(make_layer<S, ResetAfter>(p)),
          initial_state_(matrix_at<S>(p.initial_state, p.batch, p.units)),
          d_state_(matrix_at<S>(p.d_state, p.batch, p.units)),
          state_(p.batch, p.units),
          threads_(p),
          kernels_(eigengru::detail::resolved("benchmark", kernels_of(p.isa))) {}

    void run() override {
        layer_.update_parameters([](auto&) {});
        const auto executor = threads_.executor();
        layer_.forward(inputs_of<S>(problem_),
                       {.initial_state = initial_state_, .training = true, .executor = executor, .kernels = kernels_},
                       tape_, {.sequences = outputs_of<S>(problem_), .state = state_});
        layer_.backward(std::move(tape_), {.sequences = output_gradients_of<S>(problem_), .state = d_state_},
                        gradients_, executor);
    }

    void give_results() override {
        give(gradients_.parameters.kernel(), problem_.d_kernel);
        give(gradients_.parameters.recurrent_kernel(), problem_.d_recurrent_kernel);
        give(gradients_.parameters.bias(), problem_.d_bias);
        give(gradients_.inputs.matrix(), problem_.d_inputs);
        give(gradients_.initial_state, problem_.d_initial_state);
    }

    [[nodiscard]] const char* isa() const override { return name_of(kernels_).data(); }

private:
    Problem problem_;
    Gru<S, ResetAfter> layer_;
    RowMatrix<S> initial_state_, d_state_, state_;
    Threads threads_;
    Kernels kernels_;
    eigengru::Tape<S> tape_;
    eigengru::Gradients<S> gradients_;
};

}  // namespace

ContenderPointer EIGENGRU_BENCH_MAKE(eigengru)(const Problem& problem) {
    return with_types(problem, [&]<class S, bool ResetAfter>(S, std::bool_constant<ResetAfter>) -> ContenderPointer {
        switch (problem.workload) {
            case Workload::sequence:
            case Workload::step: return std::make_unique<Inference<S, ResetAfter>>(problem);
            case Workload::training: return std::make_unique<Training<S, ResetAfter>>(problem);
            default: return nullptr;
        }
    });
}

}  // namespace eigengru_bench
