// SPDX-License-Identifier: MIT
// OnnxMover: what the operators of ONNX that move elements, and Concat, make of data.
#pragma once

#include "eigengru/io/onnx_value.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Moves the elements of data. Nothing where this reader does not follow.
class OnnxMover {
public:
    using Result = std::optional<OnnxValue>;
    using Tensors = std::vector<const OnnxTensor*>;

    /// `has_fixed_time`: the graph itself says how many time steps there are.
    OnnxMover(const OnnxNode& node, const OnnxValue& value, bool has_fixed_time)
        : node_(node), value_(value), has_fixed_time_(has_fixed_time) {}

    [[nodiscard]] Result move(const Tensors& inputs) const {
        const std::string& op = node_.op();
        const OnnxTensor* y = inputs.size() > 1 ? inputs[1] : nullptr;
        if (op == "Identity" || op == "Dropout" || (op == "Cast" && is_cast_to_float())) return value_;
        if (op == "Transpose") return transpose();
        if (op == "Squeeze") return squeeze(axes_argument(node_, y));
        if (op == "Unsqueeze") return unsqueeze(axes_argument(node_, y));
        if (op == "Slice") return slice(inputs);
        if (op == "Reshape" && y != nullptr)
            return reshape(reshaped(value_.dims, y->numbers, node_.integer("allowzero", 0) != 0));
        if (op == "Flatten") return flatten();
        if (op == "Gather" && y != nullptr) return gather(*y);
        return std::nullopt;
    }

private:
    [[nodiscard]] bool is_cast_to_float() const {
        using Type = onnx::TensorProto;
        const std::int64_t type = node_.integer("to", Type::UNDEFINED);
        return type == Type::FLOAT || type == Type::DOUBLE || type == Type::FLOAT16 || type == Type::BFLOAT16;
    }

    /// The same with other axes.
    [[nodiscard]] OnnxValue with(Dims dims, std::vector<OnnxAxis> axes) const {
        OnnxValue result = value_;
        result.dims = std::move(dims);
        result.axes = std::move(axes);
        return result;
    }

    /// A part of a raw input: nothing but an initial state may be one.
    [[nodiscard]] OnnxValue piece(Dims dims) const {
        std::vector<OnnxAxis> axes(dims.size(), OnnxAxis::other);
        OnnxValue result = with(std::move(dims), std::move(axes));
        result.is_piece = true;
        return result;
    }

    [[nodiscard]] Result transpose() const {
        const auto order = permutation(node_, value_.dims.size());
        if (!order) return std::nullopt;
        OnnxValue result = value_;
        for (std::size_t i = 0; i < order->size(); ++i) {
            result.dims[i] = value_.dims[(*order)[i]];
            result.axes[i] = value_.axes[(*order)[i]];
        }
        return result;
    }

    [[nodiscard]] static bool may_vanish(OnnxAxis axis) {
        return axis == OnnxAxis::unit || axis == OnnxAxis::direction;
    }

    [[nodiscard]] Result squeeze(const std::optional<std::vector<double>>& given) const {
        const auto goes = squeezed(value_.dims, given);
        if (!goes) return std::nullopt;
        Dims dims;
        std::vector<OnnxAxis> axes;
        for (std::size_t i = 0; i < value_.dims.size(); ++i) {
            if ((*goes)[i] && !may_vanish(value_.axes[i]) && !value_.is_input) return std::nullopt;
            if ((*goes)[i]) continue;
            dims.push_back(value_.dims[i]);
            axes.push_back(value_.axes[i]);
        }
        return with(std::move(dims), std::move(axes));
    }

    [[nodiscard]] Result unsqueeze(const std::optional<std::vector<double>>& given) const {
        const auto is_new = given ? unsqueezed(value_.dims.size(), *given) : std::nullopt;
        if (!is_new) return std::nullopt;
        Dims dims;
        std::vector<OnnxAxis> axes;
        std::size_t next = 0;
        for (const bool is_added : *is_new) {
            dims.push_back(is_added ? 1 : value_.dims[next]);
            axes.push_back(is_added ? OnnxAxis::unit : value_.axes[next]);
            if (!is_added) ++next;
        }
        return with(std::move(dims), std::move(axes));
    }

