// SPDX-License-Identifier: MIT
// KerasFile: the configuration of a model and its weights, whatever kind of file or folder Keras has put them into.
#pragma once

#include "eigengru/io/keras_layers.hpp"
#include "eigengru/io/keras_weights.hpp"
#include "eigengru/io/zip_archive.hpp"

#include <fstream>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The weights of a model's layers.
class KerasWeights {
public:
    KerasWeights(Hdf5File file, KerasDialect dialect) : file_(std::move(file)), dialect_(std::move(dialect)) {}

    [[nodiscard]] const Hdf5File& file() const { return file_; }
    [[nodiscard]] const KerasDialect& dialect() const { return dialect_; }

    /// The weights in `part` of a layer. In an .h5 file of the old form a layer has all of them in one list, of which
    /// these are `count` from `first` on.
    [[nodiscard]] WeightGroup group(const KerasLayer& layer, const std::string& part, std::size_t first,
                                    std::size_t count) const {
        if (!dialect_.is_legacy)
            return {file_, eigengru::detail::text(layer.group, part.empty() ? "" : "/", part, "/vars")};
        const std::vector<std::string> all = legacy_names(layer);
        const std::size_t from = std::min(first, all.size());
        const std::size_t to = std::min(first + count, all.size());
        return {file_,
                layer.group,
                {all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to)}};
    }

    /// Throws: FormatError when a layer has more weights than `count`.
    void check_count(const KerasLayer& layer, std::size_t count) const {
        if (!dialect_.is_legacy) return;
        const std::size_t found = legacy_names(layer).size();
        if (found != count) file_.where().in(layer.group).fail("expected ", count, " weights, received ", found);
    }

    /// Layers may not share weights: a small file could stand for weights without end.
    void count_bytes(const WeightGroup& weights) {
        bytes_ += weights.bytes();
        if (bytes_ > file_.bytes()) file_.where().fail("expected weights of their own for each layer: some are shared");
    }

private:
    /// What the attribute weight_names lists; of a model in the model, which has one list, those of this layer.
    [[nodiscard]] std::vector<std::string> legacy_names(const KerasLayer& layer) const {
        std::vector<std::string> names = string_list(file_, layer.group, "weight_names");
        if (layer.name == layer.own_name()) return names;
        const std::string middle = "/" + layer.own_name() + "/";
        std::erase_if(names, [&](const std::string& name) { return ("/" + name).find(middle) == std::string::npos; });
        return names;
    }

public:
    /// A list of strings in an attribute; Keras splits those above 64 KiB into parts with a number each.
    /// Throws: FormatError when there is none.
    [[nodiscard]] static std::vector<std::string> string_list(const Hdf5File& file, const std::string& path,
                                                              const std::string& attribute) {
        constexpr std::uint64_t most_bytes = 1 << 18;
        if (const auto whole = file.strings(path, attribute, most_bytes)) return *whole;
        std::vector<std::string> all;
        for (std::size_t i = 0; i < kMostLayers; ++i) {
            const auto part = file.strings(path, eigengru::detail::text(attribute, i), most_bytes);
            if (!part && i > 0) return all;
            if (!part) break;
            all.insert(all.end(), part->begin(), part->end());
        }
        file.where().in(path).fail("expected an attribute \"", attribute, "\", as Keras saves it");
    }

private:
    Hdf5File file_;
    KerasDialect dialect_;
    std::uint64_t bytes_ = 0;
};

/// A model as Keras has saved it.
struct KerasFile {
    Where where;
    Json config;
    KerasWeights weights;
    std::optional<Json> test = {};  ///< the test vector, when the file carries one

    [[nodiscard]] std::vector<KerasLayer> layers(bool is_chain = true) const {
        return layers_of(config, where, weights.dialect(), is_chain);
    }
};

inline constexpr std::string_view kConfigMember = "config.json";
inline constexpr std::string_view kMetadataMember = "metadata.json";
inline constexpr std::string_view kWeightsMember = "model.weights.h5";

/// Not Keras's, and no trouble to it: a test vector.
///
///     {"inputs": {"shape": [2, 10, 8], "values": [...]}, "outputs": {"shape": [2, 1], "values": [...]},
///      "tolerance": 1e-05}
inline constexpr std::string_view kTestMember = "eigengru_test.json";

