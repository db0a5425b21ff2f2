// SPDX-License-Identifier: MIT
// The weights of torch.nn.GRU and torch.nn.Linear in a state dict, and the way between PyTorch's layout and Keras's.
//
// PyTorch has gates in the order r, z, n as blocks of rows, weight_ih (3 units, features), weight_hh (3 units, units),
// bias_ih and bias_hh (3 units); Keras has z, r, h as blocks of columns, and the two biases as rows. Both reset after
// the product, and both take h' = (1 - z) n + z h: the numbers are the same.
#pragma once

#include "eigengru/io/safetensors_file.hpp"

#include <set>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Swaps the first two of three blocks of columns: r, z, n and z, r, h.
template <RealScalar S>
[[nodiscard]] RowMatrix<S> gates_swapped(const RowMatrix<S>& gates) {
    const Index units = gates.cols() / 3;
    RowMatrix<S> result(gates.rows(), gates.cols());
    result << gates.middleCols(units, units), gates.leftCols(units), gates.rightCols(units);
    return result;
}

/// One torch.nn.GRU (or GRUCell) in a state dict: "encoder.gru." before "weight_ih_l0" and the like.
struct TorchGru {
    std::string prefix = {};
    Index layers = 0;
    bool is_cell = false;  ///< of a GRUCell: the names have no "_l0"
    bool is_bidirectional = false;
    bool has_bias = false;

    /// "_l1_reverse"
    [[nodiscard]] std::string suffix(Index layer, bool is_reverse) const {
        if (is_cell) return "";
        return eigengru::detail::text("_l", layer, is_reverse ? "_reverse" : "");
    }

    /// What users call it: "encoder.gru", or "gru" where the state dict is that of the GRU itself.
    [[nodiscard]] std::string name() const { return prefix.empty() ? "gru" : prefix.substr(0, prefix.size() - 1); }
};

/// Where a layer of a model stands in a state dict: layer 1 of "encoder.gru." for the name encoder.gru_l1, layer 0 of
/// "gru." for any other name, here gru.
struct TorchLayerName {
    std::string prefix;
    Index layer = 0;
};

[[nodiscard]] inline TorchLayerName torch_layer_of(const std::string& name) {
    const std::size_t at = name.rfind("_l");
    const std::string number = at == std::string::npos ? "" : name.substr(at + 2);
    constexpr std::size_t most_digits = 4;
    const bool is_layer = !number.empty() && number.size() <= most_digits && at > 0 &&
                          number.find_first_not_of("0123456789") == std::string::npos;
    if (is_layer) return {name.substr(0, at) + ".", std::stoi(number)};
    return {name + ".", 0};
}

/// The parts of "encoder.gru.weight_ih_l0_reverse": prefix "encoder.gru.", weight "weight_ih", suffix "_l0_reverse".
struct TorchName {
    std::string prefix, weight, suffix;
};

inline constexpr auto kTorchGruWeights =
    std::to_array<std::string_view>({"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"});

[[nodiscard]] inline std::optional<TorchName> torch_gru_name(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    const std::size_t start = dot == std::string::npos ? 0 : dot + 1;
    const std::string_view leaf = std::string_view(name).substr(start);
    for (const std::string_view weight : kTorchGruWeights) {
        if (!leaf.starts_with(weight)) continue;
        const std::string_view suffix = leaf.substr(weight.size());
        if (suffix.empty() || suffix.starts_with("_l"))
            return TorchName{name.substr(0, start), std::string(weight), std::string(suffix)};
    }
    return std::nullopt;
}

/// All that a state dict holds of one GRU, from the suffixes that its weight_ih and its biases have.
[[nodiscard]] inline TorchGru torch_gru_of(const SafetensorsFile& file, const std::string& prefix) {
    TorchGru gru{.prefix = prefix, .is_cell = file.has(prefix + "weight_ih")};
    gru.layers = gru.is_cell ? 1 : 0;
    if (!gru.is_cell)
        while (file.has(prefix + "weight_ih" + gru.suffix(gru.layers, false))) ++gru.layers;
    const std::string first = gru.suffix(0, false);
    gru.is_bidirectional = !gru.is_cell && file.has(prefix + "weight_ih" + gru.suffix(0, true));
    gru.has_bias = file.has(prefix + "bias_ih" + first) || file.has(prefix + "bias_hh" + first);
    return gru;
}

/// Every GRU there is, in the order of their prefixes. Throws: FormatError for tensors that belong to none.
[[nodiscard]] inline std::vector<TorchGru> torch_grus(const SafetensorsFile& file) {
    std::set<std::string> prefixes;
    for (const std::string& name : file.names())
        if (const auto parts = torch_gru_name(name)) prefixes.insert(parts->prefix);
    std::vector<TorchGru> grus;
    for (const std::string& prefix : prefixes) grus.push_back(torch_gru_of(file, prefix));
    return grus;
}

