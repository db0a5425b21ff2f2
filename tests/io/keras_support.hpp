// SPDX-License-Identifier: MIT
// The configuration of Keras's models in the tests of io/: of the recorded files, of layers made to order, and .h5
// files of weights in the old form.
#pragma once

#include "eigengru/io/keras_layers.hpp"
#include "io/io_support.hpp"

#include <algorithm>
#include <utility>

namespace eigengru_test {

/// The configuration in a file of tests/golden/models.
inline Json config_of(const std::string& name) {
    return eigengru::io::detail::parse_json(members_of(fixture(name)).at("config.json"), Where("f"));
}

/// The layers of a model, which must outlive them.
inline std::vector<eigengru::io::KerasLayer> layers_in(const Json& model) {
    return eigengru::io::layers_of(model, Where("f"));
}

/// A layer "x" of that class that takes 3 features; its configuration must outlive it.
inline eigengru::io::KerasLayer layer_with(const std::string& class_name, const Json& config,
                                           eigengru::io::KerasDialect dialect = {}) {
    return {class_name, "x", "layers/x", 3, std::move(dialect), eigengru::io::JsonObject(config, Where("f"))};
}

/// The refusal of a layer of the fixture "plain" with one argument set.
template <class Read>
std::string config_refusal(const std::string& layer, const std::string& key, const Json& value, Read&& read) {
    Json model = config_of("plain.tensorflow.keras");
    layer_config(model, layer)[key] = value;
    return format_error_of([&] {
        for (const eigengru::io::KerasLayer& l : layers_in(model))
            if (l.name == layer) (void)read(l);
    });
}

/// An attribute that is a list of strings.
inline void add_strings(const LibraryWriter& file, const std::string& path, const char* name,
                        const std::vector<std::string>& strings) {
    std::size_t width = 1;
    for (const std::string& text : strings) width = std::max(width, text.size());
    std::string bytes;
    for (const std::string& text : strings) bytes += text + std::string(width - text.size(), '\0');
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    file.attribute(path, name, type, {strings.size()}, bytes.data());
    H5Tclose(type);
}

/// A weight of a layer in an .h5 file of the old form, all of its numbers 0.5.
struct OldWeight {
    std::string name;
    std::vector<hsize_t> shape;
};

/// The weights of layers, in order, as such a file has them below `root`, which ends in a slash or is empty.
inline void add_old_weights(const LibraryWriter& file, const std::string& root,
                            const std::vector<std::pair<std::string, std::vector<OldWeight>>>& layers) {
    std::vector<std::string> layer_names;
    for (const auto& [layer, weights] : layers) {
        layer_names.push_back(layer);
        std::vector<std::string> names;
        file.add_group(root + layer);
        for (const OldWeight& weight : weights) {
            names.push_back(weight.name);
            std::size_t count = 1;
            for (const hsize_t size : weight.shape) count *= size;
            file.add(root + layer + "/" + weight.name, weight.shape, std::vector<double>(count, 0.5));
        }
        add_strings(file, root + layer, "weight_names", names);
    }
    add_strings(file, root.empty() ? "/" : root, "layer_names", layer_names);
}

}  // namespace eigengru_test
