// SPDX-License-Identifier: MIT
// What a checkpoint is made of, each part written and read: see checkpoint.hpp.
#pragma once

#include "eigengru/training/checkpoint_file.hpp"
#include "eigengru/training/layer_states.hpp"
#include "eigengru/training/optimizer_state.hpp"

#include <map>

namespace eigengru::inline EIGENGRU_ABI {

/// What a caller wants to find again besides model and optimiser.
struct CheckpointExtras {
    std::map<std::string, std::int64_t> counters = {};
    std::map<std::string, std::vector<double>> numbers = {};

    friend bool operator==(const CheckpointExtras&, const CheckpointExtras&) = default;
};

namespace detail {

/// The kinds of layers, in the order of Sequential::Layer.
inline constexpr std::array<std::string_view, 11> kLayerKinds{
    "Masking",           "GRU",           "GRU (reset_after = false)",           "Dense",     "Dropout",
    "Activation",        "Bidirectional", "Bidirectional (reset_after = false)", "Embedding", "BatchNormalization",
    "LayerNormalization"};

/// The names of a layer's weights in Keras's order, those of a Bidirectional below its two layers.
template <class L>
[[nodiscard]] std::vector<std::string> weight_names(const L& layer) {
    std::vector<std::string> names;
    if constexpr (requires { layer.forward_layer(); }) {
        for (const std::string& name : weight_names(layer.forward_layer())) names.push_back("forward_layer/" + name);
        for (const std::string& name : weight_names(layer.backward_layer())) names.push_back("backward_layer/" + name);
    } else if constexpr (requires { layer.parameters().entry(0); }) {
        for (std::size_t i = 0; i < layer.parameters().count(); ++i)
            names.emplace_back(layer.parameters().entry(i).name);
    } else {
        names.emplace_back("kernel");
        if constexpr (GruLayer<L>) names.emplace_back("recurrent_kernel");
        if (layer.options().use_bias) names.emplace_back("bias");
    }
    return names;
}

/// Calls f(name, matrix) with each weight of a layer in Keras's order.
template <class L, class F>
void for_each_weight(const L& layer, const F& f) {
    if constexpr (requires { layer.get_weights(); }) {
        const auto weights = layer.get_weights();
        const std::vector<std::string> names = weight_names(layer);
        for (std::size_t i = 0; i < weights.size(); ++i) f(std::string_view(names[i]), weights[i]);
    }
}

/// The layers and weights of a model, each in a line.
template <RealScalar S>
[[nodiscard]] std::vector<std::string> model_lines(const Sequential<S>& model) {
    static_assert(std::variant_size_v<typename Sequential<S>::Layer> == kLayerKinds.size());
    std::vector<std::string> lines;
    for_each_layer(model, [&](std::size_t i, const auto& layer) {
        const std::string start =
            text("layer ", i, ": ", kLayerKinds[model.layers()[i].index()], " \"", layer.name(), "\"");
        lines.push_back(start);
        for_each_weight(layer, [&](std::string_view name, const RowMatrix<S>& values) {
            lines.push_back(text(start, " ", name, " ", shape_text(values.rows(), values.cols())));
        });
    });
    return lines;
}

[[nodiscard]] inline std::vector<std::string> split_lines(const std::string& joined) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < joined.size();) {
        const std::size_t end = std::min(joined.find('\n', at), joined.size());
        lines.push_back(joined.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

template <class T>
[[nodiscard]] std::span<const T> elements(const T* data, Index size) {
    return {data, static_cast<std::size_t>(size)};
}

template <RealScalar S>
void add_model(CheckpointWriter& writer, const Sequential<S>& model) {
    std::string lines;
    for (const std::string& line : model_lines(model)) lines += line + "\n";
    writer.add_text("model", lines);
    for_each_layer(model, [&](std::size_t i, const auto& layer) {
        for_each_weight(layer, [&](std::string_view name, const RowMatrix<S>& values) {
            writer.add(text("weights/", i, "/", name), elements(values.data(), values.size()));
        });
    });
    LayerStates<S> states;
    states.store(model);
    std::vector<std::int64_t> calls, seeds;
    for (std::size_t i = 0; i < states.entries.size(); ++i) {
        const auto& [is_carried, state, dropout_calls, dropout_seed] = states.entries[i];
        if (is_carried) writer.add(text("state/", i), elements(state.data(), state.size()));
        calls.push_back(static_cast<std::int64_t>(dropout_calls));
        seeds.push_back(static_cast<std::int64_t>(dropout_seed));
    }
    writer.add("dropout/calls", std::span<const std::int64_t>(calls));
    writer.add("dropout/seeds", std::span<const std::int64_t>(seeds));
}

template <RealScalar S>
void add_optimizer(CheckpointWriter& writer, const Optimizer<S>& optimizer) {
    writer.add_text("optimizer", recipe_text(optimizer));
    writer.add("optimizer/rates", std::span<const double>(sampled_rates(optimizer)));
    const std::int64_t iterations = optimizer.iterations();
    writer.add("optimizer/iterations", elements(&iterations, 1));
    for (const OptimizerSlot<S>& slot : optimizer.slots())
        writer.add(text("optimizer/slots/", slot.name), elements(slot.values.data(), slot.values.size()));
}

/// A file, read and checked against a model, that has changed nothing yet.
template <RealScalar S>
class CheckpointModel {
public:
    /// Throws: FormatError.
    CheckpointModel(const CheckpointReader& reader, std::string_view where, const Sequential<S>& model)
        : weights_(model.layers().size()) {
        check_lines(where, split_lines(reader.text("model")), model_lines(model));
        for_each_layer(model, [&](std::size_t i, const auto& layer) {
            for_each_weight(layer, [&](std::string_view name, const RowMatrix<S>& present) {
                RowMatrix<S> values(present.rows(), present.cols());
                reader.read(text("weights/", i, "/", name),
                            std::span<S>(values.data(), static_cast<std::size_t>(values.size())));
                weights_[i].push_back(std::move(values));
            });
        });
    }

    void apply(Sequential<S>& model) const {
        for_each_layer(model, [&](std::size_t i, auto& layer) {
            if constexpr (requires { layer.set_weights(weights_[i]); }) layer.set_weights(weights_[i]);
        });
    }

private:
    static void check_lines(std::string_view where, const std::vector<std::string>& found,
                            const std::vector<std::string>& expected) {
        for (std::size_t i = 0; i < std::max(found.size(), expected.size()); ++i) {
            const std::string a = i < expected.size() ? expected[i] : "no more layers";
            const std::string b = i < found.size() ? found[i] : "no more layers";
            if (a != b) EIGENGRU_THROW(FormatError, where, ": expected ", a, ", received ", b);
        }
    }

    std::vector<std::vector<RowMatrix<S>>> weights_;
};

/// Throws: FormatError.
template <RealScalar S>
[[nodiscard]] LayerStates<S> read_states(const CheckpointReader& reader, std::string_view where,
                                         const Sequential<S>& model) {
    LayerStates<S> states;
    states.store(model);
    std::vector<std::int64_t> calls(states.entries.size()), seeds(states.entries.size());
    reader.read("dropout/calls", std::span<std::int64_t>(calls));
    reader.read("dropout/seeds", std::span<std::int64_t>(seeds));
    for_each_part_of(model, [&]<class L>(std::size_t i, [[maybe_unused]] const L& layer) {
        states.entries[i] = {.dropout_calls = static_cast<std::uint64_t>(calls[i]),
                             .dropout_seed = static_cast<std::uint64_t>(seeds[i])};
        const std::string block = text("state/", i);
        if constexpr (GruLayer<L>) {
            if (!reader.has(block)) return;
            const std::vector<S> values = reader.values<S>(block);
            const Index rows = static_cast<Index>(values.size()) / layer.units();
            if (rows * layer.units() != static_cast<Index>(values.size()))
                EIGENGRU_THROW(FormatError, where, ": block \"", block, "\" expected rows of ", layer.units(),
                               " units, received ", values.size(), " elements");
            states.entries[i].is_carried = rows > 0;
            states.entries[i].state = MatrixView<const S>(values.data(), rows, layer.units()).map();
        }
    });
    return states;
}

/// The optimiser of a file: the recipe of `like`, and the rate where it is constant. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] Optimizer<S> read_optimizer(const CheckpointReader& reader, std::string_view where,
                                          const Optimizer<S>& like, Index weight_count) {
    if (const std::string found = reader.text("optimizer"); found != recipe_text(like))
        EIGENGRU_THROW(FormatError, where, ": expected the optimizer ", recipe_text(like), ", received ", found);
    const std::vector<double> rates = reader.values<double>("optimizer/rates");
    const std::vector<double> expected = sampled_rates(like);
    const bool is_constant = rates.size() == 1 && expected.size() == 1 && std::isfinite(rates[0]) && rates[0] >= 0.0;
    if (!is_constant && (rates.size() == 1 || !are_same_rates(rates, expected)))
        EIGENGRU_THROW(FormatError, where, ": the optimizer's learning rate expected ",
                       expected.size() == 1 ? "a constant" : "the same schedule", ", received another one");
    std::int64_t iterations = 0;
    reader.read("optimizer/iterations", std::span<std::int64_t>(&iterations, 1));
    if (iterations < 0) EIGENGRU_THROW(FormatError, where, ": the optimizer has done ", iterations, " iterations");
    std::vector<std::vector<S>> values;
    std::vector<OptimizerSlot<S>> slots;
    for (const OptimizerSlot<S>& slot : like.slots()) {
        values.push_back(reader.values<S>(text("optimizer/slots/", slot.name)));
        const Index size = static_cast<Index>(values.back().size());
        if (size != (iterations > 0 ? weight_count : Index{0}))
            EIGENGRU_THROW(FormatError, where, ": slot \"", slot.name, "\" of the optimizer expected ",
                           iterations > 0 ? weight_count : Index{0}, " elements, received ", size);
        slots.push_back({slot.name, {values.back().data(), size}});
    }
    Optimizer<S> optimizer = is_constant ? with_learning_rate(like, rates[0]) : like;
    optimizer.restore(iterations, slots);
    return optimizer;
}

[[nodiscard]] inline CheckpointExtras read_extras(const CheckpointReader& reader) {
    constexpr std::string_view kCounter = "counter/", kNumbers = "numbers/";
    CheckpointExtras extras;
    for (const std::string& name : reader.names()) {
        if (name.starts_with(kCounter))
            reader.read(name, std::span<std::int64_t>(&extras.counters[name.substr(kCounter.size())], 1));
        else if (name.starts_with(kNumbers))
            extras.numbers[name.substr(kNumbers.size())] = reader.values<double>(name);
    }
    return extras;
}

/// A whole file, read and checked, that has changed nothing yet.
template <RealScalar S>
struct LoadedCheckpoint {
    CheckpointModel<S> weights;
    LayerStates<S> states;
    Optimizer<S> optimizer;
    CheckpointExtras extras;

    void apply(Sequential<S>& model, Optimizer<S>& into) const {
        weights.apply(model);
        states.restore(model);
        into = optimizer;
    }
};

/// Throws: FormatError.
template <RealScalar S>
[[nodiscard]] LoadedCheckpoint<S> read_checkpoint(const std::filesystem::path& path, const Sequential<S>& model,
                                                  const Optimizer<S>& optimizer) {
    const CheckpointReader reader(path);
    const std::string where = text("load_checkpoint: ", path.string());
    CheckpointModel<S> weights(reader, where, model);
    Index count = 0;
    for_each_layer(model, [&](std::size_t, const auto& layer) {
        if constexpr (requires { layer.count_params(); }) count += layer.count_params();
    });
    return {std::move(weights), read_states(reader, where, model), read_optimizer(reader, where, optimizer, count),
            read_extras(reader)};
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
