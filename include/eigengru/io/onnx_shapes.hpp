// SPDX-License-Identifier: MIT
// What the operators of ONNX that only move elements do to sizes and axes, for constants and for data alike.
//
// Each answer is nothing where the arguments do not fit: what came from a damaged or an unusual file is then not known.
#pragma once

#include "eigengru/io/onnx_node.hpp"

#include <algorithm>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

inline constexpr std::size_t kMostOnnxRank = 8;

/// An axis as ONNX gives it, where negative ones count from the end.
[[nodiscard]] inline std::optional<std::size_t> axis_of(double axis, std::size_t rank) {
    const double from_start = axis < 0.0 ? axis + static_cast<double>(rank) : axis;
    if (!(from_start >= 0.0 && from_start < static_cast<double>(rank))) return std::nullopt;
    return static_cast<std::size_t>(from_start);
}

/// The axes in an attribute (before opset 13) or in an input; nothing when both are missing.
[[nodiscard]] inline std::optional<std::vector<double>> axes_argument(const OnnxNode& node, const OnnxTensor* input) {
    if (input != nullptr) return input->numbers;
    return node.integers("axes");
}

/// For each axis whether the operator Squeeze takes it away; without axes each of size 1.
[[nodiscard]] inline std::optional<std::vector<bool>> squeezed(const Dims& dims,
                                                               const std::optional<std::vector<double>>& axes) {
    std::vector<bool> goes(dims.size(), false);
    if (!axes)
        for (std::size_t i = 0; i < dims.size(); ++i) goes[i] = dims[i] == 1;
    else
        for (const double given : *axes) {
            const auto axis = axis_of(given, dims.size());
            if (!axis || dims[*axis] != 1) return std::nullopt;
            goes[*axis] = true;
        }
    return goes;
}

/// For each axis of the result whether Unsqueeze has put it there.
[[nodiscard]] inline std::optional<std::vector<bool>> unsqueezed(std::size_t rank, const std::vector<double>& axes) {
    if (rank + axes.size() > kMostOnnxRank) return std::nullopt;
    std::vector<bool> is_new(rank + axes.size(), false);
    for (const double given : axes) {
        const auto axis = axis_of(given, is_new.size());
        if (!axis || is_new[*axis]) return std::nullopt;
        is_new[*axis] = true;
    }
    return is_new;
}

/// The order of axes that Transpose gives; reversed when it names none.
[[nodiscard]] inline std::optional<std::vector<std::size_t>> permutation(const OnnxNode& node, std::size_t rank) {
    std::vector<std::size_t> order(rank);
    const auto given = node.integers("perm");
    if (given && given->size() != rank) return std::nullopt;
    std::vector<bool> is_used(rank, false);
    for (std::size_t i = 0; i < rank; ++i) {
        const auto axis = given ? axis_of((*given)[i], rank) : std::optional(rank - 1 - i);
        if (!axis || is_used[*axis]) return std::nullopt;
        is_used[*axis] = true;
        order[i] = *axis;
    }
    return order;
}

/// The sizes that Reshape gives: 0 copies one, -1 stands for what is left.
[[nodiscard]] inline std::optional<Dims> reshaped(const Dims& from, const std::vector<double>& target,
                                                  bool allow_zero) {
    constexpr Index most = std::numeric_limits<std::int32_t>::max();
    if (target.size() > kMostOnnxRank) return std::nullopt;
    Dims dims;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (!(target[i] >= -1.0 && target[i] <= static_cast<double>(most))) return std::nullopt;
        dims.push_back(static_cast<Index>(target[i]));
        if (dims[i] == 0 && !allow_zero) {
            if (i >= from.size()) return std::nullopt;
            dims[i] = from[i];
        }
        if (dims[i] != -1) continue;
        if (open) return std::nullopt;
        open = i;
        dims[i] = 1;
    }
    const auto count = element_count(from, most);
    const auto others = element_count(dims, most);
    if (!count || !others) return std::nullopt;
    if (open && *others > 0 && *count % *others == 0) dims[*open] = *count / *others;
    if (element_count(dims, most) != count) return std::nullopt;
    return dims;
}

/// What Slice takes of one axis.
struct AxisSlice {
    Index start = 0;
    bool is_whole = true;  ///< whatever the size of the axis is: from its first element to its last
    Index size = 0;
};

/// For each axis what Slice takes of it. Arguments are attributes before opset 10, inputs since.
[[nodiscard]] inline std::optional<std::vector<AxisSlice>> sliced(const OnnxNode& node, const Dims& dims,
                                                                  const std::vector<const OnnxTensor*>& inputs) {
    std::vector<AxisSlice> slices;
    for (const Index size : dims) slices.push_back({0, true, size});
    const auto argument = [&](const char* name, std::size_t i) -> std::optional<std::vector<double>> {
        if (i < inputs.size() && inputs[i] != nullptr) return inputs[i]->numbers;
        return node.integers(name);
    };
    const auto starts = argument("starts", 1);
    const auto ends = argument("ends", 2);
    const auto axes = argument("axes", 3);
    const auto steps = argument("steps", 4);
    if (!starts || !ends || starts->size() != ends->size()) return std::nullopt;
    if ((axes && axes->size() != starts->size()) || (steps && steps->size() != starts->size())) return std::nullopt;
    for (std::size_t i = 0; i < starts->size(); ++i) {
        const auto axis = axis_of(axes ? (*axes)[i] : static_cast<double>(i), dims.size());
        if (!axis || (steps && (*steps)[i] != 1.0)) return std::nullopt;  // nothing around a GRU needs another step
        const auto size = static_cast<double>(dims[*axis]);
        const auto bounded = [size](double at) { return std::clamp(at < 0.0 ? at + size : at, 0.0, size); };
        const double start = bounded((*starts)[i]);
        constexpr double no_end = 2147483647.0;  // what exporters write for "to the end", or more
        const bool is_whole = (*starts)[i] == 0.0 && ((*ends)[i] == size || (*ends)[i] >= no_end);
        const double count = std::max(0.0, bounded((*ends)[i]) - start);
        slices[*axis] = {static_cast<Index>(start), is_whole, static_cast<Index>(count)};
    }
    return slices;
}

/// The sizes of two operands stretched to each other as NumPy does.
[[nodiscard]] inline std::optional<Dims> broadcast(const Dims& a, const Dims& b) {
    Dims result(std::max(a.size(), b.size()), 1);
    const auto from_end = [&](const Dims& dims, std::size_t i) {
        return i < dims.size() ? dims[dims.size() - 1 - i] : 1;
    };
    for (std::size_t i = 0; i < result.size(); ++i) {
        const Index x = from_end(a, i);
        const Index y = from_end(b, i);
        if (x != y && x != 1 && y != 1) return std::nullopt;
        result[result.size() - 1 - i] = x == 1 ? y : x;
    }
    return result;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
