// SPDX-License-Identifier: MIT
// OnnxFolder: operators of ONNX on constants, as exporters put them around a GRU to reorder weights and compute shapes.
#pragma once

#include "eigengru/io/onnx_shapes.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The most numbers that all operators on constants of a file may make: 128 MiB of them.
inline constexpr Index kMostFoldedNumbers = Index{1} << 24;

/// Computes with constants.
class OnnxFolder {
public:
    using Result = std::optional<OnnxTensor>;
    using Inputs = std::vector<const OnnxTensor*>;

    /// Nothing when the operator is not one of these, the arguments do not fit, or too many numbers were made before.
    [[nodiscard]] Result fold(const OnnxNode& node, const Inputs& inputs) {
        const std::string& op = node.op();
        if (inputs.empty() || inputs.front() == nullptr) return std::nullopt;
        const OnnxTensor& x = *inputs.front();
        const OnnxTensor* y = inputs.size() > 1 ? inputs[1] : nullptr;
        if (op == "Identity" || op == "Cast" || op == "CastLike") return with_dims(x, x.dims);
        if (op == "Transpose") return transpose(node, x);
        if (op == "Squeeze") return squeeze(x, axes_argument(node, y));
        if (op == "Unsqueeze") return unsqueeze(x, axes_argument(node, y));
        if (op == "Slice") return slice(node, x, inputs);
        if (op == "Concat") return concat(node, inputs);
        if (op == "Shape") return shape(node, x.dims);
        if (y == nullptr) return std::nullopt;
        if (op == "Reshape") return with_dims(x, reshaped(x.dims, y->numbers, node.integer("allowzero", 0) != 0));
        if (op == "Expand") return expand(x, *y);
        if (op == "Gather") return gather(node, x, *y);
        return arithmetic(op, inputs);
    }

    /// The sizes of anything, from `start` to `end`.
    [[nodiscard]] static OnnxTensor shape(const OnnxNode& node, const Dims& dims) {
        const auto size = static_cast<std::int64_t>(dims.size());
        const auto bounded = [size](std::int64_t at) {
            return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
        };
        const std::int64_t start = bounded(node.integer("start", 0));
        const std::int64_t end = std::max(start, bounded(node.integer("end", size)));
        OnnxTensor result{.dims = {static_cast<Index>(end - start)}};
        for (std::int64_t i = start; i < end; ++i)
            result.numbers.push_back(static_cast<double>(dims[static_cast<std::size_t>(i)]));
        return result;
    }

    /// A tensor of those sizes, of one number.
    [[nodiscard]] Result filled(const std::vector<double>& sizes, double number) {
        Dims dims;
        for (const double size : sizes) {
            if (!(size >= 0.0 && size <= static_cast<double>(kMostFoldedNumbers))) return std::nullopt;
            dims.push_back(static_cast<Index>(size));
        }
        return made(std::move(dims), [number](const Dims&) { return number; });
    }

private:
    /// A new tensor, `number(index)` at each index.
    template <class Number>
    [[nodiscard]] Result made(std::optional<Dims> dims, const Number& number) {
        if (!dims || dims->size() > kMostOnnxRank) return std::nullopt;
        const auto count = element_count(*dims, kMostFoldedNumbers - made_);
        if (!count) return std::nullopt;
        made_ += *count;
        OnnxTensor result{.dims = std::move(*dims)};
        result.numbers.reserve(static_cast<std::size_t>(*count));
        Dims index(result.dims.size(), 0);
        for (Index i = 0; i < *count; ++i) {
            result.numbers.push_back(number(index));
            for (std::size_t axis = index.size(); axis-- > 0;) {
                if (++index[axis] < result.dims[axis]) break;
                index[axis] = 0;
            }
        }
        return result;
    }

    /// The same numbers in other sizes.
    [[nodiscard]] Result with_dims(const OnnxTensor& x, std::optional<Dims> dims) {
        std::size_t next = 0;
        return made(std::move(dims), [&](const Dims&) { return x.numbers[next++]; });
    }

