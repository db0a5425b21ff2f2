// SPDX-License-Identifier: MIT
// ONNX graphs around a GRU, loaded as models.
#pragma once

#include "eigengru/io/onnx.hpp"
#include "io/onnx_support.hpp"

namespace eigengru_test {

/// x (batch, 5, 3) into a GRU of 2 units, whose outputs are Y and Y_h.
class GruGraph : public OnnxBuilder {
public:
    explicit GruGraph(const std::string& initial = "", int opset = 17) : OnnxBuilder(opset) {
        input("x", {0, 5, 3});
        integers("squeezed", {1});
        tensor("W", {1, 6, 3});
        tensor("R", {1, 6, 2});
        node("Transpose", {"x"}, {"xt"});
        set(*model.mutable_graph()->mutable_node(0), "perm", {1, 0, 2});
        gru = &node("GRU", {"xt", "W", "R", "", "", initial}, {"Y", "Y_h"});
    }

    /// The layers of the model that ends in that value.
    std::size_t layers(const std::string& result) {
        output(result);
        write_bytes(folder / "m.onnx", bytes());
        return eigengru::io::load_onnx_model(folder / "m.onnx").layers().size();
    }
    std::string refusal(const std::string& result) {
        return format_error_of([&] { (void)layers(result); });
    }

    onnx::NodeProto* gru;
    ScratchFolder folder;
};

}  // namespace eigengru_test
