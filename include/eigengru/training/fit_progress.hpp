// SPDX-License-Identifier: MIT
// How far a training is, as a value that a checkpoint can hold.
#pragma once

#include "eigengru/training/checkpoint_parts.hpp"
#include "eigengru/training/fit_options.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Everything that Trainer::fit goes on from besides model and optimiser.
struct FitProgress {
    Index epoch = 0;  ///< the present one, from 0
    Index batch = 0;  ///< batches of it done
    Index batches = 0;
    bool is_finished = false;  ///< by a callback
    std::optional<std::uint64_t> seed = {};
    double loss_sum = 0.0;  ///< of this epoch so far, each loss times its weight
    double weight_sum = 0.0;
    double largest_norm = 0.0;
    std::vector<EpochResult> history = {};
    std::map<std::string, std::vector<double>> callbacks = {};  ///< their states by name

    /// A template, as from(), so that programs that do not train do not compile it.
    template <std::same_as<CheckpointExtras> Extras = CheckpointExtras>
    [[nodiscard]] Extras extras() const {
        Extras extras;
        extras.counters = {
            {"trainer/epoch", epoch},           {"trainer/batch", batch},
            {"trainer/batches", batches},       {"trainer/is_finished", is_finished ? 1 : 0},
            {"trainer/has_seed", seed ? 1 : 0}, {"trainer/seed", static_cast<std::int64_t>(seed.value_or(0))}};
        std::vector<double> rows;
        for (const EpochResult& e : history)
            rows.insert(rows.end(), {static_cast<double>(e.epoch), e.loss, e.val_loss ? 1.0 : 0.0,
                                     e.val_loss.value_or(0.0), e.learning_rate});
        extras.numbers = {{"trainer/sums", {loss_sum, weight_sum, largest_norm}}, {"trainer/history", std::move(rows)}};
        for (const auto& [name, state] : callbacks) extras.numbers[text(kCallback, name)] = state;
        return extras;
    }

    /// Throws: FormatError when a Trainer did not write them.
    template <std::same_as<CheckpointExtras> Extras>
    [[nodiscard]] static FitProgress from(const Extras& extras, std::string_view where) {
        const auto refuse = [&](std::string_view name) {
            EIGENGRU_THROW(FormatError, where, ": expected a checkpoint of a Trainer, received one without ", name);
        };
        const auto counter = [&](const char* name) {
            const auto found = extras.counters.find(name);
            if (found == extras.counters.end()) refuse(name);
            return found->second;
        };
        const auto size = [&](const char* name) {
            if (counter(name) < 0) refuse(name);
            return static_cast<Index>(counter(name));
        };
        const auto numbers = [&](const char* name) {
            const auto found = extras.numbers.find(name);
            if (found == extras.numbers.end()) refuse(name);
            return found->second;
        };
        FitProgress progress;
        progress.epoch = size("trainer/epoch");
        progress.batch = size("trainer/batch");
        progress.batches = size("trainer/batches");
        progress.is_finished = counter("trainer/is_finished") != 0;
        if (counter("trainer/has_seed") != 0) progress.seed = static_cast<std::uint64_t>(counter("trainer/seed"));
        const std::vector<double> sums = numbers("trainer/sums"), rows = numbers("trainer/history");
        if (sums.size() != 3) refuse("its 3 sums");
        if (rows.size() % 5 != 0) refuse("a history of 5 numbers an epoch");
        progress.loss_sum = sums[0];
        progress.weight_sum = sums[1];
        progress.largest_norm = sums[2];
        for (std::size_t i = 0; i < rows.size(); i += 5)
            progress.history.push_back({static_cast<Index>(rows[i]), rows[i + 1],
                                        rows[i + 2] != 0.0 ? std::optional(rows[i + 3]) : std::nullopt, rows[i + 4]});
        for (const auto& [name, state] : extras.numbers)
            if (name.starts_with(kCallback)) progress.callbacks[name.substr(kCallback.size())] = state;
        return progress;
    }

private:
    static constexpr std::string_view kCallback = "callback/";
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