/// The names of all tensors of one layer of a GRU.
[[nodiscard]] inline std::set<std::string> torch_layer_tensors(const TorchGru& gru, Index layer) {
    std::set<std::string> names;
    for (const bool is_reverse : {false, true})
        for (std::size_t i = 0; i < (gru.has_bias ? 4U : 2U); ++i)
            if (!is_reverse || gru.is_bidirectional)
                names.insert(eigengru::detail::text(gru.prefix, kTorchGruWeights[i], gru.suffix(layer, is_reverse)));
    return names;
}

/// The names of all tensors of a GRU.
[[nodiscard]] inline std::set<std::string> torch_gru_tensors(const TorchGru& gru) {
    std::set<std::string> names;
    for (Index layer = 0; layer < gru.layers; ++layer) names.merge(torch_layer_tensors(gru, layer));
    return names;
}

/// The units of a GRU, from weight_hh (3 units, units). Throws: FormatError, which knows an LSTM and an RNN by it.
[[nodiscard]] inline Index torch_units(const SafetensorsFile& file, const TorchGru& gru, Index layer) {
    const std::string name = gru.prefix + "weight_hh" + gru.suffix(layer, false);
    const StoredTensor& tensor = file.tensor(name);
    const std::string shape = SafetensorsFile::shape_text(tensor.shape);
    const Where where = file.where().in("tensor \"", name, "\"");
    constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
    if (tensor.shape.size() != 2 || tensor.shape[1] < 1 || tensor.shape[1] > most)
        where.fail("expected shape (3 units, units), received ", shape);
    const std::uint64_t units = tensor.shape[1];
    if (tensor.shape[0] == 4 * units) where.fail("has four gates, as an LSTM has: ", shape);
    if (tensor.shape[0] == units) where.fail("has one gate, as a plain RNN has: ", shape);
    if (tensor.shape[0] != 3 * units) where.fail("expected shape (3 units, units), received ", shape);
    return static_cast<Index>(units);
}

/// The features that a weight_ih (3 units, features) takes. Throws: FormatError.
[[nodiscard]] inline Index torch_features(const SafetensorsFile& file, const std::string& name) {
    const StoredTensor& tensor = file.tensor(name);
    constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
    if (tensor.shape.size() != 2 || tensor.shape[1] < 1 || tensor.shape[1] > most)
        file.where()
            .in("tensor \"", name, "\"")
            .fail("expected a matrix, received shape ", SafetensorsFile::shape_text(tensor.shape));
    return static_cast<Index>(tensor.shape[1]);
}

/// kernel, recurrent_kernel and, with biases, bias of one direction of one layer. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] std::vector<RowMatrix<S>> torch_gru_weights(const SafetensorsFile& file, const TorchGru& gru, Index layer,
                                                          bool is_reverse, Index features) {
    const Index units = torch_units(file, gru, layer);
    const std::string suffix = gru.suffix(layer, is_reverse);
    const auto read = [&](const char* weight, const std::vector<Index>& shape) {
        return file.read<S>(gru.prefix + weight + suffix, shape);
    };
    const RowMatrix<S> kernel = read("weight_ih", {3 * units, features}).transpose();
    const RowMatrix<S> recurrent = read("weight_hh", {3 * units, units}).transpose();
    std::vector<RowMatrix<S>> weights{gates_swapped(kernel), gates_swapped(recurrent)};
    if (!gru.has_bias) return weights;
    RowMatrix<S> bias(2, 3 * units);  // row by row: Eigen's << must not be left half done, and reading may throw
    bias.row(0) = read("bias_ih", {3 * units});
    bias.row(1) = read("bias_hh", {3 * units});
    weights.push_back(gates_swapped(bias));
    return weights;
}

/// kernel (features, units) and, where there is one, bias (1, units) of a torch.nn.Linear. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] std::vector<RowMatrix<S>> torch_linear_weights(const SafetensorsFile& file, const std::string& name,
                                                             Index features) {
    const std::vector<std::uint64_t>& shape = file.tensor(name + ".weight").shape;
    const bool is_matrix = shape.size() == 2 && shape[0] > 0 && std::in_range<std::int32_t>(shape[0]);
    const Index units = is_matrix ? static_cast<Index>(shape[0]) : 1;
    std::vector<RowMatrix<S>> weights{file.read<S>(name + ".weight", {units, features}).transpose()};
    if (file.has(name + ".bias")) weights.push_back(file.read<S>(name + ".bias", {units}));
    return weights;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