    [[nodiscard]] Result flatten() const {
        const bool is_flat = value_.dims.size() == 2 && node_.integer("axis", 1) == 1;
        return is_flat ? Result(value_) : std::nullopt;
    }

    /// Walks both lists of sizes from the left: an axis stays, a unit one comes or goes, and directions and features
    /// next to each other become features.
    [[nodiscard]] Result reshape(const std::optional<Dims>& target) const {
        if (!target) return std::nullopt;
        if (value_.is_input) return piece(*target);
        std::vector<OnnxAxis> axes;
        std::size_t from = 0;
        for (const Index size : *target) {
            while (size != 1 && is_vanishing(from)) ++from;
            if (size == 1 && (from == value_.dims.size() || value_.dims[from] != 1)) {
                axes.push_back(OnnxAxis::unit);
            } else if (from < value_.dims.size() && value_.dims[from] == size) {
                axes.push_back(value_.axes[from++]);
            } else if (is_directions_of_features(from, size)) {
                axes.push_back(OnnxAxis::features);
                from += 2;
            } else {
                return std::nullopt;
            }
        }
        while (is_vanishing(from)) ++from;
        if (from != value_.dims.size()) return std::nullopt;
        return with(*target, std::move(axes));
    }

    [[nodiscard]] bool is_vanishing(std::size_t axis) const {
        return axis < value_.dims.size() && value_.dims[axis] == 1 && may_vanish(value_.axes[axis]);
    }

    [[nodiscard]] bool is_directions_of_features(std::size_t axis, Index size) const {
        return axis + 1 < value_.dims.size() && value_.axes[axis] == OnnxAxis::direction &&
               value_.axes[axis + 1] == OnnxAxis::features && value_.dims[axis] * value_.dims[axis + 1] == size;
    }

    /// The last time step: the state of a GRU that reads forward. The other direction has seen one step there.
    [[nodiscard]] Result last_step(std::size_t time, bool keeps_axis) const {
        for (const OnnxPart& part : value_.parts)
            if (part.is_backward) return std::nullopt;
        OnnxValue result = value_;
        result.is_last = true;
        const auto at = static_cast<std::ptrdiff_t>(time);
        if (keeps_axis) {
            result.dims[time] = 1;
            result.axes[time] = OnnxAxis::unit;
        } else {
            result.dims.erase(result.dims.begin() + at);
            result.axes.erase(result.axes.begin() + at);
        }
        return result;
    }

    /// Some of the parts along the axis of directions.
    [[nodiscard]] OnnxValue some_parts(std::size_t axis, const AxisSlice& slice) const {
        OnnxValue result = value_;
        result.dims[axis] = slice.size;
        const auto first = value_.parts.begin() + slice.start;
        result.parts.assign(first, first + slice.size);
        return result;
    }

    [[nodiscard]] Result slice(const Tensors& inputs) const {
        const auto slices = sliced(node_, value_.dims, inputs);
        if (!slices) return std::nullopt;
        OnnxValue result = value_;
        for (std::size_t axis = 0; axis < slices->size(); ++axis) {
            const AxisSlice& taken = (*slices)[axis];
            if (taken.size == value_.dims[axis] && (taken.is_whole || is_known_size(axis))) continue;
            if (value_.is_input) {
                Dims dims;
                for (const AxisSlice& s : *slices) dims.push_back(s.size);
                return piece(std::move(dims));
            }
            if (!(result.dims == value_.dims)) return std::nullopt;  // two axes at once: not around a GRU
            const bool is_last = value_.axes[axis] == OnnxAxis::time && taken.size == 1 && is_last_index(inputs, axis);
            if (is_last) return last_step(axis, true);
            if (value_.axes[axis] != OnnxAxis::direction || taken.size < 1) return std::nullopt;
            result = some_parts(axis, taken);
        }
        return result;
    }

