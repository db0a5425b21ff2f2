// SPDX-License-Identifier: MIT
// The layers of a model from a state dict of PyTorch: inferred from the names and shapes of its tensors, or as the list
// in the metadata says that torch_writer.hpp has left there.
#pragma once

#include "eigengru/io/chain_builder.hpp"
#include "eigengru/io/torch_weights.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// A torch.nn.Linear behind the GRU, and the activation behind that.
struct TorchLinear {
    std::string name;  ///< "fc" for the tensors fc.weight and fc.bias
    Activation activation = {};
};

/// What a state dict does not say.
struct TorchOptions {
    std::string gru = {};  ///< "encoder.gru" for encoder.gru.weight_ih_l0; the only GRU when empty
    std::vector<TorchLinear> linear =
        {};  ///< the layers behind it, in order; when empty the only one with a bias, if there is one
    bool return_sequences = true;  ///< as torch.nn.GRU does; false: the last state alone goes on, as h_n has it
    bool stateful = false;         ///< start from the last call's final state
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

/// Adds one layer of a torch.nn.GRU, a Gru or a Bidirectional.
template <RealScalar S>
void add_torch_layer(ChainBuilder<S>& chain, const SafetensorsFile& file, const TorchGru& gru, Index layer,
                     Index features, const GruOptions& options) {
    std::vector<RowMatrix<S>> weights = torch_gru_weights<S>(file, gru, layer, false, features);
    if (!gru.is_bidirectional) return chain.add_gru(true, features, options, weights);
    for (RowMatrix<S>& weight : torch_gru_weights<S>(file, gru, layer, true, features))
        weights.push_back(std::move(weight));
    chain.add_bidirectional(true, features, options, {.name = options.name}, weights);
}

/// Adds all layers of a torch.nn.GRU; gives the features that come out.
template <RealScalar S>
Index add_torch_gru(ChainBuilder<S>& chain, const SafetensorsFile& file, const TorchGru& gru,
                    const TorchOptions& options) {
    Index features = torch_features(file, gru.prefix + "weight_ih" + gru.suffix(0, false));
    const Index units = torch_units(file, gru, 0);
    for (Index layer = 0; layer < gru.layers; ++layer) {
        const bool is_last = layer + 1 == gru.layers;
        add_torch_layer(chain, file, gru, layer, features,
                        {.units = units,
                         .use_bias = gru.has_bias,
                         .return_sequences = !is_last || options.return_sequences,
                         .stateful = options.stateful,
                         .name = gru.layers == 1 ? gru.name() : gru.name() + gru.suffix(layer, false)});
        features = gru.is_bidirectional ? 2 * units : units;
    }
    return features;
}

/// The names of what may be a torch.nn.Linear: a matrix NAME.weight, and NAME.bias. Without a bias it may as well be a
/// torch.nn.Embedding, which stands before the GRU: such a Linear is for TorchOptions to name.
[[nodiscard]] inline std::vector<std::string> torch_linears(const SafetensorsFile& file) {
    constexpr std::string_view ending = ".weight";
    std::vector<std::string> names;
    for (const auto& [name, tensor] : file.tensors()) {
        if (!name.ends_with(ending) || tensor.shape.size() != 2) continue;
        std::string prefix = name.substr(0, name.size() - ending.size());
        if (file.has(prefix + ".bias")) names.push_back(std::move(prefix));
    }
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

/// A model as the list in the metadata says.
template <RealScalar S>
class TorchModelBuilder {
public:
    explicit TorchModelBuilder(const SafetensorsFile& file) : file_(file), chain_(file.where()) {}

    /// Throws: FormatError.
    [[nodiscard]] Sequential<S> build(const std::string& metadata) {
        const Where where = file_.where().in("metadata \"eigengru\"");
        const Json list = parse_json(Bytes(metadata.begin(), metadata.end()), where);
        if (!list.is_array()) where.fail("expected a list of layers, received ", shown(list));
        if (list.size() > kMostLayers) where.fail("expected at most ", kMostLayers, " layers, received ", list.size());
        for (const Json& layer : list) add(JsonObject(layer, where.in("layer ", count_++)));
        check_all_used(file_, used_);
        return chain_.finish();
    }

private:
    void add(const JsonObject& layer) {
        const std::string class_name = layer.string("class");
        const std::string name = layer.string("name");
        if (class_name == "GRU" || class_name == "Bidirectional") return add_gru(layer, name, class_name != "GRU");
        in_file(layer.where(), [&] {
            if (class_name == "Dense")
                add_dense(layer, name);
            else if (class_name == "Embedding")
                add_embedding(layer, name);
            else if (class_name == "Activation")
                chain_.add(ActivationLayer<S>({.activation = layer.string("activation"), .name = name}));
            else if (class_name == "Masking")
                chain_.add(Masking<S>({.mask_value = layer.number("mask_value"), .name = name}));
            else if (class_name == "Dropout")
                chain_.add(Dropout<S>({.rate = layer.number("rate"), .name = name}));
            else
                layer.where().fail("has the unknown class \"", class_name, "\"");
        });
    }

    /// Tensors are for one layer: else a small file could ask for any number of copies.
    void use(const JsonObject& layer, const std::set<std::string>& names) {
        for (const std::string& name : names)
            if (!used_.insert(name).second)
                layer.where().fail("expected weights of its own, \"", name, "\" is used twice");
    }

    void add_gru(const JsonObject& layer, const std::string& name, bool is_bidirectional) {
        const TorchLayerName at = torch_layer_of(name);
        TorchGru gru{.prefix = at.prefix, .layers = at.layer + 1, .is_bidirectional = is_bidirectional};
        const std::string suffix = gru.suffix(at.layer, false);
        gru.has_bias = file_.has(gru.prefix + "bias_ih" + suffix);
        use(layer, torch_layer_tensors(gru, at.layer));
        const Index features = torch_features(file_, gru.prefix + "weight_ih" + suffix);
        const GruOptions options{.units = torch_units(file_, gru, at.layer),
                                 .use_bias = gru.has_bias,
                                 .return_sequences = layer.flag("return_sequences", true),
                                 .stateful = layer.flag("stateful", false),
                                 .zero_output_for_mask = layer.flag("zero_output_for_mask", false),
                                 .name = name};
        add_torch_layer(chain_, file_, gru, at.layer, features, options);
    }

    void add_dense(const JsonObject& layer, const std::string& name) {
        use(layer, {name + ".weight", name + ".bias"});
        const Index features = torch_features(file_, name + ".weight");
        chain_.add_dense({.activation = layer.string("activation"), .name = name},
                         torch_linear_weights<S>(file_, name, features));
    }

    void add_embedding(const JsonObject& layer, const std::string& name) {
        use(layer, {name + ".weight"});
        const StoredTensor& tensor = file_.tensor(name + ".weight");
        const Index width = torch_features(file_, name + ".weight");
        if (!std::in_range<std::int32_t>(tensor.shape[0]) || tensor.shape[0] < 1)
            layer.where().fail("expected a matrix of embeddings, received shape ",
                               SafetensorsFile::shape_text(tensor.shape));
        const auto ids = static_cast<Index>(tensor.shape[0]);
        const std::vector<RowMatrix<S>> weights{file_.read<S>(name + ".weight", {ids, width})};
        chain_.add(Embedding<S>(
            {.input_dim = ids, .output_dim = width, .mask_zero = layer.flag("mask_zero", false), .name = name},
            weights));
    }

    const SafetensorsFile& file_;
    ChainBuilder<S> chain_;
    std::set<std::string> used_;
    int count_ = 0;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