/// "2.15.0" is of Keras 2; so was Keras 1.
[[nodiscard]] inline bool is_keras2_version(std::string_view version) {
    return version.starts_with("2.") || version.starts_with("1.");
}

/// `read(member, limit)` gives the bytes of a member, `has(member)` whether there is one.
template <class Has, class Read>
[[nodiscard]] KerasFile read_keras_members(const Where& where, const Has& has, const Read& read) {
    KerasDialect dialect;
    if (has(kMetadataMember)) {
        const Json metadata = parse_json(read(kMetadataMember, kMostJsonBytes), where.in(kMetadataMember));
        const Json* version = metadata.is_object() ? JsonObject(metadata, where).find("keras_version") : nullptr;
        dialect.is_keras2 =
            version != nullptr && version->is_string() && is_keras2_version(version->get<std::string>());
    }
    Json config = parse_json(read(kConfigMember, kMostJsonBytes), where.in(kConfigMember));
    Hdf5File weights(read(kWeightsMember, kMostFileBytes), where.in(kWeightsMember));
    constexpr const char* early = "_layer_checkpoint_dependencies";  // up to Keras 2.13
    if (weights.has(early)) dialect.weights = early;
    KerasFile file{where, std::move(config), KerasWeights(std::move(weights), std::move(dialect))};
    if (has(kTestMember)) file.test = parse_json(read(kTestMember, kMostJsonBytes), where.in(kTestMember));
    return file;
}

/// A .keras file that was unpacked. Members are files in it, no links that lead elsewhere.
[[nodiscard]] inline KerasFile open_keras_folder(const std::filesystem::path& path, const Where& where) {
    const auto has = [&](std::string_view member) { return std::filesystem::exists(path / member); };
    const auto read = [&](std::string_view member, std::uint64_t limit) {
        const Where here = where.in(member);
        std::error_code error;
        if (std::filesystem::is_symlink(path / member, error)) here.fail("expected a file, received a link");
        if (file_size(path / member, here) > limit) here.fail("expected at most ", limit, " bytes");
        return read_file(path / member, here);
    };
    if (!has(kConfigMember)) where.fail("expected a folder with ", kConfigMember, ", as a .keras file unpacks to one");
    return read_keras_members(where, has, read);
}

[[nodiscard]] inline KerasFile open_keras_archive(const std::filesystem::path& path, const Where& where) {
    const ZipArchive archive(path, where);
    return read_keras_members(
        where, [&](std::string_view member) { return archive.has(std::string(member)); },
        [&](std::string_view member, std::uint64_t limit) { return archive.read(std::string(member), limit); });
}

/// An .h5 file with a whole model, as Keras 2 writes by default and Keras 3 on demand.
[[nodiscard]] inline KerasFile open_legacy_file(const std::filesystem::path& path, const Where& where) {
    constexpr std::uint64_t most_version_bytes = 100;
    Hdf5File file(read_file(path, where), where);
    const auto config = file.strings("", "model_config", kMostJsonBytes);
    if (!config || config->size() != 1)
        where.fail(
            "the file has no attribute \"model_config\": it holds weights alone; build the model and use "
            "load_weights");
    const auto version = file.strings("", "keras_version", most_version_bytes);
    const bool is_keras2 = !version || version->empty() || is_keras2_version(version->front());
    Json json = parse_json(Bytes(config->front().begin(), config->front().end()), where.in("model_config"));
    return {where, std::move(json),
            KerasWeights(std::move(file), {.is_keras2 = is_keras2, .is_legacy = true, .weights = "model_weights/"})};
}

/// Whether the bytes of a regular file begin as those of an HDF5 file do.
[[nodiscard]] inline bool is_hdf5_file(const std::filesystem::path& path) {
    constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
    std::string begin(signature.size(), '\0');
    std::ifstream file(path, std::ios::binary);
    return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == signature;
}

/// Opens a .keras file, the folder that one unpacks to, or an .h5 file with a whole model; by what is in it, whatever
/// its name. Throws: FormatError.
[[nodiscard]] inline KerasFile open_keras_file(std::string_view function, const std::filesystem::path& path) {
    const Where where(eigengru::detail::text(function, ": ", path.string()));
    if (std::filesystem::is_directory(path)) return open_keras_folder(path, where);
    static_cast<void>(file_size(path, where));
    return is_hdf5_file(path) ? open_legacy_file(path, where) : open_keras_archive(path, where);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
