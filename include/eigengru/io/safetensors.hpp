// SPDX-License-Identifier: MIT
// The state dicts of PyTorch in .safetensors files: load_safetensors_model, load_safetensors_gru, save_safetensors.
// Needs eigengru::safetensors (nlohmann-json alone); the umbrella header does not include it.
//
//     Sequential<float> model = io::load_safetensors_model<float>("model.safetensors", {.return_sequences = false});
//     AnyGru<float> gru = io::load_safetensors_gru<float>("model.safetensors", {.gru = "encoder.gru"});
//     io::save_safetensors(gru, "gru.safetensors");
//
// A state dict is names and numbers: what else a model needs to be run stands in TorchOptions, or, in a file that
// save_safetensors has written, in its metadata.
#pragma once

#include "eigengru/io/chain_builder.hpp"
#include "eigengru/io/torch_weights.hpp"
#include "eigengru/layer/any_gru.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// A torch.nn.Linear behind the GRU, and the activation behind that.
struct TorchLinear {
    std::string name;  ///< "fc" for the tensors fc.weight and fc.bias
    Activation activation = {};
};

/// What a state dict does not say.
struct TorchOptions {
    std::string gru = {};                 ///< "encoder.gru" for encoder.gru.weight_ih_l0; the only GRU when empty
    std::vector<TorchLinear> linear = {};  ///< the layers behind it, in order; when empty the only one, if there is one
    bool return_sequences = true;         ///< as torch.nn.GRU does; false: the last state alone goes on, as h_n has it
    bool stateful = false;                ///< start from the last call's final state
};

namespace detail {

/// The GRU of that name, or the only one. Throws: FormatError that lists those there are.
[[nodiscard]] inline TorchGru choose_torch_gru(const SafetensorsFile& file, const std::string& name) {
    const std::vector<TorchGru> grus = torch_grus(file);
    std::vector<std::string> known;
    for (const TorchGru& gru : grus) known.push_back(gru.name());
    if (grus.empty())
        file.where().fail("expected the tensors of a GRU (weight_ih_l0 and so on), the file has ",
                          eigengru::detail::quoted_list(file.names()));
    if (name.empty() && grus.size() == 1) return grus.front();
    for (const TorchGru& gru : grus)
        if (gru.name() == name || (!name.empty() && gru.prefix == name)) return gru;
    file.where().fail("expected the name of a GRU, one of ", eigengru::detail::quoted_list(known), ", received ",
                      name.empty() ? "none" : "\"" + name + "\"");
}

/// Adds the layers of a torch.nn.GRU; gives the features that come out.
template <RealScalar S>
Index add_torch_gru(ChainBuilder<S>& chain, const SafetensorsFile& file, const TorchGru& gru,
                    const TorchOptions& options) {
    Index features = torch_features(file, gru.prefix + "weight_ih" + gru.suffix(0, false));
    const Index units = torch_units(file, gru);
    for (Index layer = 0; layer < gru.layers; ++layer) {
        const bool is_last = layer + 1 == gru.layers;
        const std::string suffix = gru.suffix(layer, false);
        const GruOptions layer_options{.units = units,
                                       .use_bias = gru.has_bias,
                                       .return_sequences = !is_last || options.return_sequences,
                                       .stateful = options.stateful,
                                       .name = gru.layers == 1 ? gru.name() : gru.name() + suffix};
        std::vector<RowMatrix<S>> weights = torch_gru_weights<S>(file, gru, suffix, features);
        if (gru.is_bidirectional) {
            for (RowMatrix<S>& weight : torch_gru_weights<S>(file, gru, gru.suffix(layer, true), features))
                weights.push_back(std::move(weight));
            chain.add_bidirectional(true, features, layer_options, {.name = layer_options.name}, weights);
        } else {
            chain.add_gru(true, features, layer_options, weights);
        }
        features = gru.is_bidirectional ? 2 * units : units;
    }
    return features;
}

/// The names of what may be a torch.nn.Linear: a matrix NAME.weight.
[[nodiscard]] inline std::vector<std::string> torch_linears(const SafetensorsFile& file) {
    constexpr std::string_view ending = ".weight";
    std::vector<std::string> names;
    for (const auto& [name, tensor] : file.tensors())
        if (name.ends_with(ending) && tensor.shape.size() == 2)
            names.push_back(name.substr(0, name.size() - ending.size()));
    return names;
}

/// Those that the caller names, or the only one. Throws: FormatError when there are several.
[[nodiscard]] inline std::vector<TorchLinear> choose_torch_linears(const SafetensorsFile& file,
                                                                   const TorchOptions& options) {
    if (!options.linear.empty()) return options.linear;
    const std::vector<std::string> found = torch_linears(file);
    if (found.size() > 1)
        file.where().fail("expected TorchOptions::linear to name the layers behind the GRU in their order, of ",
                          eigengru::detail::quoted_list(found));
    if (found.empty()) return {};
    return {{.name = found.front()}};
}

/// Throws: FormatError for a tensor that the model does not use.
inline void check_all_used(const SafetensorsFile& file, const std::set<std::string>& used) {
    for (const std::string& name : file.names())
        if (!used.contains(name))
            file.where().fail("expected the tensors of one GRU and the Linear layers behind it, received \"", name,
                              "\" of shape ", SafetensorsFile::shape_text(file.tensor(name).shape),
                              "; load_safetensors_gru loads the GRU alone");
}

[[nodiscard]] inline SafetensorsFile open_safetensors(std::string_view function, const std::filesystem::path& path) {
    const Where where(eigengru::detail::text(function, ": ", path.string()));
    return {read_file(path, where), where};
}

}  // namespace detail

