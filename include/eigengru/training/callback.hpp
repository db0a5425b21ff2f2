// SPDX-License-Identifier: MIT
// Callback: what a Trainer calls between its batches and epochs. The ready ones are in callbacks.hpp and
// progress_bar.hpp.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/core/types.hpp"

#include <string>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Where a training stands.
struct TrainingStatus {
    Index epoch = 0;                      ///< the present one, from 0
    Index epochs = 0;                     ///< how many there will be
    Index batch = 0;                      ///< batches of this epoch done so far; each window counts
    Index batches = 0;                    ///< how many an epoch has
    double loss = 0.0;                    ///< mean over this epoch's samples so far
    std::optional<double> val_loss = {};  ///< after an epoch, with validation data
    bool has_validation = false;
    double learning_rate = 0.0;  ///< of the next step
    bool is_stopped = false;     ///< whether the stop flag ends this training
};

/// A training as its callbacks see it.
class TrainingRun {
public:
    virtual ~TrainingRun() = default;

    [[nodiscard]] virtual const TrainingStatus& status() const = 0;

    /// All weights, in the order of the model; float values are exact in double.
    [[nodiscard]] virtual std::vector<double> weights() = 0;
    virtual void set_weights(std::span<const double> weights) = 0;

    /// Throws: OptionError when the optimiser follows a schedule of its own.
    virtual void set_learning_rate(double rate) = 0;

    /// Zeros in every stateful layer.
    virtual void reset_state() = 0;

    /// The training ends after this epoch.
    virtual void stop() = 0;

    /// Writes a checkpoint to this path as soon as all callbacks have been called.
    virtual void request_checkpoint(const std::string& path) = 0;
};

/// The base of callbacks; what is not overridden does nothing. Names are those of keras.callbacks.Callback.
class Callback {
public:
    virtual ~Callback() = default;

    /// Before a training that starts anew: whatever was remembered is forgotten.
    virtual void reset() {}

    virtual void on_train_begin(TrainingRun&) {}
    virtual void on_epoch_begin(TrainingRun&) {}
    virtual void on_batch_end(TrainingRun&) {}
    virtual void on_epoch_end(TrainingRun&) {}
    virtual void on_train_end(TrainingRun&) {}

    /// What a checkpoint keeps of it, under this name; nothing where both are empty.
    [[nodiscard]] virtual std::string_view name() const { return {}; }
    [[nodiscard]] virtual std::vector<double> state() const { return {}; }

    /// In place of reset(), before a training that goes on. Throws: FormatError for a state that is none of its own.
    virtual void restore(std::span<const double>) {}

protected:
    Callback() = default;
    Callback(const Callback&) = default;
    Callback(Callback&&) = default;
    Callback& operator=(const Callback&) = default;
    Callback& operator=(Callback&&) = default;
};

/// A callback as an option: made from a value, which it keeps, or from a pointer to an object that the caller keeps.
///
///     EarlyStopping early({.patience = 5});
///     trainer.fit(x, y, {.callbacks = {ProgressBar(), &early}});
class AnyCallback {
public:
    template <class C>
        requires std::derived_from<std::remove_cvref_t<C>, Callback>
    AnyCallback(C&& callback) : callback_(std::make_shared<std::remove_cvref_t<C>>(std::forward<C>(callback))) {}

    /// Throws: OptionError for a null pointer.
    AnyCallback(Callback* callback) : callback_(std::shared_ptr<Callback>(), callback) {
        if (callback == nullptr)
            EIGENGRU_THROW(OptionError, "AnyCallback: expected a callback, received a null pointer");
    }

    [[nodiscard]] Callback* operator->() const { return callback_.get(); }

private:
    std::shared_ptr<Callback> callback_;
};

namespace detail {

/// Throws: FormatError unless a callback's state has at least `least` numbers.
inline void check_state_size(std::string_view name, std::span<const double> state, std::size_t least) {
    if (state.size() < least)
        EIGENGRU_THROW(FormatError, name, ": expected a state of at least ", least, " numbers, received ",
                       state.size());
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
