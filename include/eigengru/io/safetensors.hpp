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
#include "eigengru/io/torch_model.hpp"
#include "eigengru/io/torch_writer.hpp"
#include "eigengru/layer/any_gru.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

[[nodiscard]] inline SafetensorsFile open_safetensors(std::string_view function, const std::filesystem::path& path) {
    const Where where(eigengru::detail::text(function, ": ", path.string()));
    return {read_file(path, where), where};
}

/// The model in a state dict. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] Sequential<S> torch_model(const SafetensorsFile& file, const TorchOptions& options) {
    const auto list = file.metadata().find(kTorchMetadataKey);
    if (list != file.metadata().end() && options.gru.empty() && options.linear.empty())
        return TorchModelBuilder<S>(file).build(list->second);
    const TorchGru gru = choose_torch_gru(file, options.gru);
    ChainBuilder<S> chain(file.where());
    Index features = add_torch_gru(chain, file, gru, options);
    std::set<std::string> used = torch_gru_tensors(gru);
    for (const TorchLinear& linear : choose_torch_linears(file, options)) {
        features = chain.add_dense({.activation = linear.activation, .name = linear.name},
                                   torch_linear_weights<S>(file, linear.name, features));
        used.insert({linear.name + ".weight", linear.name + ".bias"});
    }
    check_all_used(file, used);
    return chain.finish();
}

/// One GRU of one layer and one direction. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] AnyGru<S> torch_single_gru(const SafetensorsFile& file, const TorchOptions& options) {
    const TorchGru gru = choose_torch_gru(file, options.gru);
    if (gru.layers != 1 || gru.is_bidirectional)
        file.where().fail("expected a GRU of one layer and one direction, \"", gru.name(), "\" has ", gru.layers,
                          gru.layers == 1 ? " layer" : " layers", gru.is_bidirectional ? " of both directions" : "",
                          "; a whole model may have them");
    ChainBuilder<S> chain(file.where());
    static_cast<void>(add_torch_gru(chain, file, gru, options));
    return std::get<Gru<S, true>>(chain.take_first());
}

[[nodiscard]] inline Where saving(const std::filesystem::path& path) {
    return Where(eigengru::detail::text("io::save_safetensors: ", path.string()));
}

}  // namespace detail

/// The model in a state dict: the layers of one torch.nn.GRU, each a Gru or a Bidirectional with Merge::concat, and a
/// Dense for each torch.nn.Linear behind them. Inputs are (batch, time, features), as with batch_first. PyTorch's
/// dropout between layers is one of training and left out. With return_sequences = false the last layer gives what
/// PyTorch has in h_n, both directions side by side. In a file of save_safetensors the list in its metadata counts,
/// unless the options name layers.
///
/// Throws: FormatError for a missing or damaged file, and for a tensor that is no part of such a model.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_safetensors_model(const std::filesystem::path& path,
                                                   const TorchOptions& options = {}) {
    return detail::torch_model<S>(detail::open_safetensors("io::load_safetensors_model", path), options);
}

/// One GRU of one layer and one direction in a state dict, whatever else there is; a torch.nn.GRUCell too.
/// Throws: FormatError, also for several layers or two directions: load_safetensors_model takes those.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_safetensors_gru(const std::filesystem::path& path, const TorchOptions& options = {}) {
    return detail::torch_single_gru<S>(detail::open_safetensors("io::load_safetensors_gru", path), options);
}

/// A model as a state dict that PyTorch loads, with a list of its layers as metadata. GRUs and Bidirectionals have the
/// names of torch.nn.GRU: "gru" gives gru.weight_ih_l0, "gru_l1" gives gru.weight_ih_l1. Dense and Embedding are
/// NAME.weight and NAME.bias. A name that another layer has gets a number: gru_1. What only training needs is not kept.
///
/// Throws: FormatError, and an old file is untouched, for what PyTorch has no layer for (reset_after = false, other
/// activations in a GRU, go_backwards, merges but concat, the normalisations), or when it cannot be written.
template <RealScalar S>
void save_safetensors(const Sequential<S>& model, const std::filesystem::path& path) {
    detail::TorchWriter<S> writer(detail::saving(path));
    for (const auto& layer : model.layers()) std::visit([&](const auto& actual) { writer.add(actual); }, layer);
    writer.write(path);
}

/// One GRU alone. Throws: as for a model.
template <RealScalar S, bool ResetAfter>
void save_safetensors(const Gru<S, ResetAfter>& gru, const std::filesystem::path& path) {
    detail::TorchWriter<S> writer(detail::saving(path));
    writer.add(gru);
    writer.write(path);
}
template <RealScalar S>
void save_safetensors(const AnyGru<S>& gru, const std::filesystem::path& path) {
    gru.visit([&](const auto& layer) { save_safetensors(layer, path); });
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
