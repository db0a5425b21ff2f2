// SPDX-License-Identifier: MIT
// One step of a training: forward, loss, backward, update; and the loss alone.
#pragma once

#include "eigengru/training/loss.hpp"
#include "eigengru/training/optimizer.hpp"
#include "eigengru/training/truncated_bptt.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Which step of a training it is, for an error's text.
struct StepPlace {
    std::string_view where;
    Index epoch = -1;  // none: a single step
    Index epochs = 0;
    Index batch = 0;
    Index batches = 0;

    [[nodiscard]] std::string to_string() const {
        if (epoch < 0) return text(where, ": ");
        return text(where, ": epoch ", epoch + 1, " of ", epochs, ", batch ", batch + 1, " of ", batches, ": ");
    }
};

/// A model with its loss and its optimiser.
///
/// The loss is that of the outputs, masked by the mask that reaches them, plus the penalties of the trainable weights
/// and of the activities.
template <RealScalar S>
class TrainStep {
public:
    TrainStep(Sequential<S>& model, const Loss& loss, Optimizer<S> optimizer)
        : model_(&model), loss_(loss), optimizer_(std::move(optimizer)) {}

    [[nodiscard]] Sequential<S>& model() const { return *model_; }
    [[nodiscard]] const Loss& loss() const { return loss_; }
    [[nodiscard]] Optimizer<S>& optimizer() { return optimizer_; }
    [[nodiscard]] const Optimizer<S>& optimizer() const { return optimizer_; }

    /// The largest norm of the gradients of all steps so far.
    [[nodiscard]] double largest_norm() const { return largest_norm_; }
    void set_largest_norm(double norm) { largest_norm_ = norm; }

    /// One update; returns the loss before it. Allocates nothing from the second time on (for the same memory and
    /// sizes).
    /// Throws: std::runtime_error when the loss or a gradient is not finite, ShapeError, OptionError; weights,
    /// optimiser, carried states and dropout counters are then as before.
    double update(const DataSet<S>& data, BatchMemory<S>& memory, const StepPlace& place, ExecutorRef executor = {}) {
        before_.store(*model_);
        Undo undo{before_, *model_};
        const double loss = loss_of(data, memory, {.is_training = true, .executor = executor});
        if (!std::isfinite(loss)) fail(place, text("the loss is ", loss));
        model_->backward(memory.tape, memory.d_outputs, memory.gradients, executor);
        const double norm = global_norm(*model_, std::as_const(memory.gradients.parameters).flat());
        if (!std::isfinite(norm)) fail(place, text("the norm of the gradients is ", norm, " at a loss of ", loss));
        largest_norm_ = std::max(largest_norm_, norm);
        optimizer_.step(*model_, std::as_const(memory.gradients.parameters).flat());
        undo.is_needed = false;
        return loss;
    }

    /// The loss alone, outside of training. Carried states go on.
    [[nodiscard]] double evaluate(const DataSet<S>& data, BatchMemory<S>& memory, ExecutorRef executor = {}) {
        return loss_of(data, memory, {.executor = executor});
    }

private:
    /// Puts the layers' states back unless the step was done.
    struct Undo {
        const LayerStates<S>& before;
        Sequential<S>& model;
        bool is_needed = true;

        ~Undo() {
            if (is_needed) before.restore(model);
        }
    };

    double loss_of(const DataSet<S>& data, BatchMemory<S>& memory, const ModelRun& run) {
        const SequenceView<const S> outputs = model_->forward(
            data.x, {.mask = data.mask, .training = run.is_training, .executor = run.executor}, memory.tape);
        const LossCallOptions<S> options{.sample_weight = data.sample_weight, .mask = memory.tape.mask()};
        S loss = 0;
        if (run.is_training) {
            memory.d_outputs.resize(outputs.shape());
            loss = loss_.value_and_gradient(data.y, outputs, options, memory.d_outputs);
        } else {
            loss = loss_.value(data.y, outputs, options);
        }
        return static_cast<double>(loss + model_->regularization_loss() + memory.tape.activity_loss());
    }

    [[noreturn]] void fail(const StepPlace& place, const std::string& what) const {
        EIGENGRU_THROW(std::runtime_error, place.to_string(), what, "; the largest gradient norm before was ",
                       largest_norm_, "; the weights are as before this step");
    }

    Sequential<S>* model_;
    Loss loss_;
    Optimizer<S> optimizer_;
    double largest_norm_ = 0.0;
    LayerStates<S> before_;
};

/// The mean loss over a data set outside of training, each batch weighted by its samples and steps. Stateful layers
/// begin at zeros; their states are put back.
template <RealScalar S>
[[nodiscard]] double evaluate(TrainStep<S>& step, const DataSet<S>& data, const BatchPlan& plan,
                              BatchMemories<S>& memories, ExecutorRef executor) {
    const StatesPutBack<S> guard(step.model());
    std::vector<Index> order(static_cast<std::size_t>(plan.samples));
    std::iota(order.begin(), order.end(), Index{0});
    double sum = 0.0, weight = 0.0;
    for (Index i = 0; i < plan.size(); ++i) {
        const BatchPart part = plan.part(i);
        if (plan.window > 0 && part.is_first_window()) step.model().clear_state();
        BatchMemory<S>& memory = memories.of(part);
        gather(data, order, part, memory);
        const double size = static_cast<double>(part.rows * part.steps);
        sum += size * step.evaluate(memory.data(), memory, executor);
        weight += size;
    }
    return sum / weight;
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
