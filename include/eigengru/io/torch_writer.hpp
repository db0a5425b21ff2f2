// SPDX-License-Identifier: MIT
// The layers of a model as a state dict of PyTorch, and as the list in its metadata that makes them a model again.
//
// The list, the value of "eigengru" in the metadata, has an object for each layer in order: class and name, and what
// PyTorch keeps in code instead of in a state dict. What only training needs (initializers, regularizers, constraints,
// a GRU's dropout) is not kept.
#pragma once

#include "eigengru/io/safetensors_writer.hpp"
#include "eigengru/io/torch_weights.hpp"
#include "eigengru/io/unique_names.hpp"
#include "eigengru/layer/sequential.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

inline constexpr const char* kTorchMetadataKey = "eigengru";

/// Writes layer by layer.
template <RealScalar S>
class TorchWriter {
public:
    explicit TorchWriter(Where where) : where_(std::move(where)), file_(where_) {}

    /// Throws: FormatError for what PyTorch has no layer for, with the reason.
    template <bool ResetAfter>
    void add(const Gru<S, ResetAfter>& gru) {
        const GruOptions& options = gru.options();
        const Where where = where_.in("layer \"", gru.name(), "\"");
        check(options, ResetAfter, where);
        if (options.go_backwards)
            where.fail("go_backwards expected false, received true: torch.nn.GRU reads forward, or both ways");
        const std::string name = names_.next(gru.name());
        add_weights(name, false, gru.get_weights());
        layers_.push_back(described(options, "GRU", name));
    }

    template <bool ResetAfter>
    void add(const Bidirectional<S, ResetAfter>& both) {
        const GruOptions& options = both.forward_layer().options();
        const GruOptions& backward = both.backward_layer().options();
        const Where where = where_.in("layer \"", both.name(), "\"");
        check(options, ResetAfter, where);
        check(backward, ResetAfter, where);
        if (both.options().merge != Merge::concat)
            where.fail("merge expected concat, received ", both.options().merge, ": torch.nn.GRU knows no other");
        if (options.units != backward.units || options.use_bias != backward.use_bias || options.go_backwards)
            where.fail("expected two directions of the same units and use_bias, forward first, as torch.nn.GRU has");
        const std::string name = names_.next(both.name());
        add_weights(name, false, both.forward_layer().get_weights());
        add_weights(name, true, both.backward_layer().get_weights());
        layers_.push_back(described(options, "Bidirectional", name));
    }

    void add(const Dense<S>& dense) {
        const std::vector<RowMatrix<S>> weights = dense.get_weights();
        const std::string name = names_.next(dense.name());
        file_.add(name + ".weight", weights[0].transpose());
        if (weights.size() > 1) file_.add(name + ".bias", weights[1], true);
        layers_.push_back(
            {{"class", "Dense"}, {"name", name}, {"activation", name_of(dense.options().activation, dense.name())}});
    }

    void add(const ActivationLayer<S>& layer) {
        layers_.push_back({{"class", "Activation"},
                           {"name", names_.next(layer.name())},
                           {"activation", name_of(layer.options().activation, layer.name())}});
    }

    void add(const Masking<S>& layer) {
        layers_.push_back(
            {{"class", "Masking"}, {"name", names_.next(layer.name())}, {"mask_value", layer.options().mask_value}});
    }

    void add(const Dropout<S>& layer) {
        layers_.push_back({{"class", "Dropout"}, {"name", names_.next(layer.name())}, {"rate", layer.options().rate}});
    }

    void add(const Embedding<S>& layer) {
        const std::string name = names_.next(layer.name());
        file_.add(name + ".weight", layer.get_weights().front());
        layers_.push_back({{"class", "Embedding"}, {"name", name}, {"mask_zero", layer.options().mask_zero}});
    }

    template <class Layer>
    void add(const Layer& layer) {
        where_.in("layer \"", layer.name(), "\"")
            .fail(
                "expected a GRU, Bidirectional, Dense, Embedding, Masking, Dropout or Activation: the other layers "
                "differ between Keras and PyTorch, or are not known here");
    }

    /// Throws: FormatError when the file cannot be written.
    void write(const std::filesystem::path& path) {
        file_.set_metadata("format", "pt");
        file_.set_metadata(kTorchMetadataKey, layers_.dump());
        file_.write(path);
    }

private:
    static void check(const GruOptions& options, bool reset_after, const Where& where) {
        if (!reset_after)
            where.fail(
                "reset_after expected true, received false: torch.nn.GRU resets after the product, and no "
                "arrangement of these weights gives the same numbers that way");
        if (options.activation != Activation("tanh") || options.recurrent_activation != Activation("sigmoid"))
            where.fail("expected the activations tanh and sigmoid, which torch.nn.GRU has, received ",
                       options.activation.to_string(), " and ", options.recurrent_activation.to_string());
    }

    [[nodiscard]] static Json described(const GruOptions& options, const char* class_name, const std::string& name) {
        return {{"class", class_name},
                {"name", name},
                {"return_sequences", options.return_sequences},
                {"stateful", options.stateful},
                {"zero_output_for_mask", options.zero_output_for_mask}};
    }

    [[nodiscard]] std::string name_of(const Activation& activation, const std::string& layer) const {
        for (const auto& known : eigengru::detail::kActivationNames)
            if (activation.kind() == known.kind && activation == Activation(known.name)) return std::string(known.name);
        where_.in("layer \"", layer, "\"")
            .fail("activation expected one with the parameters of its name, received ", activation.to_string());
    }

    /// The tensors of one direction of one layer of a torch.nn.GRU: see torch_layer_of().
    void add_weights(const std::string& name, bool is_reverse, const std::vector<RowMatrix<S>>& weights) {
        const TorchLayerName at = torch_layer_of(name);
        const std::string suffix = eigengru::detail::text("_l", at.layer, is_reverse ? "_reverse" : "");
        file_.add(at.prefix + "weight_ih" + suffix, gates_swapped(weights[0]).transpose());
        file_.add(at.prefix + "weight_hh" + suffix, gates_swapped(weights[1]).transpose());
        if (weights.size() < 3) return;
        const RowMatrix<S> bias = gates_swapped(weights[2]);
        file_.add(at.prefix + "bias_ih" + suffix, bias.row(0), true);
        file_.add(at.prefix + "bias_hh" + suffix, bias.row(1), true);
    }

    Where where_;
    SafetensorsWriter<S> file_;
    UniqueNames names_;
    Json layers_ = Json::array();
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
