// SPDX-License-Identifier: MIT
// The order of the layers of a Keras Functional model that is a chain, and what is wrong with one that is none.
#pragma once

#include "eigengru/io/keras_json.hpp"

#include <map>
#include <set>

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// The names of the layers whose outputs a layer takes.
struct GraphInputs {
    std::vector<std::string> values;
    std::optional<std::string> mask;
};

/// Reads the "inbound_nodes" of one layer, as Keras 2 or as Keras 3 writes them.
class InboundNodes {
public:
    explicit InboundNodes(const JsonObject& layer) : where_(layer.where()) {
        const Json& nodes = layer.array("inbound_nodes");
        if (nodes.size() > 1) where_.fail("expected to be used once, is used ", nodes.size(), " times: no chain");
        if (nodes.empty()) return;
        if (nodes[0].is_object())
            read_node({nodes[0], where_.in("inbound_nodes")});
        else
            read_old_node(nodes[0]);
    }

    [[nodiscard]] GraphInputs take() { return std::move(inputs_); }

private:
    void read_node(const JsonObject& node) {
        find_tensors(node.array("args"), [&](std::string name) { add(std::move(name)); });
        if (node.find("kwargs") == nullptr) return;
        for (const auto& [key, value] : node.object("kwargs").items())
            find_tensors(value, [&, is_mask = key == "mask"](std::string name) {
                if (is_mask)
                    inputs_.mask = std::move(name);
                else
                    add(std::move(name));
            });
    }

    /// Two are one too many for a chain; more are not kept.
    void add(std::string name) {
        constexpr std::size_t most = 4;
        if (inputs_.values.size() < most) inputs_.values.push_back(std::move(name));
    }

    /// A tensor is {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, node, output]}}.
    template <class Add>
    void find_tensors(const Json& json, const Add& found) const {
        if (json.is_object() && json.value("class_name", Json()) == "__keras_tensor__")
            found(source(JsonObject(json, where_).object("config").array("keras_history")));
        else if (json.is_structured())
            for (const Json& part : json) find_tensors(part, found);
    }

    /// One [layer, node, output, {arguments}], or a list of them.
    void read_old_node(const Json& node) {
        if (!node.is_array() || node.empty()) where_.fail("inbound_nodes expected a list, received ", shown(node));
        if (node[0].is_string()) return read_old_source(node);
        for (const Json& part : node) read_old_source(part);
    }

    void read_old_source(const Json& json) {
        add(source(json));
        if (json.size() < 4 || !json[3].is_object()) return;
        for (const auto& [key, value] : json[3].items()) {
            if (value.is_array() && value.size() >= 3 && value[0].is_string())
                add(source(value));
            else if (value.is_structured() && !value.empty())
                where_.fail("is called with ", key, " besides its inputs: no chain");
        }
    }

    /// The layer of [layer, node, output]; the output must be its first one.
    [[nodiscard]] std::string source(const Json& json) const {
        const bool is_source = json.is_array() && json.size() >= 3 && json[0].is_string();
        if (!is_source) where_.fail("inbound_nodes expected [layer, node, output], received ", shown(json));
        if (json[1] != 0 || json[2] != 0)
            where_.fail("takes output ", shown(json[2]), " of use ", shown(json[1]), " of layer ", shown(json[0]),
                        ": no chain");
        return json[0].get<std::string>();
    }

    Where where_;
    GraphInputs inputs_;
};

/// The one name in "input_layers" or "output_layers": [layer, node, output], or a list of one of them.
[[nodiscard]] inline std::string only_end(const JsonObject& config, std::string_view key) {
    const Json& ends = config.array(key);
    const Json* end = ends.empty() || ends[0].is_string() ? &ends : &ends[0];
    if (end != &ends && ends.size() > 1)
        config.where().fail(key, " expected one layer, received ", ends.size(), ": the model branches");
    if (!end->is_array() || end->empty() || !(*end)[0].is_string()) config.fail(key, "the name of a layer", ends);
    return (*end)[0].get<std::string>();
}

/// The layers of a Functional model in the order in which the data pass them.
///
/// Keras 3 writes down how a mask is made, by operations NotEqual and Any on the input of Masking or Embedding. A chain
/// of layers does that by itself, so they are left out, once it is sure that they make the same mask.
class FunctionalChain {
public:
    explicit FunctionalChain(const JsonObject& config) : config_(config) {
        constexpr std::size_t most = 4 * kMostLayers;  // operations that make masks included
        if (config.array("layers").size() > most) config.where().fail("expected at most ", most, " layers");
        for (const Json& json : config.array("layers")) {
            const JsonObject layer(json, config.where().in("layer ", nodes_.size()));
            const std::string name = layer.string("name");
            const JsonObject named(json, config.where().in("layer \"", name, "\""));
            if (!nodes_.emplace(name, Node{&json, InboundNodes(named).take()}).second)
                named.where().fail("expected another name: there are two layers of that name");
        }
    }

    /// Throws: FormatError that names the layer where the model branches.
    [[nodiscard]] std::vector<const Json*> layers() {
        std::vector<const Json*> chain;
        std::string name = only_end(config_, "input_layers");
        std::set<std::string> visited;
        while (true) {
            const Node& node = find(name);
            if (!visited.insert(name).second) where(name).fail("comes after itself: no chain");
            check_inputs(name, node, chain.empty());
            check_mask(name, node);
            chain.push_back(node.json);
            note_mask_maker(name, node);
            const std::vector<std::string> next = consumers(name);
            if (next.empty()) break;
            if (next.size() > 1)
                where(name).fail("the model branches: its output goes to ", eigengru::detail::quoted_list(next));
            name = next.front();
        }
        check_ends(name, visited);
        return chain;
    }

private:
    struct Node {
        const Json* json;
        GraphInputs inputs;
    };

    [[nodiscard]] Where where(const std::string& name) const { return config_.where().in("layer \"", name, "\""); }

    [[nodiscard]] const Node& find(const std::string& name) const {
        const auto found = nodes_.find(name);
        if (found == nodes_.end()) config_.where().fail("expected a layer \"", name, "\", which is not there");
        return found->second;
    }

    [[nodiscard]] static std::string class_name(const Node& node) {
        const Json* name = JsonObject(*node.json, Where("")).find("class_name");
        return name != nullptr && name->is_string() ? name->get<std::string>() : "";
    }

    /// NotEqual(x, constant), or Any of that over the features, whose results are masks and nothing else.
    [[nodiscard]] bool is_mask_operation(const std::string& name) const {
        const Node& node = find(name);
        const std::string kind = class_name(node);
        if ((kind != "NotEqual" && kind != "Any") || node.inputs.values.size() != 1) return false;
        for (const auto& [other_name, other] : nodes_)
            for (const std::string& value : other.inputs.values)
                if (value == name && class_name(other) != "Any") return false;
        return true;
    }

    /// The layers that take the output of this one, operations that make a mask of it left out.
    [[nodiscard]] std::vector<std::string> consumers(const std::string& name) const {
        std::vector<std::string> result;
        for (const auto& [other_name, other] : nodes_)
            for (const std::string& value : other.inputs.values)
                if (value == name && !is_mask_operation(other_name)) result.push_back(other_name);
        return result;
    }

    void check_inputs(const std::string& name, const Node& node, bool is_first) const {
        const std::vector<std::string>& inputs = node.inputs.values;
        if (is_first && !inputs.empty()) where(name).fail("expected the input of the model");
        if (inputs.size() > 1)
            where(name).fail("the model branches: this layer joins the outputs of ",
                             eigengru::detail::quoted_list(inputs));
    }

    void note_mask_maker(const std::string& name, const Node& node) {
        const std::string kind = class_name(node);
        const Json& config = node.json->contains("config") ? (*node.json)["config"] : *node.json;
        const bool makes_mask = kind == "Masking" || (kind == "Embedding" && config.is_object() &&
                                                      config.value("mask_zero", Json()) == true);
        if (makes_mask) mask_maker_ = name;
    }

    /// The mask must be the one that the last Masking or Embedding of the chain makes.
    void check_mask(const std::string& name, const Node& node) const {
        if (!node.inputs.mask) return;
        if (mask_maker_.empty()) where(name).fail("has a mask of its own making: no chain");
        const Node& maker = find(mask_maker_);
        const bool is_masking = class_name(maker) == "Masking";
        const Node* operation = &find(*node.inputs.mask);
        const bool is_any = class_name(*operation) == "Any" && operation->inputs.values.size() == 1;
        if (is_any) operation = &find(operation->inputs.values.front());
        const bool is_same = is_any == is_masking && class_name(*operation) == "NotEqual" &&
                             operation->inputs.values == maker.inputs.values &&
                             constant_of(*operation) == mask_value_of(maker, is_masking);
        if (!is_same) where(name).fail("has another mask than layer \"", mask_maker_, "\" makes: no chain");
    }

    /// What a NotEqual compares with.
    [[nodiscard]] static std::optional<double> constant_of(const Node& operation) {
        const Json& nodes = operation.json->at("inbound_nodes");
        if (nodes.empty() || !nodes[0].is_object()) return std::nullopt;
        const Json& arguments = nodes[0].at("args");
        if (arguments.size() != 2 || !arguments[1].is_number()) return std::nullopt;
        return arguments[1].get<double>();
    }

    [[nodiscard]] std::optional<double> mask_value_of(const Node& maker, bool is_masking) const {
        const JsonObject layer(*maker.json, where(mask_maker_));
        return is_masking ? layer.object("config").number("mask_value", 0.0) : 0.0;
    }

    void check_ends(const std::string& last, const std::set<std::string>& visited) const {
        if (only_end(config_, "output_layers") != last)
            where(last).fail("the model branches: its output is that of another layer");
        for (const auto& [name, node] : nodes_)
            if (!visited.contains(name) && !is_mask_operation(name))
                where(name).fail("the model branches: this layer is not in the chain from its input to its output");
    }

    JsonObject config_;
    std::map<std::string, Node> nodes_;
    std::string mask_maker_;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
