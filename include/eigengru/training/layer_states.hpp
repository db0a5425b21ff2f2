// SPDX-License-Identifier: MIT
// What the layers of a model keep besides their weights: carried states, and what decides the next dropout masks. For a
// checkpoint, and to put a model back where it was.
#pragma once

#include "eigengru/layer/sequential.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

template <class L>
concept GruLayer = requires { L::kResetAfter; };

template <class L>
concept DroppingLayer = requires(const L& layer) { layer.dropout_calls(); };

/// Calls f(number, layer) with each layer of a model.
template <RealScalar S, class F>
void for_each_layer(const Sequential<S>& model, const F& f) {
    for (std::size_t i = 0; i < model.layers().size(); ++i)
        std::visit([&](const auto& layer) { f(i, layer); }, model.layers()[i]);
}
template <RealScalar S, class F>
void for_each_layer(Sequential<S>& model, const F& f) {
    for (std::size_t i = 0; i < model.layers().size(); ++i)
        std::visit([&](auto& layer) { f(i, layer); }, model.layer(static_cast<Index>(i)));
}

/// Calls f(number, part) with each part of a model that may keep something: the two GRUs of a Bidirectional, or a layer.
template <class Model, class F>
void for_each_part_of(Model& model, const F& f) {
    std::size_t number = 0;
    for_each_layer(model,
                   [&](std::size_t, auto& layer) { for_each_part(layer, [&](auto& part) { f(number++, part); }); });
}

/// Whether a layer carries its state from call to call.
template <RealScalar S>
[[nodiscard]] bool is_stateful(const Sequential<S>& model) {
    bool result = false;
    for_each_part_of(model, [&]<class L>(std::size_t, const L& layer) {
        if constexpr (GruLayer<L>) result = result || layer.options().stateful;
    });
    return result;
}

/// Zeros for some rows in every layer that carries a state already.
template <RealScalar S>
void reset_rows(Sequential<S>& model, const std::vector<Index>& rows) {
    for_each_part_of(model, [&]<class L>(std::size_t, L& layer) {
        if constexpr (GruLayer<L>)
            if (layer.state().rows() > 0) layer.reset_state(rows);
    });
}

/// The carried states, dropout counters and seeds of a model. A value; stored again, it keeps its memory.
template <RealScalar S>
class LayerStates {
public:
    struct Entry {
        bool is_carried = false;          ///< whether there is a state
        RowMatrix<S> state = {};          ///< (batch, units)
        std::uint64_t dropout_calls = 0;  ///< 0 for layers that never drop
        std::uint64_t dropout_seed = 0;   ///< likewise
    };

    void store(const Sequential<S>& model) {
        std::size_t parts = 0;
        for_each_part_of(model, [&](std::size_t, const auto&) { ++parts; });
        entries.resize(parts);
        for_each_part_of(model, [&]<class L>(std::size_t i, [[maybe_unused]] const L& layer) {
            if constexpr (GruLayer<L>) {
                entries[i].is_carried = layer.state().rows() > 0;
                if (entries[i].is_carried) entries[i].state = layer.state();
            }
            if constexpr (DroppingLayer<L>) {
                entries[i].dropout_calls = layer.dropout_calls();
                entries[i].dropout_seed = layer.dropout_seed();
            }
        });
    }

    /// The model's layers must be those that were stored, or have their sizes.
    void restore(Sequential<S>& model) const {
        for_each_part_of(model, [&]<class L>(std::size_t i, [[maybe_unused]] L& layer) {
            if constexpr (GruLayer<L>) {
                layer.clear_state();
                if (layer.options().stateful && entries[i].is_carried) layer.set_state(entries[i].state);
            }
            if constexpr (DroppingLayer<L>) {
                layer.set_dropout_calls(entries[i].dropout_calls);
                layer.set_dropout_seed(entries[i].dropout_seed);
            }
        });
    }

    std::vector<Entry> entries;  ///< one for each part: see for_each_part_of
};

/// Starts a model's layers without carried states and puts back what they kept when it goes.
template <RealScalar S>
class StatesPutBack {
public:
    explicit StatesPutBack(Sequential<S>& model) : model_(model) {
        states_.store(model);
        model.clear_state();
    }
    ~StatesPutBack() { states_.restore(model_); }
    StatesPutBack(const StatesPutBack&) = delete;
    StatesPutBack& operator=(const StatesPutBack&) = delete;

private:
    Sequential<S>& model_;
    LayerStates<S> states_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
