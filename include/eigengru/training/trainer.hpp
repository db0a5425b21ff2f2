// SPDX-License-Identifier: MIT
// Trainer: fits a Sequential to data, as compile() and fit() of a Keras model.
#pragma once

#include "eigengru/training/callbacks.hpp"
#include "eigengru/training/fit_run.hpp"
#include "eigengru/training/progress_bar.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// Trains a model with a loss and an optimiser.
///
///     Sequential<float> model({Gru<float>(1, {.units = 16}), Dense<float>(16, {.units = 1})});
///     Trainer trainer(model, "mse", Adam{.learning_rate = 1e-3});
///     History history = trainer.fit(x, y, {.epochs = 20, .callbacks = {ProgressBar()}});
///     double error = trainer.evaluate(x_test, y_test);
///
/// The reported loss is Keras's: that of the outputs, masked by the mask that reaches them, plus the penalties of the
/// trainable weights and of the activities.
///
/// A training that was interrupted goes on bit for bit: build model and trainer as before, resume(), and call fit()
/// with the same data and options.
///
///     trainer.fit(x, y, {.epochs = 20, .seed = 1, .callbacks = {Checkpoint("run.ckpt")}, .stop_flag = &interrupted});
///     trainer.resume("run.ckpt");      // later, in another process
///
/// The trainer refers to the model, which must outlive it; loss and optimiser are values. Data is looked at during a
/// call only. One thread at a time.
template <RealScalar S>
class Trainer {
public:
    using Scalar = S;

    Trainer(Sequential<S>& model EIGENGRU_LIFETIMEBOUND, const Loss& loss, std::type_identity_t<Optimizer<S>> optimizer)
        : step_(model, loss, std::move(optimizer)) {}

    [[nodiscard]] Sequential<S>& model() const { return step_.model(); }
    [[nodiscard]] const Loss& loss() const { return step_.loss(); }
    [[nodiscard]] const Optimizer<S>& optimizer() const { return step_.optimizer(); }

    /// Sets a constant learning rate; slots and iterations stay. Throws: OptionError for a rate out of range, and when
    /// the optimiser follows a schedule.
    void set_learning_rate(double rate) {
        detail::set_learning_rate("Trainer::set_learning_rate", step_.optimizer(), rate);
    }

    /// Trains on x (samples, time, features) with targets y of the shape of the model's outputs, epoch after epoch,
    /// each over all samples in batches; the last batch may be smaller. After the first epoch the steps allocate
    /// nothing but what a change of batch size needs in the layers. fit() starts at initial_epoch with the weights as
    /// they are; after resume(), where the checkpoint was written.
    ///
    /// Stateful layers. With a window (truncated BPTT) each batch of long sequences is cut into windows of that many
    /// steps, one update each: states go on from window to window, gradients do not, and every batch begins at zeros.
    /// Without a window the state of row i goes on in row i of the next batch, also from epoch to epoch; samples then
    /// keep their order, whatever `shuffle` says, and their number must be a multiple of the batch size. In both,
    /// `resets` zeros single rows before a batch or window.
    ///
    /// Where the stop flag is set, the batch is finished, the callbacks hear of it (Checkpoint writes) and fit returns.
    ///
    /// Throws: ShapeError, OptionError, and the weights have not changed; what callbacks throw; std::runtime_error that
    /// names epoch, batch and the largest gradient norm when a loss or gradient is not finite: weights, states and
    /// optimiser are as before that step.
    /// Differs from Keras: a loss that is not finite ends the training; the order of the samples is our own
    /// generator's; stateful layers without a window are not shuffled; validation leaves their states alone.
    History fit(SequenceView<const S> x, SequenceView<const S> y, const FitOptions<S>& options = {}) {
        const DataSet<S> data{x, y, options.mask, options.sample_weight};
        check_fit(data, options);
        detail::FitProgress progress = starting_point(options);
        detail::FitRun<S> run(step_, data, options, progress_);
        run.start_callbacks(progress, is_resumed_);
        is_resumed_ = false;
        progress_ = std::move(progress);
        return run.run();
    }

