// SPDX-License-Identifier: MIT
// SafetensorsFile: the tensors of a .safetensors file in memory, by name; and such a file written.
// Source: the format's own description, https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include "eigengru/io/keras_json.hpp"
#include "eigengru/io/number_bytes.hpp"

#include <map>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The longest header that is read: 4 MiB, some 40 000 tensors.
inline constexpr std::uint64_t kMostSafetensorsHeader = std::uint64_t{1} << 22;

/// A tensor as the header describes it: its type, its sizes and where its bytes stand behind the header.
struct StoredTensor {
    std::string dtype = {};
    std::vector<std::uint64_t> shape = {};
    std::uint64_t begin = 0, end = 0;
};

/// A .safetensors file: 8 bytes of length, a JSON header, then the numbers.
///
///     const SafetensorsFile file(bytes, where);
///     const RowMatrix<float> kernel = file.read<float>("gru.weight_ih_l0", {12, 3});
///
/// Invariant: each tensor takes exactly the bytes of its type and shape, none shares a byte, none is left over.
class SafetensorsFile {
public:
    using Tensors = std::map<std::string, StoredTensor>;
    using Metadata = std::map<std::string, std::string>;

    /// Throws: FormatError.
    SafetensorsFile(Bytes bytes, Where where) : where_(std::move(where)), bytes_(std::move(bytes)) {
        constexpr std::uint64_t length_bytes = 8;
        if (bytes_.size() < length_bytes)
            where_.fail("expected a safetensors file, received ", bytes_.size(), " bytes");
        const auto length = detail::little_endian<std::uint64_t>(bytes_.data());
        if (length > kMostSafetensorsHeader)
            where_.fail("expected a header of at most ", kMostSafetensorsHeader, " bytes, received ", length);
        if (length > bytes_.size() - length_bytes)
            where_.fail("is damaged: a header of ", length, " bytes cannot stand in ", bytes_.size());
        first_ = length_bytes + length;
        const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(length_bytes);
        read_header(detail::parse_json(Bytes(begin, begin + static_cast<std::ptrdiff_t>(length)), where_.in("header")));
        check_layout();
    }

    [[nodiscard]] const Tensors& tensors() const { return tensors_; }
    [[nodiscard]] const Metadata& metadata() const { return metadata_; }
    [[nodiscard]] const Where& where() const { return where_; }
    [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& [name, tensor] : tensors_) names.push_back(name);
        return names;
    }

    /// Throws: FormatError that lists the names there are.
    [[nodiscard]] const StoredTensor& tensor(const std::string& name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end())
            where_.fail("the file has no tensor \"", name, "\"; it has ", eigengru::detail::quoted_list(names()));
        return found->second;
    }

    /// The values of a vector, as one row, or a matrix of that shape.
    /// Throws: FormatError when it is missing, or has another shape or a type that is not floating.
    template <RealScalar S>
    [[nodiscard]] RowMatrix<S> read(const std::string& name, const std::vector<Index>& shape) const {
        const StoredTensor& stored = tensor(name);
        const Where where = where_.in("tensor \"", name, "\"");
        if (!std::ranges::equal(stored.shape, shape, [](std::uint64_t a, Index b) { return std::cmp_equal(a, b); }))
            where.fail("expected shape ", shape_text(shape), ", received ", shape_text(stored.shape));
        RowMatrix<S> values(shape.size() == 1 ? 1 : shape.front(), shape.back());
        const std::span<const unsigned char> all(bytes_);
        detail::read_numbers(float_type(stored.dtype, where), all.subspan(first_ + stored.begin, size_of(stored)),
                             values.data());
        return values;
    }

    /// (2, 18): a shape as NumPy shows it.
    template <class Shape>
    [[nodiscard]] static std::string shape_text(const Shape& shape) {
        std::string text;
        for (const auto size : shape) text += eigengru::detail::text(text.empty() ? "" : ", ", size);
        return "(" + text + ")";
    }

