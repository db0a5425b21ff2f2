// SPDX-License-Identifier: MIT
// The ready callbacks: early stopping, checkpoints, a learning rate for each epoch, a log as CSV. The progress bar is
// in progress_bar.hpp.
#pragma once

#include "eigengru/core/durable_file.hpp"
#include "eigengru/math/names.hpp"
#include "eigengru/training/callback.hpp"
#include "eigengru/training/optimizer_state.hpp"

#include <functional>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The loss that a callback looks at.
enum class Monitor { val_loss, loss };

template <>
struct KerasNames<Monitor> {
    static constexpr std::string_view what = "Callback: monitor";
    static constexpr auto table =
        std::to_array<NamedKind<Monitor>>({{"val_loss", Monitor::val_loss}, {"loss", Monitor::loss}});
};

namespace detail {

/// Throws: OptionError when there is no validation data for val_loss.
inline void check_monitor(std::string_view who, const Named<Monitor>& monitor, const TrainingStatus& status) {
    if (monitor.kind() == Monitor::val_loss && !status.has_validation)
        EIGENGRU_THROW(OptionError, who, ": monitor \"val_loss\" expected validation data, received none");
}

[[nodiscard]] inline double monitored(const Named<Monitor>& monitor, const TrainingStatus& status) {
    return monitor.kind() == Monitor::val_loss ? status.val_loss.value_or(kMustBeGiven) : status.loss;
}

}  // namespace detail

/// The arguments of keras.callbacks.EarlyStopping; a loss is always to be small.
struct EarlyStoppingOptions {
    Named<Monitor> monitor = Monitor::val_loss;
    double min_delta = 0.0;             ///< at least 0; less counts as no improvement
    Index patience = 0;                 ///< epochs without improvement after which to stop
    bool restore_best_weights = false;  ///< at the end, whatever ended the training
    Index start_from_epoch = 0;
};

/// Ends the training when the loss no longer improves, as keras.callbacks.EarlyStopping.
///
/// Differs from Keras: a stop flag ends a training that will go on, so the best weights are not restored then. Without
/// validation data "val_loss" is an error.
class EarlyStopping : public Callback {
public:
    /// Throws: OptionError when min_delta is negative or not finite.
    explicit EarlyStopping(EarlyStoppingOptions options = {}) : options_(options) {
        detail::check_non_negative("EarlyStopping: min_delta", options.min_delta);
    }

    /// The epoch, from 0, that had the best loss, and after which the training was ended; -1: none.
    [[nodiscard]] Index best_epoch() const { return best_epoch_; }
    [[nodiscard]] Index stopped_epoch() const { return stopped_epoch_; }

    void reset() override { *this = EarlyStopping(options_); }

    void on_train_begin(TrainingRun& run) override {
        detail::check_monitor("EarlyStopping", options_.monitor, run.status());
    }

    void on_epoch_end(TrainingRun& run) override {
        const Index epoch = run.status().epoch;
        if (epoch < options_.start_from_epoch) return;
        const double loss = detail::monitored(options_.monitor, run.status());
        if (best_epoch_ < 0 || loss + options_.min_delta < best_) {
            best_ = loss;
            best_epoch_ = epoch;
            wait_ = 0;
            if (options_.restore_best_weights) best_weights_ = run.weights();
            return;
        }
        ++wait_;
        if (wait_ < options_.patience || epoch == 0) return;
        stopped_epoch_ = epoch;
        run.stop();
    }

    void on_train_end(TrainingRun& run) override {
        if (!run.status().is_stopped && !best_weights_.empty()) run.set_weights(best_weights_);
    }

    [[nodiscard]] std::string_view name() const override { return "EarlyStopping"; }

    [[nodiscard]] std::vector<double> state() const override {
        std::vector<double> state{best_, static_cast<double>(best_epoch_), static_cast<double>(stopped_epoch_),
                                  static_cast<double>(wait_)};
        state.insert(state.end(), best_weights_.begin(), best_weights_.end());
        return state;
    }

    void restore(std::span<const double> state) override {
        detail::check_state_size(name(), state, 4);
        best_ = state[0];
        best_epoch_ = static_cast<Index>(state[1]);
        stopped_epoch_ = static_cast<Index>(state[2]);
        wait_ = static_cast<Index>(state[3]);
        best_weights_.assign(state.begin() + 4, state.end());
    }

private:
    EarlyStoppingOptions options_;
    double best_ = 0.0;
    Index best_epoch_ = -1;
    Index stopped_epoch_ = -1;
    Index wait_ = 0;
    std::vector<double> best_weights_;
};

/// Writes a checkpoint after every epoch, every `every_batches` batches where that is above 0, and when the stop flag
/// ends the training: Trainer::resume goes on from there.
class Checkpoint : public Callback {
public:
    explicit Checkpoint(std::string path, Index every_batches = 0)
        : path_(std::move(path)), every_batches_(every_batches) {}

    void on_batch_end(TrainingRun& run) override {
        if (every_batches_ > 0 && run.status().batch % every_batches_ == 0) run.request_checkpoint(path_);
    }
    void on_epoch_end(TrainingRun& run) override { run.request_checkpoint(path_); }
    void on_train_end(TrainingRun& run) override {
        if (run.status().is_stopped) run.request_checkpoint(path_);
    }

private:
    std::string path_;
    Index every_batches_;
};

/// Writes a checkpoint after each epoch whose loss is the best so far, as keras.callbacks.ModelCheckpoint with
/// save_best_only; load_checkpoint_weights() takes the weights out of it.
class BestCheckpoint : public Callback {
public:
    explicit BestCheckpoint(std::string path, Named<Monitor> monitor = Monitor::val_loss)
        : path_(std::move(path)), monitor_(monitor) {}

    /// The best loss so far; infinite before the first epoch's end.
    [[nodiscard]] double best() const { return best_; }

    void reset() override { best_ = std::numeric_limits<double>::infinity(); }
    void on_train_begin(TrainingRun& run) override { detail::check_monitor("BestCheckpoint", monitor_, run.status()); }

    void on_epoch_end(TrainingRun& run) override {
        const double loss = detail::monitored(monitor_, run.status());
        if (!(loss < best_)) return;
        best_ = loss;
        run.request_checkpoint(path_);
    }

    [[nodiscard]] std::string_view name() const override { return "BestCheckpoint"; }
    [[nodiscard]] std::vector<double> state() const override { return {best_}; }
    void restore(std::span<const double> state) override {
        detail::check_state_size(name(), state, 1);
        best_ = state[0];
    }

private:
    std::string path_;
    Named<Monitor> monitor_;
    double best_ = std::numeric_limits<double>::infinity();
};

/// Sets the learning rate at the start of each epoch, as keras.callbacks.LearningRateScheduler:
///
///     LearningRateScheduler([](Index epoch, double rate) { return epoch < 10 ? rate : 0.9 * rate; })
///
/// A checkpoint keeps the rate itself. For a rate that changes from step to step see LearningRate.
class LearningRateScheduler : public Callback {
public:
    using Schedule = std::function<double(Index epoch, double rate)>;

    explicit LearningRateScheduler(Schedule schedule) : schedule_(std::move(schedule)) {}

    void on_epoch_begin(TrainingRun& run) override {
        run.set_learning_rate(schedule_(run.status().epoch, run.status().learning_rate));
    }

private:
    Schedule schedule_;
};

/// A line for each epoch: epoch (from 0), loss, val_loss (empty without validation) and learning_rate. The numbers read
/// back as the same bits. A training that starts anew replaces the file; one that goes on from a checkpoint first
/// cuts off what was written after it.
class CsvLog : public Callback {
public:
    explicit CsvLog(std::string path) : path_(std::move(path)) {}

    void reset() override { bytes_ = 0; }

    void on_train_begin(TrainingRun&) override {
        std::vector<unsigned char> kept;
        if (bytes_ > 0 && has_file()) kept = detail::read_whole_file(path_, where());
        const std::string lines(reinterpret_cast<const char*>(kept.data()),
                                std::min(kept.size(), static_cast<std::size_t>(bytes_)));
        bytes_ = 0;
        write(lines.empty() ? "epoch,loss,val_loss,learning_rate\n" : lines, "wb");
    }

    void on_epoch_end(TrainingRun& run) override {
        const TrainingStatus& status = run.status();
        write(detail::text(status.epoch, ",", detail::exact_text(status.loss), ",",
                           status.val_loss ? detail::exact_text(*status.val_loss) : std::string(), ",",
                           detail::exact_text(status.learning_rate), "\n"),
              "ab");
    }

    [[nodiscard]] std::string_view name() const override { return "CsvLog"; }
    [[nodiscard]] std::vector<double> state() const override { return {static_cast<double>(bytes_)}; }
    void restore(std::span<const double> state) override {
        detail::check_state_size(name(), state, 1);
        bytes_ = static_cast<std::uint64_t>(state[0]);
    }

private:
    [[nodiscard]] std::string where() const { return detail::text("CsvLog: ", path_); }

    [[nodiscard]] bool has_file() const {
        std::FILE* const file = std::fopen(path_.c_str(), "rb");
        if (file != nullptr) static_cast<void>(std::fclose(file));
        return file != nullptr;
    }

    void write(const std::string& line, const char* mode) {
        std::FILE* const file = std::fopen(path_.c_str(), mode);
        const bool is_written = file != nullptr && std::fwrite(line.data(), 1, line.size(), file) == line.size();
        if (file == nullptr || std::fclose(file) != 0 || !is_written)
            EIGENGRU_THROW(FormatError, where(), ": the file cannot be written");
        bytes_ += line.size();
    }

    std::string path_;
    std::uint64_t bytes_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI
