// SPDX-License-Identifier: MIT
// SafetensorsWriter: collects named tensors and metadata, and writes them as a .safetensors file.
#pragma once

#include "eigengru/core/durable_file.hpp"
#include "eigengru/io/keras_json.hpp"

#include <bit>
#include <map>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Tensors of one type, F32 or F64 by Scalar. They stand in the file in the order of their names, as the format's own
/// library writes them, with the first at a multiple of 8 bytes.
template <RealScalar S>
class SafetensorsWriter {
public:
    explicit SafetensorsWriter(Where where) : where_(std::move(where)) {}

    /// A matrix, or a vector when `is_vector`. Throws: FormatError for a name that is there already.
    void add(const std::string& name, const RowMatrix<S>& values, bool is_vector = false) {
        if (!tensors_.try_emplace(name, Tensor{values, is_vector}).second)
            where_.fail("expected layers of different names, received two tensors \"", name, "\"");
    }

    void set_metadata(const std::string& key, const std::string& value) { metadata_[key] = value; }

    /// Replaces the file at once. Throws: FormatError, and the old file is untouched.
    void write(const std::filesystem::path& path) const {
        Json header = Json::object();
        header["__metadata__"] = metadata_;
        Bytes numbers;
        for (const auto& [name, tensor] : tensors_) {
            const std::size_t begin = numbers.size();
            append(numbers, tensor.values);
            Json shape = Json::array({tensor.values.rows(), tensor.values.cols()});
            if (tensor.is_vector) shape.erase(shape.begin());
            header[name] = {{"dtype", sizeof(S) == sizeof(float) ? "F32" : "F64"},
                            {"shape", shape},
                            {"data_offsets", {begin, numbers.size()}}};
        }
        std::string text = header.dump();
        constexpr std::size_t alignment = 8;
        text.resize((text.size() + alignment - 1) / alignment * alignment, ' ');
        Bytes file;
        append_number(file, static_cast<std::uint64_t>(text.size()));
        file.insert(file.end(), text.begin(), text.end());
        file.insert(file.end(), numbers.begin(), numbers.end());
        eigengru::detail::replace_file(path, file, where_.text());
    }

private:
    struct Tensor {
        RowMatrix<S> values;
        bool is_vector;
    };
    using Bits = std::conditional_t<sizeof(S) == sizeof(float), std::uint32_t, std::uint64_t>;

    template <class U>
    static void append_number(Bytes& bytes, U bits) {
        for (std::size_t i = 0; i < sizeof(U); ++i)
            bytes.push_back(static_cast<unsigned char>((bits >> (8U * i)) & 0xFFU));
    }

    static void append(Bytes& bytes, const RowMatrix<S>& values) {
        bytes.reserve(bytes.size() + sizeof(S) * static_cast<std::size_t>(values.size()));
        for (Index i = 0; i < values.size(); ++i) append_number(bytes, std::bit_cast<Bits>(values.data()[i]));
    }

    Where where_;
    std::map<std::string, Tensor> tensors_;
    std::map<std::string, std::string> metadata_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
