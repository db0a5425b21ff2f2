// SPDX-License-Identifier: MIT
// What a Trainer is given and gives back: data, options, history.
#pragma once

#include "eigengru/core/executor.hpp"
#include "eigengru/core/mask_view.hpp"
#include "eigengru/training/callback.hpp"

#include <atomic>

namespace eigengru::inline EIGENGRU_ABI {

/// Inputs with their targets, in the caller's memory.
template <RealScalar S>
struct DataSet {
    SequenceView<const S> x = {};            ///< (samples, time, features)
    SequenceView<const S> y = {};            ///< of the shape of the model's outputs, (samples, time or 1, units)
    MaskView mask = {};                      ///< (samples, time), true = use
    MatrixView<const S> sample_weight = {};  ///< (samples, 1), or (samples, time) where the outputs are sequences
};

/// The arguments of Trainer::fit besides inputs and targets. Names and defaults are those of keras.Model.fit.
template <RealScalar S>
struct FitOptions {
    DataSet<S> validation = {};              ///< `{x, y}`: its loss is reported after every epoch
    MaskView mask = {};                      ///< (samples, time), true = use
    MatrixView<const S> sample_weight = {};  ///< (samples, 1), or (samples, time) where the outputs are sequences
    Index epochs = 1;                        ///< the number of the last epoch, counted from 1
    Index batch_size = 32;
    bool shuffle = true;                      ///< the samples anew in every epoch; see Trainer::fit for stateful models
    std::optional<std::uint64_t> seed = {};   ///< of the shuffling; random when absent
    Index initial_epoch = 0;                  ///< epochs done before
    Index window = 0;                         ///< truncated BPTT: time steps of one update; 0: all
    MaskView resets = {};                     ///< (samples, time), true: zeros for a row's state before this step
    std::vector<AnyCallback> callbacks = {};  ///< values, or pointers to objects that outlive the call
    const std::atomic<bool>* stop_flag = nullptr;  ///< when it turns true the batch is finished and fit returns
    ExecutorRef executor = {};                     ///< threads for the recurrent layers: the same bits
};

/// The arguments of Trainer::evaluate besides inputs and targets.
template <RealScalar S>
struct EvaluateOptions {
    MaskView mask = {};                      ///< (samples, time), true = use
    MatrixView<const S> sample_weight = {};  ///< (samples, 1), or (samples, time) where the outputs are sequences
    Index batch_size = 32;
    Index window = 0;           ///< as in FitOptions
    ExecutorRef executor = {};  ///< as in FitOptions
};

/// The arguments of Trainer::train_step besides inputs and targets.
template <RealScalar S>
struct StepOptions {
    MaskView mask = {};                      ///< (batch, time), true = use
    MatrixView<const S> sample_weight = {};  ///< (batch, 1), or (batch, time) where the outputs are sequences
    ExecutorRef executor = {};               ///< as in FitOptions
};

/// What is known after an epoch.
struct EpochResult {
    Index epoch = 0;    ///< from 0
    double loss = 0.0;  ///< mean over the samples, each batch's before its update, penalties included
    std::optional<double> val_loss = {};
    double learning_rate = 0.0;  ///< of the next step

    friend bool operator==(const EpochResult&, const EpochResult&) = default;
};

/// What Trainer::fit gives back.
struct History {
    std::vector<EpochResult> epochs = {};  ///< those before a resumed checkpoint included
    bool stopped = false;                  ///< by the stop flag

    friend bool operator==(const History&, const History&) = default;
};

}  // namespace eigengru::inline EIGENGRU_ABI