/// The model in a state dict: the layers of one torch.nn.GRU, each a Gru or a Bidirectional with Merge::concat, and a
/// Dense for each torch.nn.Linear behind them. Inputs are (batch, time, features), as with batch_first = True; PyTorch's
/// dropout between layers is one of training and left out. With return_sequences = false the last layer gives what
/// PyTorch has in h_n, both directions side by side.
///
/// Throws: FormatError for a missing or damaged file, and for a tensor that is no part of such a model.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_safetensors_model(const std::filesystem::path& path, const TorchOptions& options = {}) {
    const SafetensorsFile file = detail::open_safetensors("io::load_safetensors_model", path);
    const detail::TorchGru gru = detail::choose_torch_gru(file, options.gru);
    detail::ChainBuilder<S> chain(file.where());
    Index features = detail::add_torch_gru(chain, file, gru, options);
    std::set<std::string> used = detail::torch_gru_tensors(gru);
    for (const TorchLinear& linear : detail::choose_torch_linears(file, options)) {
        features = chain.add_dense({.activation = linear.activation, .name = linear.name},
                                   detail::torch_linear_weights<S>(file, linear.name, features));
        used.insert({linear.name + ".weight", linear.name + ".bias"});
    }
    detail::check_all_used(file, used);
    return chain.finish();
}

/// One GRU of one layer and one direction in a state dict, whatever else there is.
/// Throws: FormatError, also for several layers or two directions: load_safetensors_model takes those.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_safetensors_gru(const std::filesystem::path& path, const TorchOptions& options = {}) {
    const SafetensorsFile file = detail::open_safetensors("io::load_safetensors_gru", path);
    const detail::TorchGru gru = detail::choose_torch_gru(file, options.gru);
    if (gru.layers != 1 || gru.is_bidirectional)
        file.where().fail("expected a GRU of one layer and one direction, \"", gru.name(), "\" has ", gru.layers,
                          gru.is_bidirectional ? " and both directions" : "", "; use load_safetensors_model");
    detail::ChainBuilder<S> chain(file.where());
    static_cast<void>(detail::add_torch_gru(chain, file, gru, options));
    return std::get<Gru<S, true>>(chain.take_first());
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
