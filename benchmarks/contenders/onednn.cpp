// SPDX-License-Identifier: MIT
// oneDNN (2.6) as contender: lbr_gru for reset after, vanilla_gru for reset before. Its gates u, r, o are our z, r, c,
// and h' = u . h + (1 - u) . o as here. Inputs and outputs are given to it in time-major order, the one it works in.
// Inference: weights in the format it asks for, reordered once beforehand. Training: reordered in each step.
#include "contender.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace eigengru_bench {
namespace {

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;
using Floats = std::vector<float>;

/// The processor, with the instruction set of the first problem: oneDNN takes one for all.
dnnl::engine& engine_for(const Problem& problem) {
    static dnnl::engine engine = [&] {
        if (std::string_view(problem.isa) == "avx2") dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
        return dnnl::engine(dnnl::engine::kind::cpu, 0);
    }();
    return engine;
}

memory::desc floats(const memory::dims& dims, memory::format_tag tag) {
    return {dims, memory::data_type::f32, tag};
}

Floats copied(const void* from, std::int64_t count) {
    const auto* first = static_cast<const float*>(from);
    return Floats(first, first + count);
}

/// (a, b, size) as (b, a, size).
void swap_axes(const void* from, void* to, std::int64_t a, std::int64_t b, std::int64_t size) {
    const auto* source = static_cast<const float*>(from);
    for (std::int64_t i = 0; i < a; ++i)
        for (std::int64_t j = 0; j < b; ++j)
            std::copy_n(source + (i * b + j) * size, size, static_cast<float*>(to) + (j * a + i) * size);
}

Floats time_major(const Problem& p, const void* from, std::int64_t size) {
    Floats swapped(static_cast<std::size_t>(p.batch * p.time * size));
    swap_axes(from, swapped.data(), p.batch, p.time, size);
    return swapped;
}

/// Both biases as oneDNN wants them: the recurrent one of z and r is added to the other.
Floats merged_bias(const Problem& p) {
    const std::int64_t n = p.units;
    Floats bias = copied(p.bias, 3 * n);
    if (p.reset_after == 0) return bias;
    const auto* recurrent = static_cast<const float*>(p.bias) + 3 * n;
    for (std::int64_t i = 0; i < 2 * n; ++i) bias[static_cast<std::size_t>(i)] += recurrent[i];
    bias.insert(bias.end(), recurrent + 2 * n, recurrent + 3 * n);
    return bias;
}

/// The shapes of a problem's arrays, in oneDNN's words.
struct Shapes {
    explicit Shapes(const Problem& p, memory::format_tag weights_tag)
        : inputs(floats({p.time, p.batch, p.features}, memory::format_tag::tnc)),
          outputs(floats({p.time, p.batch, p.units}, memory::format_tag::tnc)),
          state(floats({1, 1, p.batch, p.units}, memory::format_tag::ldnc)),
          kernel(floats({1, 1, p.features, 3, p.units}, weights_tag)),
          recurrent_kernel(floats({1, 1, p.units, 3, p.units}, weights_tag)),
          bias(floats({1, 1, p.reset_after != 0 ? 4 : 3, p.units}, memory::format_tag::ldgo)) {}

    memory::desc inputs, outputs, state, kernel, recurrent_kernel, bias;
};

/// The part that inference and training share: the problem's arrays, and where oneDNN has them.
class OneDnn : public Contender {
public:
    explicit OneDnn(const Problem& p)
        : problem_(p),
          stream_(engine_for(p)),
          plain_(p, memory::format_tag::ldigo),
          any_(p, memory::format_tag::any),
          inputs_(time_major(p, p.inputs, p.features)),
          outputs_(static_cast<std::size_t>(p.batch * p.time * p.units)),
          kernel_(copied(p.kernel, p.features * 3 * p.units)),
          recurrent_kernel_(copied(p.recurrent_kernel, p.units * 3 * p.units)),
          bias_(merged_bias(p)) {}

protected:
    /// Memory of oneDNN's own.
    [[nodiscard]] memory fresh(const memory::desc& desc) { return memory(desc, engine_for(problem_)); }
    [[nodiscard]] memory at(const memory::desc& desc, Floats& values) {
        return memory(desc, engine_for(problem_), values.data());
    }

    void reorder(memory from, memory to) { dnnl::reorder(from, to).execute(stream_, from, to); }

