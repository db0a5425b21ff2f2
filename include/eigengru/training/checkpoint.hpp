// SPDX-License-Identifier: MIT
// A training run in one file: the weights of a model, what its layers carry, the optimiser, and the caller's own
// counters. A Trainer writes such files; a training loop of one's own can too.
//
// Blocks (see checkpoint_file.hpp; S is the scalar type of the model):
//
//     model                        text, a line for each layer and each weight: kind, name, shape
//     weights/<layer>/<weight>     S, row-major; <layer> is the number of the layer
//     state/<part>                 S, (batch, units), of stateful GRUs that carry one; <part> numbers the layers, but
//                                  the two of a Bidirectional each by itself
//     dropout/calls                i64, how many calls of each part have drawn masks
//     dropout/seeds                i64, the seed of each part's masks
//     optimizer                    text, the recipe
//     optimizer/rates              f64, the learning rate, or samples of its schedule
//     optimizer/iterations         i64
//     optimizer/slots/<slot>       S, an element for each weight
//     counter/<name>               i64, one number of the caller's
//     numbers/<name>               f64, the caller's
#pragma once

#include "eigengru/training/checkpoint_parts.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// Writes model, optimiser and extras to a file that load_checkpoint() reads: killed at any moment, the file is the old
/// one or the new one, whole.
///
///     save_checkpoint("run.ckpt", model, optimizer, {.counters = {{"step", step}}});
///     step = load_checkpoint("run.ckpt", model, optimizer).counters.at("step");
///
/// Throws: FormatError when it cannot be written; then the old file is untouched.
template <RealScalar S>
void save_checkpoint(const std::filesystem::path& path, const Sequential<S>& model, const Optimizer<S>& optimizer,
                     const CheckpointExtras& extras = {}) {
    CheckpointWriter writer;
    detail::add_model(writer, model);
    detail::add_optimizer(writer, optimizer);
    for (const auto& [name, value] : extras.counters)
        writer.add(detail::text("counter/", name), detail::elements(&value, 1));
    for (const auto& [name, values] : extras.numbers)
        writer.add(detail::text("numbers/", name), std::span<const double>(values));
    writer.write(path);
}

/// Puts model and optimiser back where they were: weights, carried states, dropout counters and seeds, slots,
/// iterations and a constant learning rate. They must be built as those that were saved: the same layers by kind, name
/// and shape, the same recipe and schedule. A layer that is not stateful leaves a state in the file alone.
/// Throws: FormatError that names the file and what differs; nothing has changed then.
template <RealScalar S>
CheckpointExtras load_checkpoint(const std::filesystem::path& path, Sequential<S>& model, Optimizer<S>& optimizer) {
    const detail::LoadedCheckpoint<S> loaded = detail::read_checkpoint(path, model, optimizer);
    loaded.apply(model, optimizer);
    return loaded.extras;
}

/// The weights alone, for predictions: no optimiser is needed. Throws: FormatError.
template <RealScalar S>
void load_checkpoint_weights(const std::filesystem::path& path, Sequential<S>& model) {
    const CheckpointReader reader(path);
    const std::string where = detail::text("load_checkpoint_weights: ", path.string());
    detail::CheckpointModel<S>(reader, where, model).apply(model);
}

}  // namespace eigengru::inline EIGENGRU_ABI
