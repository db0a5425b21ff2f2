// SPDX-License-Identifier: MIT
// One Trainer::fit from its first batch to its last: what happens, and when the callbacks hear of it.
#pragma once

#include "eigengru/training/checkpoint.hpp"
#include "eigengru/training/fit_progress.hpp"
#include "eigengru/training/train_step.hpp"

#include <functional>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Sets the learning rate of an optimiser that has a constant one. Throws: OptionError.
template <RealScalar S>
void set_learning_rate(std::string_view where, Optimizer<S>& optimizer, double rate) {
    if (sampled_rates(optimizer).size() != 1)
        EIGENGRU_THROW(OptionError, where, ": expected an optimizer with a constant learning rate, it has a schedule");
    Optimizer<S> changed = with_learning_rate(optimizer, rate);
    changed.restore(optimizer.iterations(), optimizer.slots());
    optimizer = std::move(changed);
}

/// A checked training; `progress` says where it starts and is kept up to date.
template <RealScalar S>
class FitRun : public TrainingRun {
public:
    FitRun(TrainStep<S>& step, const DataSet<S>& data, const FitOptions<S>& options, FitProgress& progress)
        : step_(step),
          data_(data),
          options_(options),
          progress_(progress),
          plan_{data.x.shape().batch, data.x.shape().time, options.batch_size, options.window},
          order_(static_cast<std::size_t>(plan_.samples)),
          is_shuffled_(options.shuffle && (options.window > 0 || !is_stateful(step.model()))) {
        rows_.reserve(static_cast<std::size_t>(plan_.batch_size));
        status_ = {
            .epochs = options.epochs, .batches = plan_.size(), .has_validation = options.validation.x.is_present()};
    }

    /// Before run(): the callbacks forget, or go on from those of a checkpoint. Throws: OptionError when these are
    /// others.
    void start_callbacks(const FitProgress& from, bool is_resumed) const {
        const std::vector<std::string> names = callback_names();
        std::vector<std::string> expected, received;
        for (const auto& [name, state] : from.callbacks) expected.push_back(name);
        for (const std::string& name : names)
            if (!name.empty()) received.push_back(name);
        std::sort(received.begin(), received.end());
        if (is_resumed && received != expected)
            EIGENGRU_THROW(OptionError, "Trainer::fit: to go on, expected the callbacks ", quoted_list(expected),
                           ", received ", quoted_list(received));
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (is_resumed && !names[i].empty())
                options_.callbacks[i]->restore(from.callbacks.at(names[i]));
            else
                options_.callbacks[i]->reset();
        }
    }

    /// From where progress says. Throws: see Trainer::fit.
    History run() {
        progress_.batches = plan_.size();
        step_.set_largest_norm(progress_.largest_norm);
        update_status();
        tell(&Callback::on_train_begin);
        while (progress_.epoch < options_.epochs && !progress_.is_finished && !status_.is_stopped) run_epoch();
        tell(&Callback::on_train_end);
        keep_callbacks();
        return {progress_.history, status_.is_stopped};
    }

    [[nodiscard]] const TrainingStatus& status() const override { return status_; }

    [[nodiscard]] std::vector<double> weights() override {
        std::vector<double> weights;
        step_.model().update_variables([&](const Variable<S>& v) {
            for (Index i = 0; i < v.values.size(); ++i)
                weights.push_back(static_cast<double>(v.values(i / v.values.cols(), i % v.values.cols())));
        });
        return weights;
    }

    void set_weights(std::span<const double> weights) override {
        const Index count = step_.model().count_params();
        if (static_cast<Index>(weights.size()) != count)
            EIGENGRU_THROW(ShapeError, "TrainingRun::set_weights: expected ", count, " weights, received ",
                           weights.size());
        std::size_t next = 0;
        step_.model().update_variables([&](Variable<S> v) {
            for (Index r = 0; r < v.values.rows(); ++r)
                for (Index c = 0; c < v.values.cols(); ++c) v.values(r, c) = static_cast<S>(weights[next++]);
        });
    }

    void set_learning_rate(double rate) override {
        detail::set_learning_rate("TrainingRun::set_learning_rate", step_.optimizer(), rate);
        status_.learning_rate = rate;
    }

    void reset_state() override { step_.model().reset_state(); }
    void stop() override { progress_.is_finished = true; }

    void request_checkpoint(const std::string& path) override {
        if (std::find(requested_.begin(), requested_.end(), path) == requested_.end()) requested_.push_back(path);
    }