    void give_outputs() { swap_axes(outputs_.data(), problem_.outputs, problem_.time, problem_.batch, problem_.units); }

    Problem problem_;
    dnnl::stream stream_;
    Shapes plain_, any_;
    Floats inputs_, outputs_, kernel_, recurrent_kernel_, bias_;
};

/// Forward is dnnl::lbr_gru_forward or dnnl::gru_forward.
template <class Forward>
class Inference : public OneDnn {
public:
    explicit Inference(const Problem& p) : OneDnn(p), is_stateful_(p.workload == Workload::step) {
        const memory::desc none, state = is_stateful_ ? plain_.state : none;
        const typename Forward::primitive_desc desc(
            {dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right, plain_.inputs, state,
             any_.kernel, any_.recurrent_kernel, plain_.bias, plain_.outputs, state},
            engine_for(p));
        const memory kernel = fresh(desc.weights_layer_desc()), recurrent_kernel = fresh(desc.weights_iter_desc());
        reorder(at(plain_.kernel, kernel_), kernel);
        reorder(at(plain_.recurrent_kernel, recurrent_kernel_), recurrent_kernel);
        stream_.wait();
        gru_ = Forward(desc);
        arguments_ = {{DNNL_ARG_SRC_LAYER, at(plain_.inputs, inputs_)},
                      {DNNL_ARG_WEIGHTS_LAYER, kernel},
                      {DNNL_ARG_WEIGHTS_ITER, recurrent_kernel},
                      {DNNL_ARG_BIAS, at(plain_.bias, bias_)},
                      {DNNL_ARG_DST_LAYER, at(plain_.outputs, outputs_)}};
        if (is_stateful_) carry_state();
    }

    void run() override {
        gru_.execute(stream_, arguments_);
        stream_.wait();
        if (is_stateful_) std::swap(arguments_.at(DNNL_ARG_SRC_ITER), arguments_.at(DNNL_ARG_DST_ITER));
    }

    void give_results() override { give_outputs(); }

private:
    void carry_state() {
        for (const int which : {DNNL_ARG_SRC_ITER, DNNL_ARG_DST_ITER}) {
            const memory state = fresh(plain_.state);
            std::fill_n(static_cast<float*>(state.get_data_handle()), problem_.batch * problem_.units, 0.0F);
            arguments_.insert({which, state});
        }
    }

    bool is_stateful_;
    Forward gru_;
    Arguments arguments_;
};

/// Forward and Backward are a pair of them.
template <class Forward, class Backward>
class Training : public OneDnn {
public:
    explicit Training(const Problem& p)
        : OneDnn(p),
          initial_state_(copied(p.initial_state, p.batch * p.units)),
          d_outputs_(time_major(p, p.d_outputs, p.units)),
          d_state_(copied(p.d_state, p.batch * p.units)),
          d_inputs_(inputs_.size()),
          d_kernel_(kernel_.size()),
          d_recurrent_kernel_(recurrent_kernel_.size()),
          d_bias_(bias_.size()),
          d_initial_state_(d_state_.size()) {
        constexpr auto direction = dnnl::rnn_direction::unidirectional_left2right;
        const typename Forward::primitive_desc forward(
            {dnnl::prop_kind::forward_training, direction, plain_.inputs, plain_.state, any_.kernel,
             any_.recurrent_kernel, plain_.bias, plain_.outputs, plain_.state},
            engine_for(p));
        const typename Backward::primitive_desc backward(
            {dnnl::prop_kind::backward, direction, plain_.inputs, plain_.state, any_.kernel, any_.recurrent_kernel,
             plain_.bias, plain_.outputs, plain_.state, plain_.inputs, plain_.state, plain_.kernel,
             plain_.recurrent_kernel, plain_.bias, plain_.outputs, plain_.state},
            engine_for(p), forward);
        forward_ = Forward(forward);
        backward_ = Backward(backward);
        set_arguments(fresh(forward.workspace_desc()));
        set_weights(forward_arguments_, forward.weights_layer_desc(), forward.weights_iter_desc());
        set_weights(backward_arguments_, backward.weights_layer_desc(), backward.weights_iter_desc());
    }

