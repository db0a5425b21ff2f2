// SPDX-License-Identifier: MIT
// OnnxFile: the graph of an ONNX file, and its tensors as numbers. Debian's libonnx has the classes, protobuf parses.
#pragma once

#include "eigengru/io/file.hpp"
#include "eigengru/io/number_bytes.hpp"
#include "eigengru/io/onnx_structure.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::io {

/// How deep messages may nest in an ONNX file; a chain of layers needs 8.
inline constexpr int kMostOnnxDepth = 32;

namespace detail {

/// Sizes of a tensor, the outermost first.
using Dims = std::vector<Index>;

/// A tensor of numbers of any type: a double holds each that a graph of this kind can depend on.
struct OnnxTensor {
    Dims dims = {};
    std::vector<double> numbers = {};
};

/// The number of elements, or nothing for a negative size and for more than `most`.
[[nodiscard]] inline std::optional<Index> element_count(const Dims& dims, Index most) {
    Index count = 1;
    for (const Index size : dims) {
        if (size < 0 || (size > 0 && count > most / size)) return std::nullopt;
        count *= size;
    }
    return count;
}

/// (2, 18): a shape as NumPy shows it.
[[nodiscard]] inline std::string dims_text(const Dims& dims) {
    std::string text;
    for (const Index size : dims) text += eigengru::detail::text(text.empty() ? "" : ", ", size);
    return "(" + text + ")";
}

}  // namespace detail

/// An ONNX file in memory.
///
/// Weights may stand in a file beside it, as PyTorch's exporter stores them by default: then only in one whose plain
/// name the graph gives, in the same folder, and which is a regular file. Any other place is refused.
class OnnxFile {
public:
    using Type = onnx::TensorProto;

    /// Throws: FormatError.
    OnnxFile(const std::filesystem::path& path, Where where)
        : OnnxFile(detail::read_file(path, where), path.parent_path(), where) {}

    /// From memory; `folder` is where files of weights may stand.
    OnnxFile(Bytes bytes, std::filesystem::path folder, Where where)
        : where_(std::move(where)), folder_(std::move(folder)) {
        constexpr std::uint64_t most = std::numeric_limits<int>::max();
        if (bytes.size() > most) where_.fail("expected at most ", most, " bytes, received ", bytes.size());
        const std::uint64_t structure = detail::OnnxStructure::bytes(bytes);
        if (structure > kMostOnnxStructure)
            where_.fail("expected at most ", kMostOnnxStructure, " bytes besides the numbers of weights, received ",
                        structure);
        google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
        stream.SetRecursionLimit(kMostOnnxDepth);
        if (!model_->ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage() || !model_->has_graph())
            where_.fail("expected an ONNX model, or it is damaged");
        for (const auto& set : model_->opset_import())
            if (is_standard(set.domain())) opset_ = set.version();
        if (opset_ < 1) where_.fail("expected an ONNX model that imports the standard operators");
    }

    [[nodiscard]] const Where& where() const { return where_; }
    [[nodiscard]] const onnx::GraphProto& graph() const { return model_->graph(); }

    /// The version of the standard operators.
    [[nodiscard]] std::int64_t opset() const { return opset_; }

    [[nodiscard]] static bool is_standard(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

    [[nodiscard]] static bool has_known_type(const onnx::TensorProto& tensor) {
        constexpr auto known = std::to_array<int>({Type::FLOAT, Type::DOUBLE, Type::FLOAT16, Type::BFLOAT16,
                                                   Type::INT64, Type::INT32, Type::UINT8, Type::BOOL});
        return std::ranges::find(known, tensor.data_type()) != known.end();
    }

    /// The numbers of a tensor. Throws: FormatError.
    [[nodiscard]] detail::OnnxTensor numbers(const onnx::TensorProto& tensor) const {
        const Where where = where_.in("tensor \"", tensor.name(), "\"");
        detail::OnnxTensor result{.dims = {tensor.dims().begin(), tensor.dims().end()}};
        const std::optional<Index> count = detail::element_count(result.dims, std::numeric_limits<std::int32_t>::max());
        if (!count) where.fail("has the impossible shape ", detail::dims_text(result.dims));
        if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
            read_raw(tensor.data_type(), external_bytes(tensor, *count, where), where, result.numbers);
        else if (tensor.has_raw_data())
            read_raw(tensor.data_type(), span_of(tensor.raw_data()), where, result.numbers);
        else
            read_typed(tensor, where, result.numbers);
        if (static_cast<Index>(result.numbers.size()) != *count)
            where.fail("expected ", *count, " numbers for shape ", detail::dims_text(result.dims), ", received ",
                       result.numbers.size());
        return result;
    }

private:
    [[nodiscard]] static std::span<const unsigned char> span_of(const std::string& bytes) {
        return {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()};
    }

    template <class I>
    static void read_integers(std::span<const unsigned char> bytes, std::vector<double>& numbers) {
        numbers.resize(bytes.size() / sizeof(I));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const auto bits = detail::little_endian<std::make_unsigned_t<I>>(bytes.data() + i * sizeof(I));
            numbers[i] = static_cast<double>(static_cast<I>(bits));
        }
    }

