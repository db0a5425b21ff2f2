// SPDX-License-Identifier: MIT
// OnnxValue: what is known of a value in an ONNX graph.
#pragma once

#include "eigengru/io/onnx_shapes.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// What an axis of data counts.
enum class OnnxAxis { other, batch, time, features, direction, unit };

/// One direction of one GRU node.
struct OnnxPart {
    std::size_t gru;
    bool is_backward;

    friend bool operator==(const OnnxPart&, const OnnxPart&) = default;
};

/// A value in a graph: a constant, data that depends on the inputs, or nothing that this reader understands.
///
/// Data has sizes too, for one choice of those that the graph leaves open: so every computation of shapes is one with
/// constants. `parts` are set for what comes straight out of GRUs: along the axis `direction` where there is one, side
/// by side along `features` otherwise.
struct OnnxValue {
    enum class Kind { unknown, constant, data };

    Kind kind = Kind::unknown;
    std::string reason = {};                        ///< of an unknown one: which operator made it
    std::shared_ptr<const OnnxTensor> tensor = {};  ///< of a constant
    Dims dims = {};                                 ///< of data, and all below
    std::vector<OnnxAxis> axes = {};
    std::vector<OnnxPart> parts = {};
    Index step = -1;                 ///< the last layer that it has passed; -1 for none
    bool is_last = false;            ///< of the last time step alone
    bool is_state = false;           ///< Y_h of a GRU itself: a shorter row has its last step there, not zeros
    bool is_input = false;           ///< an input of the graph, its elements perhaps moved
    bool is_piece = false;           ///< a part of an input alone
    bool has_open_features = false;  ///< the graph does not say how many features this input has
    std::uint64_t inputs = 0;        ///< a bit for each input of the graph that it depends on

    [[nodiscard]] bool is_constant() const { return kind == Kind::constant; }
    [[nodiscard]] bool is_data() const { return kind == Kind::data; }

    [[nodiscard]] static OnnxValue constant(OnnxTensor tensor) {
        OnnxValue value{.kind = Kind::constant};
        value.tensor = std::make_shared<const OnnxTensor>(std::move(tensor));
        return value;
    }
    template <class... Text>
    [[nodiscard]] static OnnxValue unknown(std::uint64_t inputs, const Text&... text) {
        return {.reason = eigengru::detail::text(text...), .inputs = inputs};
    }
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