    /// How far apart neighbours along each axis are, for an index of that rank; 0 along what is stretched.
    [[nodiscard]] static Dims strides(const OnnxTensor& x, std::size_t rank) {
        Dims result(rank, 0);
        Index stride = 1;
        for (std::size_t i = x.dims.size(); i-- > 0; stride *= x.dims[i])
            if (x.dims[i] != 1) result[rank - x.dims.size() + i] = stride;
        return result;
    }

    [[nodiscard]] static double element(const OnnxTensor& x, const Dims& index, const Dims& strides, Index first = 0) {
        for (std::size_t axis = 0; axis < strides.size(); ++axis) first += index[axis] * strides[axis];
        return x.numbers[static_cast<std::size_t>(first)];
    }

    [[nodiscard]] Result transpose(const OnnxNode& node, const OnnxTensor& x) {
        const auto order = permutation(node, x.dims.size());
        if (!order) return std::nullopt;
        const Dims own = strides(x, x.dims.size());
        Dims dims;
        Dims moved;
        for (const std::size_t axis : *order) {
            dims.push_back(x.dims[axis]);
            moved.push_back(own[axis]);
        }
        return made(std::move(dims), [&](const Dims& index) { return element(x, index, moved); });
    }

    [[nodiscard]] Result squeeze(const OnnxTensor& x, const std::optional<std::vector<double>>& axes) {
        const auto goes = squeezed(x.dims, axes);
        if (!goes) return std::nullopt;
        Dims dims;
        for (std::size_t i = 0; i < x.dims.size(); ++i)
            if (!(*goes)[i]) dims.push_back(x.dims[i]);
        return with_dims(x, std::move(dims));
    }

    [[nodiscard]] Result unsqueeze(const OnnxTensor& x, const std::optional<std::vector<double>>& axes) {
        const auto is_new = axes ? unsqueezed(x.dims.size(), *axes) : std::nullopt;
        if (!is_new) return std::nullopt;
        Dims dims;
        std::size_t next = 0;
        for (const bool is_added : *is_new) dims.push_back(is_added ? 1 : x.dims[next++]);
        return with_dims(x, std::move(dims));
    }

    [[nodiscard]] Result slice(const OnnxNode& node, const OnnxTensor& x, const Inputs& inputs) {
        const auto slices = sliced(node, x.dims, inputs);
        if (!slices) return std::nullopt;
        const Dims own = strides(x, x.dims.size());
        Dims dims;
        Index first = 0;
        for (const AxisSlice& axis : *slices) {
            first += axis.start * own[dims.size()];
            dims.push_back(axis.size);
        }
        return made(std::move(dims), [&](const Dims& index) { return element(x, index, own, first); });
    }

    /// Appends, for each index of the axes before `axis`, pieces that `append(outer, numbers)` finds.
    template <class Append>
    [[nodiscard]] Result pieced(Dims dims, std::size_t axis, const Append& append) {
        const auto count =
            dims.size() <= kMostOnnxRank ? element_count(dims, kMostFoldedNumbers - made_) : std::nullopt;
        if (!count) return std::nullopt;
        made_ += *count;
        Index outer = *count == 0 ? 0 : 1;
        for (std::size_t i = 0; i < axis; ++i) outer *= dims[i];
        OnnxTensor result{.dims = std::move(dims)};
        result.numbers.reserve(static_cast<std::size_t>(*count));
        for (Index i = 0; i < outer; ++i) append(i, result.numbers);
        return result;
    }

    /// The numbers of one index of the axes up to and with `axis`.
    [[nodiscard]] static Index inner_size(const Dims& dims, std::size_t axis) {
        Index size = 1;
        for (std::size_t i = axis + 1; i < dims.size(); ++i) size *= dims[i];
        return size;
    }