    static void read_floats(detail::FloatType type, std::span<const unsigned char> bytes,
                            std::vector<double>& numbers) {
        numbers.resize(bytes.size() / detail::bytes_of(type));
        detail::read_numbers(type, bytes, numbers.data());
    }

    static void read_raw(int type, std::span<const unsigned char> bytes, const Where& where,
                         std::vector<double>& numbers) {
        switch (type) {
            case Type::FLOAT: return read_floats(detail::FloatType::float32, bytes, numbers);
            case Type::DOUBLE: return read_floats(detail::FloatType::float64, bytes, numbers);
            case Type::FLOAT16: return read_floats(detail::FloatType::float16, bytes, numbers);
            case Type::BFLOAT16: return read_floats(detail::FloatType::bfloat16, bytes, numbers);
            case Type::INT64: return read_integers<std::int64_t>(bytes, numbers);
            case Type::INT32: return read_integers<std::int32_t>(bytes, numbers);
            case Type::UINT8:
            case Type::BOOL: return read_integers<std::uint8_t>(bytes, numbers);
            default: where.fail("has a type of numbers that is not known (", type, ")");
        }
    }

    static void read_typed(const onnx::TensorProto& tensor, const Where& where, std::vector<double>& numbers) {
        const auto take = [&](const auto& field) { numbers.assign(field.begin(), field.end()); };
        const auto bits = [](std::int32_t number) { return static_cast<std::uint16_t>(number); };
        switch (tensor.data_type()) {
            case Type::FLOAT: return take(tensor.float_data());
            case Type::DOUBLE: return take(tensor.double_data());
            case Type::INT64:
                for (const std::int64_t number : tensor.int64_data()) numbers.push_back(static_cast<double>(number));
                return;
            case Type::INT32:
            case Type::UINT8:
            case Type::BOOL: return take(tensor.int32_data());
            case Type::FLOAT16:
                for (const std::int32_t number : tensor.int32_data())
                    numbers.push_back(static_cast<double>(detail::half_value(bits(number))));
                return;
            case Type::BFLOAT16:
                for (const std::int32_t number : tensor.int32_data())
                    numbers.push_back(static_cast<double>(detail::bfloat16_value(bits(number))));
                return;
            default: where.fail("has a type of numbers that is not known (", tensor.data_type(), ")");
        }
    }

    [[nodiscard]] static std::uint64_t width(int type) {
        switch (type) {
            case Type::DOUBLE:
            case Type::INT64: return 8;
            case Type::FLOAT:
            case Type::INT32: return 4;
            case Type::FLOAT16:
            case Type::BFLOAT16: return 2;
            default: return 1;
        }
    }

    [[nodiscard]] static std::uint64_t whole_number(const std::string& text, const Where& where) {
        constexpr std::size_t most_digits = 15;
        if (text.empty() || text.size() > most_digits || text.find_first_not_of("0123456789") != std::string::npos)
            where.fail("external data expected whole numbers, received \"", text, "\"");
        return std::stoull(text);
    }

    /// The bytes of a tensor in another file: plain names in the folder of this one alone.
    [[nodiscard]] Bytes external_bytes(const onnx::TensorProto& tensor, Index count, const Where& where) const {
        std::string name;
        std::uint64_t offset = 0;
        for (const auto& entry : tensor.external_data()) {
            if (entry.key() == "location") name = entry.value();
            if (entry.key() == "offset") offset = whole_number(entry.value(), where);
        }
        const std::filesystem::path relative(name);
        const bool is_plain = !name.empty() && name.find('\0') == std::string::npos && name != "." && name != ".." &&
                              name.find_first_of("/\\:") == std::string::npos && relative.filename() == relative;
        if (!is_plain)
            where.fail("external data expected a file in the same folder by its plain name, received \"", name, "\"");
        const std::uint64_t length = static_cast<std::uint64_t>(count) * width(tensor.data_type());
        Bytes bytes = bytes_at(folder_ / relative, offset, length, where.in(name));
        count_external(name, length, where);
        return bytes;
    }

    /// Throws: FormatError when tensors that share bytes have read a file more often than any exporter makes them.
    void count_external(const std::string& name, std::uint64_t length, const Where& where) const {
        constexpr std::uint64_t most_times = 4;
        std::uint64_t& sum = external_[name];
        sum += length;
        if (sum / most_times > detail::file_size(folder_ / name, where))
            where.fail("expected tensors of their own bytes, \"", name, "\" is read more than ", most_times, " times");
    }

    [[nodiscard]] static Bytes bytes_at(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t length,
                                        const Where& where) {
        std::error_code error;
        if (std::filesystem::is_symlink(std::filesystem::symlink_status(path, error)))
            where.fail("expected a regular file, received a link");
        const std::uint64_t held = detail::file_size(path, where);
        if (offset > held || length > held - offset)
            where.fail("expected ", length, " bytes at ", offset, ", the file has ", held);
        Bytes bytes(static_cast<std::size_t>(length));
        std::ifstream file(path, std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(length));
        if (!file) where.fail("the file cannot be read");
        return bytes;
    }

    Where where_;
    std::filesystem::path folder_;
    std::unique_ptr<onnx::ModelProto> model_ = std::make_unique<onnx::ModelProto>();
    std::int64_t opset_ = 0;
    mutable std::map<std::string, std::uint64_t> external_;  ///< how much has been read of the files beside it
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