    /// Whether the size of an axis is that of every input, not one chosen for a size that the graph leaves open.
    [[nodiscard]] bool is_known_size(std::size_t axis) const {
        return has_fixed_time_ || may_vanish(value_.axes[axis]) ||
               (value_.axes[axis] == OnnxAxis::features && !value_.has_open_features);
    }

    /// Whether a slice of one time step is the last of any number of them: it starts at -1.
    [[nodiscard]] bool is_last_index(const Tensors& inputs, std::size_t axis) const {
        const bool has_inputs = inputs.size() > 1 && inputs[1] != nullptr;
        const auto starts = has_inputs ? std::optional(inputs[1]->numbers) : node_.integers("starts");
        const auto last = static_cast<double>(value_.dims[axis] - 1);
        return starts && starts->size() == 1 &&
               (starts->front() == -1.0 || (has_fixed_time_ && starts->front() == last));
    }

    [[nodiscard]] Result gather(const OnnxTensor& which) const {
        const auto axis = axis_of(static_cast<double>(node_.integer("axis", 0)), value_.dims.size());
        if (!axis || which.numbers.size() != 1 || which.dims.size() > 1) return std::nullopt;
        const auto index = axis_of(which.numbers.front(), static_cast<std::size_t>(value_.dims[*axis]));
        if (!index) return std::nullopt;
        const bool keeps_axis = which.dims.size() == 1;
        if (value_.axes[*axis] == OnnxAxis::time) {
            const bool is_last = which.numbers.front() == -1.0 ||
                                 (has_fixed_time_ && static_cast<Index>(*index) + 1 == value_.dims[*axis]);
            return is_last ? last_step(*axis, keeps_axis) : std::nullopt;
        }
        const auto at = static_cast<std::ptrdiff_t>(*axis);
        if (value_.axes[*axis] == OnnxAxis::direction) {
            OnnxValue result = some_parts(*axis, {static_cast<Index>(*index), false, 1});
            if (keeps_axis) return result;
            result.dims.erase(result.dims.begin() + at);
            result.axes.erase(result.axes.begin() + at);
            return result;
        }
        if (!value_.is_input) return std::nullopt;
        Dims dims = value_.dims;
        dims.erase(dims.begin() + at);
        return piece(std::move(dims));
    }

    const OnnxNode& node_;
    const OnnxValue& value_;
    bool has_fixed_time_;
};

/// Puts data from GRUs together: states of several layers one after the other, or two directions side by side.
[[nodiscard]] inline std::optional<OnnxValue> concatenated(const OnnxNode& node,
                                                           const std::vector<const OnnxValue*>& values) {
    constexpr std::size_t most_parts = 64;  // values are copied, and Concat of Concat doubles them each time
    OnnxValue result = *values.front();
    const auto axis = axis_of(static_cast<double>(node.integer("axis", 0)), result.dims.size());
    if (!axis) return std::nullopt;
    const auto has_directions = [](const OnnxValue& value) {
        return std::ranges::find(value.axes, OnnxAxis::direction) != value.axes.end();
    };
    const bool is_stacking = result.axes[*axis] == OnnxAxis::direction;
    if (!is_stacking && (result.axes[*axis] != OnnxAxis::features || has_directions(result))) return std::nullopt;
    result.parts.clear();
    result.dims[*axis] = 0;
    for (const OnnxValue* value : values) {
        if (!value->is_data() || value->parts.empty() || value->axes != values.front()->axes ||
            value->is_last != result.is_last || value->is_state != result.is_state)
            return std::nullopt;
        if (result.parts.size() + value->parts.size() > most_parts) return std::nullopt;
        result.dims[*axis] += value->dims[*axis];
        result.parts.insert(result.parts.end(), value->parts.begin(), value->parts.end());
        result.inputs |= value->inputs;
    }
    return result;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