    [[nodiscard]] Result concat(const OnnxNode& node, const Inputs& inputs) {
        const auto axis = axis_of(static_cast<double>(node.integer("axis", 0)), inputs.front()->dims.size());
        if (!axis) return std::nullopt;
        Dims dims = inputs.front()->dims;
        dims[*axis] = 0;
        for (const OnnxTensor* input : inputs) {
            if (input == nullptr || input->dims.size() != dims.size()) return std::nullopt;
            for (std::size_t i = 0; i < dims.size(); ++i)
                if (i != *axis && input->dims[i] != dims[i]) return std::nullopt;
            dims[*axis] += input->dims[*axis];
        }
        const Index inner = inner_size(dims, *axis);
        return pieced(std::move(dims), *axis, [&](Index outer, std::vector<double>& numbers) {
            for (const OnnxTensor* input : inputs) {
                const Index size = input->dims[*axis] * inner;
                const auto first = input->numbers.begin() + outer * size;
                numbers.insert(numbers.end(), first, first + size);
            }
        });
    }

    [[nodiscard]] Result expand(const OnnxTensor& x, const OnnxTensor& sizes) {
        Dims wanted;
        for (const double size : sizes.numbers) {
            if (!(size >= 0.0 && size <= static_cast<double>(kMostFoldedNumbers))) return std::nullopt;
            wanted.push_back(static_cast<Index>(size));
        }
        const auto dims = broadcast(x.dims, wanted);
        if (!dims) return std::nullopt;
        const Dims own = strides(x, dims->size());
        return made(dims, [&](const Dims& index) { return element(x, index, own); });
    }

    [[nodiscard]] Result gather(const OnnxNode& node, const OnnxTensor& x, const OnnxTensor& which) {
        const auto axis = axis_of(static_cast<double>(node.integer("axis", 0)), x.dims.size());
        if (!axis) return std::nullopt;
        std::vector<Index> rows;
        for (const double at : which.numbers) {
            const auto row = axis_of(at, static_cast<std::size_t>(x.dims[*axis]));
            if (!row) return std::nullopt;
            rows.push_back(static_cast<Index>(*row));
        }
        const auto first = static_cast<std::ptrdiff_t>(*axis);
        Dims dims(x.dims.begin(), x.dims.begin() + first);
        dims.insert(dims.end(), which.dims.begin(), which.dims.end());
        dims.insert(dims.end(), x.dims.begin() + first + 1, x.dims.end());
        const Index inner = inner_size(x.dims, *axis);
        return pieced(std::move(dims), *axis, [&](Index outer, std::vector<double>& numbers) {
            for (const Index row : rows) {
                const auto piece = x.numbers.begin() + (outer * x.dims[*axis] + row) * inner;
                numbers.insert(numbers.end(), piece, piece + inner);
            }
        });
    }

    /// f of the elements of operands stretched to each other.
    template <class F>
    [[nodiscard]] Result combined(const OnnxTensor& x, const OnnxTensor& y, const F& f) {
        const auto dims = broadcast(x.dims, y.dims);
        if (!dims) return std::nullopt;
        const Dims a = strides(x, dims->size());
        const Dims b = strides(y, dims->size());
        return made(dims, [&](const Dims& index) { return f(element(x, index, a), element(y, index, b)); });
    }

    [[nodiscard]] Result where(const OnnxTensor& condition, const OnnxTensor& x, const OnnxTensor& y) {
        const auto both = broadcast(x.dims, y.dims);
        const auto dims = both ? broadcast(*both, condition.dims) : std::nullopt;
        if (!dims) return std::nullopt;
        const Dims a = strides(condition, dims->size());
        const Dims b = strides(x, dims->size());
        const Dims c = strides(y, dims->size());
        return made(dims, [&](const Dims& index) {
            return element(condition, index, a) != 0.0 ? element(x, index, b) : element(y, index, c);
        });
    }

    [[nodiscard]] Result arithmetic(const std::string& op, const Inputs& inputs) {
        const OnnxTensor& x = *inputs[0];
        const OnnxTensor& y = *inputs[1];
        if (op == "Add") return combined(x, y, [](double a, double b) { return a + b; });
        if (op == "Sub") return combined(x, y, [](double a, double b) { return a - b; });
        if (op == "Mul") return combined(x, y, [](double a, double b) { return a * b; });
        if (op == "Equal") return combined(x, y, [](double a, double b) { return a == b ? 1.0 : 0.0; });
        if (op == "Where" && inputs.size() > 2 && inputs[2] != nullptr) return where(x, y, *inputs[2]);
        return std::nullopt;
    }

    Index made_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
