// SPDX-License-Identifier: MIT
// The GRUs written by hand with Eigen alone. Compiled twice: with -O3 -march=native, and with
// -O3 -march=x86-64-v3.
#include "baselines.hpp"
#include "fixed_baseline.hpp"
#include "training_baselines.hpp"

#include <string_view>

namespace eigengru_bench {
namespace {

/// A call of NaiveGru or HoistedGru.
template <class S, class Gru>
class ByHand : public Contender {
public:
    explicit ByHand(const Problem& p)
        : weights_(weights_of<S>(p)),
          gru_(weights_, p.batch, p.time),
          inputs_(inputs_of<S>(p)),
          outputs_(outputs_of<S>(p)),
          is_stateful_(p.workload == Workload::step) {}

    void run() override {
        if (!is_stateful_) gru_.reset();
        gru_.run(inputs_, outputs_);
    }

private:
    Weights<S> weights_;
    Gru gru_;
    SequenceView<const S> inputs_;
    SequenceView<S> outputs_;
    bool is_stateful_;
};

template <class S, bool ResetAfter>
class TrainingByHand : public Contender {
public:
    explicit TrainingByHand(const Problem& p)
        : problem_(p),
          weights_(weights_of<S>(p)),
          gru_(weights_, p.batch, p.time),
          initial_state_(matrix_at<S>(p.initial_state, p.batch, p.units)),
          d_state_(matrix_at<S>(p.d_state, p.batch, p.units)),
          state_(p.batch, p.units) {}

    void run() override {
        gru_.forward(inputs_of<S>(problem_), initial_state_, outputs_of<S>(problem_), state_);
        gru_.backward(output_gradients_of<S>(problem_), d_state_);
    }

    void give_results() override {
        give(gru_.gradients().kernel, problem_.d_kernel);
        give(gru_.gradients().recurrent_kernel, problem_.d_recurrent_kernel);
        give(gru_.gradients().bias, problem_.d_bias);
        give(gru_.d_inputs().matrix(), problem_.d_inputs);
        give(gru_.d_initial_state(), problem_.d_initial_state);
    }

private:
    Problem problem_;
    Weights<S> weights_;
    TrainedGru<S, ResetAfter> gru_;
    RowMatrix<S> initial_state_, d_state_, state_;
};

/// tanh or sigmoid by Eigen's array functions.
template <class S>
class ArrayFunction : public Contender {
public:
    explicit ArrayFunction(const Problem& p)
        : is_tanh_(std::string_view(p.activation) == "tanh"), inputs_(inputs_of<S>(p)), outputs_(outputs_of<S>(p)) {}

    void run() override {
        auto block = outputs_.step(0);
        block = inputs_.step(0);
        if (is_tanh_)
            block = block.array().tanh();
        else
            block = block.array().logistic();
    }

private:
    bool is_tanh_;
    SequenceView<const S> inputs_;
    SequenceView<S> outputs_;
};

bool is_call(const Problem& problem) {
    return problem.workload == Workload::sequence || problem.workload == Workload::step;
}

ContenderPointer make_naive(const Problem& problem) {
    return with_types(problem, [&]<class S, bool R>(S, std::bool_constant<R>) -> ContenderPointer {
        if (!is_call(problem)) return nullptr;
        return std::make_unique<ByHand<S, NaiveGru<S, R>>>(problem);
    });
}

ContenderPointer make_hoisted(const Problem& problem) {
    return with_types(problem, [&]<class S, bool R>(S, std::bool_constant<R>) -> ContenderPointer {
        if (is_call(problem)) return std::make_unique<ByHand<S, HoistedGru<S, R>>>(problem);
        if (problem.workload == Workload::training) return std::make_unique<TrainingByHand<S, R>>(problem);
        return nullptr;
    });
}

ContenderPointer make_fixed(const Problem& problem) {
    return with_fixed_size(problem, [&]<class Size>(Size) { return std::make_unique<FixedByHand<Size>>(problem); });
}

ContenderPointer make_array(const Problem& problem) {
    return with_types(
        problem, [&]<class S>(S, auto) -> ContenderPointer { return std::make_unique<ArrayFunction<S>>(problem); });
}

}  // namespace

EigenContenders EIGENGRU_BENCH_MAKE(eigen)() {
    return {make_naive, make_hoisted, make_fixed, make_array};
}

}  // namespace eigengru_bench