    void run() override {
        take_weights(forward_arguments_);
        forward_.execute(stream_, forward_arguments_);
        take_weights(backward_arguments_);
        for (Floats* sums : {&d_kernel_, &d_recurrent_kernel_, &d_bias_}) std::fill(sums->begin(), sums->end(), 0.0F);
        backward_.execute(stream_, backward_arguments_);
        stream_.wait();
    }

    void give_results() override {
        const Problem& p = problem_;
        give_outputs();
        swap_axes(d_inputs_.data(), p.d_inputs, p.time, p.batch, p.features);
        std::copy(d_kernel_.begin(), d_kernel_.end(), static_cast<float*>(p.d_kernel));
        std::copy(d_recurrent_kernel_.begin(), d_recurrent_kernel_.end(), static_cast<float*>(p.d_recurrent_kernel));
        std::copy(d_initial_state_.begin(), d_initial_state_.end(), static_cast<float*>(p.d_initial_state));
        auto* d_bias = static_cast<float*>(p.d_bias);
        std::copy_n(d_bias_.begin(), 3 * p.units, d_bias);
        if (p.reset_after == 0) return;
        std::copy_n(d_bias_.begin(), 2 * p.units, d_bias + 3 * p.units);
        std::copy_n(d_bias_.begin() + 3 * p.units, p.units, d_bias + 5 * p.units);
    }

private:
    void set_arguments(const memory& workspace) {
        forward_arguments_ = {
            {DNNL_ARG_SRC_LAYER, at(plain_.inputs, inputs_)}, {DNNL_ARG_SRC_ITER, at(plain_.state, initial_state_)},
            {DNNL_ARG_BIAS, at(plain_.bias, bias_)},          {DNNL_ARG_DST_LAYER, at(plain_.outputs, outputs_)},
            {DNNL_ARG_DST_ITER, fresh(plain_.state)},         {DNNL_ARG_WORKSPACE, workspace}};
        backward_arguments_ = forward_arguments_;
        backward_arguments_.insert({{DNNL_ARG_DIFF_DST_LAYER, at(plain_.outputs, d_outputs_)},
                                    {DNNL_ARG_DIFF_DST_ITER, at(plain_.state, d_state_)},
                                    {DNNL_ARG_DIFF_SRC_LAYER, at(plain_.inputs, d_inputs_)},
                                    {DNNL_ARG_DIFF_SRC_ITER, at(plain_.state, d_initial_state_)},
                                    {DNNL_ARG_DIFF_WEIGHTS_LAYER, at(plain_.kernel, d_kernel_)},
                                    {DNNL_ARG_DIFF_WEIGHTS_ITER, at(plain_.recurrent_kernel, d_recurrent_kernel_)},
                                    {DNNL_ARG_DIFF_BIAS, at(plain_.bias, d_bias_)}});
    }

    void set_weights(Arguments& arguments, const memory::desc& kernel, const memory::desc& recurrent_kernel) {
        arguments.insert({{DNNL_ARG_WEIGHTS_LAYER, fresh(kernel)}, {DNNL_ARG_WEIGHTS_ITER, fresh(recurrent_kernel)}});
    }

    void take_weights(Arguments& arguments) {
        reorder(at(plain_.kernel, kernel_), arguments.at(DNNL_ARG_WEIGHTS_LAYER));
        reorder(at(plain_.recurrent_kernel, recurrent_kernel_), arguments.at(DNNL_ARG_WEIGHTS_ITER));
    }

    Floats initial_state_, d_outputs_, d_state_;
    Floats d_inputs_, d_kernel_, d_recurrent_kernel_, d_bias_, d_initial_state_;
    Forward forward_;
    Backward backward_;
    Arguments forward_arguments_, backward_arguments_;
};

template <class Forward, class Backward>
ContenderPointer make(const Problem& problem) {
    switch (problem.workload) {
        case Workload::sequence:
        case Workload::step: return std::make_unique<Inference<Forward>>(problem);
        case Workload::training: return std::make_unique<Training<Forward, Backward>>(problem);
        default: return nullptr;
    }
}

}  // namespace

ContenderPointer make_onednn(const Problem& problem) {
    if (problem.is_double != 0) return nullptr;
    return problem.reset_after != 0 ? make<dnnl::lbr_gru_forward, dnnl::lbr_gru_backward>(problem)
                                    : make<dnnl::gru_forward, dnnl::gru_backward>(problem);
}

}  // namespace eigengru_bench
