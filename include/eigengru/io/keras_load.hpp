// SPDX-License-Identifier: MIT
// Loading from the files of Keras: load_keras_model and load_keras_gru; load_model.hpp has those for any format.
#pragma once

#include "eigengru/io/keras_test_vector.hpp"
#include "eigengru/layer/any_gru.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// The model in a Keras file; `report` may be null. Throws: FormatError, which begins with the name of the function.
template <RealScalar S>
[[nodiscard]] Sequential<S> load_keras_model(std::string_view function, const std::filesystem::path& path,
                                             LoadReport* report) {
    KerasFile file = open_keras_file(function, path);
    Sequential<S> model = build_keras_model<S>(file);
    LoadReport found;
    if (file.test) check_test_vector(model, *file.test, file.where.in(kTestMember), found);
    if (report != nullptr) *report = found;
    return model;
}

/// The GRU of a Keras file with either mode. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] AnyGru<S> read_any_gru(std::string_view function, const std::filesystem::path& path,
                                     std::string_view name) {
    const KerasFile file = open_keras_file(function, path);
    const KerasLayer layer = find_gru(file, name);
    const KerasGru gru = keras_gru(layer);
    const std::size_t count = weight_count(gru.config);
    WeightGroup group = file.weights.group(layer, gru.part, 0, count);
    check_keras_gru_weights(group, gru);
    file.weights.check_count(layer, count);
    std::vector<RowMatrix<S>> weights = group.template read<S>();
    if (gru.has_cudnn_order) from_cudnn_order(weights);
    if (gru.config.reset_after) return make_gru<S, true>(layer, gru.config, weights);
    return make_gru<S, false>(layer, gru.config, weights);
}

}  // namespace detail

/// The model in a file of Keras: a .keras file, the folder that one unpacks to, or an .h5 file with a whole model, of
/// Keras 2 (tf.keras) or 3. A Sequential, or a Functional model that is a chain, of the layers in kKnownLayers, with all
/// their arguments and weights. Weights of any floating type convert to S. A batch size or a number of time steps that
/// the model was built for is not kept: the layers take any.
///
/// Where the file carries a test vector (eigengru_test.json), the model is tried with it.
///
/// Throws: FormatError for a missing or damaged file, for anything in it that is not known, named and with what is, and
/// for a model that does not give the outputs of its test vector.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_keras_model(const std::filesystem::path& path) {
    return detail::load_keras_model<S>("io::load_keras_model", path, nullptr);
}

/// The same; `report` says what the test vector gave.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_keras_model(const std::filesystem::path& path, LoadReport& report) {
    return detail::load_keras_model<S>("io::load_keras_model", path, &report);
}

/// One GRU of a file of Keras, by its name in the model, or the first one; with either mode. A CuDNNGRU and an RNN
/// around a GRUCell are GRUs. The other layers may be of any class, and a Functional model may branch.
/// Throws: FormatError.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_keras_gru(const std::filesystem::path& path, std::string_view layer = "") {
    return detail::read_any_gru<S>("io::load_keras_gru", path, layer);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
