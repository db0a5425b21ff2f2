// SPDX-License-Identifier: MIT
// What the tests of io/ share: a folder for scratch files, zip archives and HDF5 files made to order, and the files of
// tests/golden/models, also with an edited configuration.
#pragma once

#include "eigengru/io/keras_json.hpp"
#include "support/scratch_files.hpp"

#include <hdf5.h>
#include <zip.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace eigengru_test {

using eigengru::io::Json;
using eigengru::io::Where;

inline Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

inline Json parsed(std::string_view text) {
    return eigengru::io::detail::parse_json(bytes_of(text), Where("f"));
}

using Members = std::map<std::string, Bytes>;

inline void write_zip(const std::filesystem::path& path, const Members& members, zip_int32_t method = ZIP_CM_STORE) {
    std::filesystem::remove(path);
    int error = 0;
    zip_t* archive = zip_open(path.string().c_str(), ZIP_CREATE | ZIP_EXCL, &error);
    if (archive == nullptr) throw std::runtime_error("cannot create " + path.string());
    for (const auto& [name, bytes] : members) {
        zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
        const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
        zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
    }
    if (zip_close(archive) != 0) throw std::runtime_error("cannot write " + path.string());
}

inline std::filesystem::path fixture(const std::string& name) {
    return std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "models" / name;
}

/// All of an archive, by libzip alone.
inline Members members_of(const std::filesystem::path& path) {
    int error = 0;
    zip_t* archive = zip_open(path.string().c_str(), ZIP_RDONLY, &error);
    if (archive == nullptr) throw std::runtime_error("cannot open " + path.string());
    Members members;
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
        zip_stat_t stat;
        zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &stat);
        zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
        Bytes bytes(stat.size);
        zip_fread(file, bytes.data(), bytes.size());
        zip_fclose(file);
        members[stat.name] = bytes;
    }
    zip_discard(archive);
    return members;
}

/// A copy of a Keras file whose config.json `edit` has changed.
template <class Edit>
void write_edited(const std::filesystem::path& from, const std::filesystem::path& to, Edit&& edit) {
    Members members = members_of(from);
    const Bytes& config = members.at("config.json");
    Json json = Json::parse(config.begin(), config.end());
    edit(json);
    members["config.json"] = bytes_of(std::string_view(json.dump()));
    write_zip(to, members);
}

/// The config of the layer of that name.
inline Json& layer_config(Json& model, const std::string& name) {
    for (Json& layer : model["config"]["layers"])
        if (layer["config"]["name"] == name) return layer["config"];
    throw std::runtime_error("no layer " + name);
}

/// Writes HDF5 files with the library itself.
class LibraryWriter {
public:
    /// `access` may ask for a newer form of the format; a property list, or the default.
    explicit LibraryWriter(const std::filesystem::path& path, hid_t access = H5P_DEFAULT)
        : file_(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access)),
          links_(H5Pcreate(H5P_LINK_CREATE)) {
        if (file_ < 0) throw std::runtime_error("cannot create " + path.string());
        H5Pset_create_intermediate_group(links_, 1);
    }
    ~LibraryWriter() {
        H5Pclose(links_);
        H5Fclose(file_);
    }
    LibraryWriter(const LibraryWriter&) = delete;
    LibraryWriter& operator=(const LibraryWriter&) = delete;

    [[nodiscard]] hid_t file() const { return file_; }

    /// A group that may have nothing in it, and those that lead to it.
    void add_group(const std::string& path) const {
        const hid_t group = H5Gcreate2(file_, path.c_str(), links_, H5P_DEFAULT, H5P_DEFAULT);
        if (group < 0) throw std::runtime_error("cannot create " + path);
        H5Gclose(group);
    }

    /// `creation` says how it is stored; a property list, or the default.
    void add(const std::string& path, const std::vector<hsize_t>& shape, hid_t type, const void* values,
             hid_t memory_type, hid_t creation = H5P_DEFAULT) const {
        const hid_t space = shape.empty() ? H5Screate(H5S_SCALAR)
                                          : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
        const hid_t set = H5Dcreate2(file_, path.c_str(), type, space, links_, creation, H5P_DEFAULT);
        if (set < 0) throw std::runtime_error("cannot create " + path);
        if (values != nullptr) H5Dwrite(set, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        H5Dclose(set);
        H5Sclose(space);
    }

    void add(const std::string& path, const std::vector<hsize_t>& shape, const std::vector<double>& values,
             hid_t type = H5T_IEEE_F64LE, hid_t creation = H5P_DEFAULT) const {
        add(path, shape, type, values.data(), H5T_NATIVE_DOUBLE, creation);
    }

    void attribute(const std::string& path, const char* name, hid_t type, const std::vector<hsize_t>& shape,
                   const void* values) const {
        const hid_t space = shape.empty() ? H5Screate(H5S_SCALAR)
                                          : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
        const hid_t attribute =
            H5Acreate_by_name(file_, path.c_str(), name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (attribute < 0) throw std::runtime_error("cannot create attribute " + std::string(name));
        if (values != nullptr) H5Awrite(attribute, type, values);
        H5Aclose(attribute);
        H5Sclose(space);
    }

private:
    hid_t file_;
    hid_t links_;
};

}  // namespace eigengru_test