private:
    struct Width {
        std::string_view dtype;
        std::uint64_t bytes;
    };
    static constexpr auto kWidths = std::to_array<Width>({{"F64", 8},
                                                          {"F32", 4},
                                                          {"F16", 2},
                                                          {"BF16", 2},
                                                          {"I64", 8},
                                                          {"I32", 4},
                                                          {"I16", 2},
                                                          {"I8", 1},
                                                          {"U64", 8},
                                                          {"U32", 4},
                                                          {"U16", 2},
                                                          {"U8", 1},
                                                          {"BOOL", 1}});

    [[nodiscard]] static std::size_t size_of(const StoredTensor& tensor) {
        return static_cast<std::size_t>(tensor.end - tensor.begin);
    }

    [[nodiscard]] static detail::FloatType float_type(const std::string& dtype, const Where& where) {
        if (dtype == "F16") return detail::FloatType::float16;
        if (dtype == "BF16") return detail::FloatType::bfloat16;
        if (dtype == "F32") return detail::FloatType::float32;
        if (dtype == "F64") return detail::FloatType::float64;
        where.fail("expected the type F16, BF16, F32 or F64, received ", dtype);
    }

    void read_header(const Json& header) {
        const JsonObject object(header, where_.in("header"));
        for (const auto& [name, value] : header.items()) {
            const Where here = where_.in("tensor \"", name, "\"");
            if (name == "__metadata__")
                read_metadata(value);
            else
                tensors_[name] = read_tensor({value, here});
        }
    }

    void read_metadata(const Json& json) {
        const JsonObject object(json, where_.in("__metadata__"));
        for (const auto& [key, value] : json.items()) metadata_[key] = object.string(key);
    }

    [[nodiscard]] static StoredTensor read_tensor(const JsonObject& object) {
        object.allow_only({"dtype", "shape", "data_offsets"});
        StoredTensor tensor{.dtype = object.string("dtype")};
        for (const Json& size : object.array("shape")) tensor.shape.push_back(whole_number(size, "shape", object));
        const Json& offsets = object.array("data_offsets");
        if (offsets.size() != 2) object.fail("data_offsets", "two numbers", offsets);
        tensor.begin = whole_number(offsets[0], "data_offsets", object);
        tensor.end = whole_number(offsets[1], "data_offsets", object);
        return tensor;
    }

    [[nodiscard]] static std::uint64_t whole_number(const Json& json, std::string_view key, const JsonObject& object) {
        if (!json.is_number_unsigned()) object.fail(key, "whole numbers from 0", json);
        return json.get<std::uint64_t>();
    }

    /// Saturates: a product that overflows is larger than any file.
    [[nodiscard]] static std::uint64_t bytes_of(const StoredTensor& tensor, const Where& where) {
        const auto width = std::ranges::find(kWidths, tensor.dtype, &Width::dtype);
        if (width == kWidths.end()) where.fail("has the unknown type \"", tensor.dtype, "\"");
        std::uint64_t bytes = width->bytes;
        for (const std::uint64_t size : tensor.shape) {
            if (size != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / size)
                return std::numeric_limits<std::uint64_t>::max();
            bytes *= size;
        }
        return bytes;
    }

    /// The tensors one after the other must fill what stands behind the header, as the format demands.
    void check_layout() const {
        std::vector<std::pair<std::uint64_t, const Tensors::value_type*>> order;
        for (const auto& entry : tensors_) order.emplace_back(entry.second.begin, &entry);
        // A tensor without elements shares its offset with the next one: the shorter comes first.
        std::ranges::sort(order, {}, [](const auto& e) { return std::pair(e.first, e.second->second.end); });
        std::uint64_t at = 0;
        for (const auto& [begin, entry] : order) {
            const auto& [name, tensor] = *entry;
            const Where where = where_.in("tensor \"", name, "\"");
            const std::uint64_t bytes = bytes_of(tensor, where);
            if (tensor.end < begin || tensor.end - begin != bytes)
                where.fail("data_offsets expected ", bytes, " bytes for ", tensor.dtype, " ", shape_text(tensor.shape),
                           ", received ", begin, " to ", tensor.end);
            if (begin != at) where.fail("data_offsets expected to begin at ", at, ", received ", begin);
            at = tensor.end;
        }
        const std::uint64_t held = bytes_.size() - first_;
        if (at != held) where_.fail("expected ", at, " bytes of numbers behind the header, the file has ", held);
    }

    Where where_;
    Bytes bytes_;
    std::uint64_t first_ = 0;  // of the numbers
    Tensors tensors_;
    Metadata metadata_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