    /// The mean loss over the samples, penalties included, outside of training. Stateful layers begin at zeros; nothing
    /// of the model changes. Throws: ShapeError, OptionError.
    [[nodiscard]] double evaluate(SequenceView<const S> x, SequenceView<const S> y,
                                  const EvaluateOptions<S>& options = {}) {
        constexpr std::string_view where = "Trainer::evaluate";
        const DataSet<S> data{x, y, options.mask, options.sample_weight};
        const detail::BatchPlan plan = checked_plan(where, data, options.batch_size, options.window);
        detail::BatchMemories<S> memories;
        return detail::evaluate(step_, data, plan, memories, options.executor);
    }

    /// One update on one batch, as keras.Model.train_on_batch; returns the loss before it. Stateful layers go on.
    /// Allocates nothing from the second time on (for the same sizes). Throws: as fit().
    double train_step(SequenceView<const S> x, SequenceView<const S> y, const StepOptions<S>& options = {}) {
        const DataSet<S> data{x, y, options.mask, options.sample_weight};
        detail::check_data_set("Trainer::train_step", data);
        return step_.update(data, memory_, {"Trainer::train_step"}, options.executor);
    }

    /// Writes a checkpoint of everything that resume() needs; the callback Checkpoint does so during fit().
    /// Throws: as save_checkpoint().
    void save(const std::string& path) const {
        save_checkpoint(path, step_.model(), step_.optimizer(), progress_.extras());
    }

    /// Puts model and optimiser back where a Trainer's checkpoint was written; the next fit() goes on from there.
    /// Throws: as load_checkpoint(), FormatError when no Trainer wrote it; nothing has changed then.
    void resume(const std::string& path) {
        const detail::LoadedCheckpoint<S> loaded = detail::read_checkpoint(path, step_.model(), step_.optimizer());
        detail::FitProgress progress =
            detail::FitProgress::from(loaded.extras, detail::text("Trainer::resume: ", path));
        loaded.apply(step_.model(), step_.optimizer());
        progress_ = std::move(progress);
        is_resumed_ = true;
    }

private:
    detail::BatchPlan checked_plan(std::string_view where, const DataSet<S>& data, Index batch_size,
                                   Index window) const {
        detail::check_data_set(where, data);
        detail::check_window(where, step_.model(), data, window);
        const detail::BatchPlan plan{data.x.shape().batch, data.x.shape().time, batch_size, window};
        detail::check_plan(where, step_.model(), plan);
        return plan;
    }

    void check_fit(const DataSet<S>& data, const FitOptions<S>& options) const {
        constexpr std::string_view where = "Trainer::fit";
        if (options.epochs < 0)
            EIGENGRU_THROW(OptionError, where, ": epochs expected at least 0, received ", options.epochs);
        if (options.initial_epoch < 0)
            EIGENGRU_THROW(OptionError, where, ": initial_epoch expected at least 0, received ", options.initial_epoch);
        const detail::BatchPlan plan = checked_plan(where, data, options.batch_size, options.window);
        detail::check_resets(where, options.resets, plan);
        if (options.validation.x.is_present())
            checked_plan("Trainer::fit: validation", options.validation, options.batch_size, options.window);
        if (is_resumed_ && progress_.batch > 0 && progress_.batches != plan.size())
            EIGENGRU_THROW(OptionError, where, ": to go on within an epoch, expected data and batch_size of ",
                           progress_.batches, " batches, received ", plan.size());
        if (is_resumed_ && progress_.seed && options.seed && progress_.seed != options.seed)
            EIGENGRU_THROW(OptionError, where, ": to go on, expected the seed ", *progress_.seed, ", received ",
                           *options.seed);
    }

    detail::FitProgress starting_point(const FitOptions<S>& options) const {
        detail::FitProgress progress = is_resumed_ ? progress_ : detail::FitProgress{.epoch = options.initial_epoch};
        if (!progress.seed) progress.seed = options.seed ? *options.seed : random_seed();
        return progress;
    }

    detail::TrainStep<S> step_;
    detail::BatchMemory<S> memory_;  // of train_step
    detail::FitProgress progress_;
    bool is_resumed_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI
