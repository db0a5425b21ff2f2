// SPDX-License-Identifier: MIT
// ProgressBar: a line on the terminal that says how far a training is.
#pragma once

#include "eigengru/training/callback.hpp"
#include "eigengru/training/terminal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <ostream>
#include <string>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// 7s, 3:07, 1:03:07.
[[nodiscard]] inline std::string duration_text(double seconds) {
    const std::int64_t whole = std::llround(std::max(seconds, 0.0));
    const auto two_digits = [](std::int64_t n) { return text(n < 10 ? "0" : "", n); };
    if (whole < 60) return text(whole, "s");
    if (whole < 3600) return text(whole / 60, ":", two_digits(whole % 60));
    return text(whole / 3600, ":", two_digits(whole / 60 % 60), ":", two_digits(whole % 60));
}

/// A loss in four digits.
[[nodiscard]] inline std::string short_text(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4g", value);
    return digits;
}

/// Seconds of the system's clock. (Not std::chrono's: that header costs each program a tenth of a second to compile.)
[[nodiscard]] inline double seconds_now() {
    std::timespec now{};
    static_cast<void>(std::timespec_get(&now, TIME_UTC));
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace detail

/// Where a ProgressBar draws, and the clock that it looks at.
struct ProgressBarOptions {
    std::ostream* stream = nullptr;  ///< nullptr: stderr where it is a terminal, nothing otherwise
    double interval = 0.1;           ///< seconds between two drawings, at least
    std::function<double()> seconds = &detail::seconds_now;
};

/// Draws one line for the present epoch, over and over, and leaves one for each epoch that is done:
///
///     epoch 3/10  batch 12/32  loss 0.1234  time left 1:07
///     epoch 3/10  loss 0.1201  val_loss 0.131  8s
///
/// The time left is that of the whole training, without early stopping.
class ProgressBar : public Callback {
public:
    explicit ProgressBar(ProgressBarOptions options = {}) : options_(std::move(options)) {
        is_silent_ = options_.stream == nullptr && !detail::is_terminal(stderr);
    }

    void on_train_begin(TrainingRun&) override {
        started_ = epoch_started_ = options_.seconds();
        drawn_ = -options_.interval;
        batches_done_ = 0;
    }

    void on_epoch_begin(TrainingRun&) override { epoch_started_ = options_.seconds(); }

    void on_batch_end(TrainingRun& run) override {
        ++batches_done_;
        const double elapsed = options_.seconds() - started_;
        if (is_silent_ || std::abs(elapsed - drawn_) < options_.interval) return;  // a clock may be set back
        drawn_ = elapsed;
        const TrainingStatus& status = run.status();
        const Index left = (status.epochs - status.epoch) * status.batches - status.batch;
        const double seconds_left = elapsed / static_cast<double>(batches_done_) * static_cast<double>(left);
        draw(detail::text(epoch_text(status), "  batch ", status.batch, "/", status.batches, "  loss ",
                          detail::short_text(status.loss), "  time left ", detail::duration_text(seconds_left)));
    }

    void on_epoch_end(TrainingRun& run) override {
        if (is_silent_) return;
        const TrainingStatus& status = run.status();
        std::string line = detail::text(epoch_text(status), "  loss ", detail::short_text(status.loss));
        if (status.val_loss) line += "  val_loss " + detail::short_text(*status.val_loss);
        draw(line + "  " + detail::duration_text(options_.seconds() - epoch_started_));
        end_line();
    }

    void on_train_end(TrainingRun& run) override {
        if (!is_silent_ && run.status().is_stopped && length_ > 0) end_line();
    }

private:
    static std::string epoch_text(const TrainingStatus& status) {
        return detail::text("epoch ", status.epoch + 1, "/", status.epochs);
    }

    /// Over what the line has shown before.
    void draw(const std::string& line) {
        const std::string blanks(length_ > line.size() ? length_ - line.size() : 0, ' ');
        write("\r" + line + blanks);
        length_ = line.size();
    }

    void end_line() {
        write("\n");
        length_ = 0;
    }

    void write(const std::string& characters) {
        if (options_.stream != nullptr)
            *options_.stream << characters << std::flush;
        else
            std::fputs(characters.c_str(), stderr);
    }

    ProgressBarOptions options_;
    bool is_silent_ = false;
    double started_ = 0.0;
    double epoch_started_ = 0.0;
    double drawn_ = 0.0;      // seconds since the start
    Index batches_done_ = 0;  // in this run
    std::size_t length_ = 0;  // of the line that stands
};

}  // namespace eigengru::inline EIGENGRU_ABI