private:
    void run_epoch() {
        const bool is_whole = progress_.batch == 0;
        if (is_whole) progress_.loss_sum = progress_.weight_sum = 0.0;
        if (is_shuffled_)
            shuffle_samples(order_, *progress_.seed, progress_.epoch);
        else
            std::iota(order_.begin(), order_.end(), Index{0});
        update_status();
        if (is_whole) tell(&Callback::on_epoch_begin);
        while (true) {
            status_.is_stopped = options_.stop_flag != nullptr && options_.stop_flag->load();
            if (status_.is_stopped) return;
            if (progress_.batch == plan_.size()) break;
            run_batch();
        }
        end_epoch();
    }

    void run_batch() {
        const BatchPart part = plan_.part(progress_.batch);
        prepare_states(part);
        BatchMemory<S>& memory = memories_.of(part);
        gather(data_, order_, part, memory);
        const StepPlace place{"Trainer::fit", progress_.epoch, options_.epochs, progress_.batch, plan_.size()};
        const double loss = step_.update(memory.data(), memory, place, options_.executor);
        const double weight = static_cast<double>(part.rows * part.steps);
        progress_.loss_sum += weight * loss;
        progress_.weight_sum += weight;
        progress_.largest_norm = step_.largest_norm();
        ++progress_.batch;
        update_status();
        tell(&Callback::on_batch_end);
    }

    /// With windows every batch begins with new sequences; without, it goes on where the last one was.
    void prepare_states(const BatchPart& part) {
        if (plan_.window > 0 && part.is_first_window()) step_.model().clear_state();
        if (!options_.resets.is_present()) return;
        rows_.clear();
        for (Index b = 0; b < part.rows; ++b)
            if (options_.resets(order_[static_cast<std::size_t>(part.first_row + b)], part.first_step))
                rows_.push_back(b);
        if (!rows_.empty()) reset_rows(step_.model(), rows_);
    }

    void end_epoch() {
        update_status();
        if (status_.has_validation) {
            const BatchPlan plan{options_.validation.x.shape().batch, options_.validation.x.shape().time,
                                 options_.batch_size, options_.window};
            status_.val_loss = evaluate(step_, options_.validation, plan, validation_memories_, options_.executor);
        }
        progress_.history.push_back({status_.epoch, status_.loss, status_.val_loss, status_.learning_rate});
        ++progress_.epoch;
        progress_.batch = 0;
        tell(&Callback::on_epoch_end);
        status_.val_loss.reset();
    }

    void update_status() {
        status_.epoch = progress_.epoch;
        status_.batch = progress_.batch;
        status_.loss = progress_.weight_sum > 0.0 ? progress_.loss_sum / progress_.weight_sum : 0.0;
        status_.learning_rate = step_.optimizer().learning_rate();
    }

    /// Calls all callbacks, then writes the checkpoints that they asked for: these hold what all of them know.
    void tell(void (Callback::*event)(TrainingRun&)) {
        for (const AnyCallback& callback : options_.callbacks) std::invoke(event, *callback.operator->(), *this);
        if (requested_.empty()) return;
        keep_callbacks();
        for (const std::string& path : requested_)
            save_checkpoint(path, step_.model(), step_.optimizer(), progress_.extras());
        requested_.clear();
    }

    /// The names under which callbacks are kept; a number tells those of one name apart; empty: nothing is kept.
    [[nodiscard]] std::vector<std::string> callback_names() const {
        std::vector<std::string> names;
        std::map<std::string_view, Index> count;
        for (const AnyCallback& callback : options_.callbacks) {
            const std::string_view name = callback->name();
            names.push_back(name.empty() ? std::string() : text(name, " ", ++count[name]));
        }
        return names;
    }

    void keep_callbacks() {
        progress_.callbacks.clear();
        const std::vector<std::string> names = callback_names();
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!names[i].empty()) progress_.callbacks[names[i]] = options_.callbacks[i]->state();
    }

    TrainStep<S>& step_;
    const DataSet<S>& data_;
    const FitOptions<S>& options_;
    FitProgress& progress_;
    BatchPlan plan_;
    std::vector<Index> order_;
    bool is_shuffled_;
    TrainingStatus status_;
    BatchMemories<S> memories_, validation_memories_;
    std::vector<Index> rows_;  // of a batch, to be reset
    std::vector<std::string> requested_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
