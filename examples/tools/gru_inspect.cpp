// SPDX-License-Identifier: MIT
// gru_inspect FILE: what a file of a model holds: its layers, what is unusual about them, how long a step takes on this
// machine, and whether cuDNN would compute it.
#include "model_file.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

using namespace eigengru;

struct Arguments {
    std::string file;
    bool no_timing = false;
    bool verbose = false;
    tools::StateDictArguments state_dict;
} arguments;

/// What a layer is, in a line of the table.
struct Line {
    std::string name, kind, shape;
    Index weights = 0;
    std::string notes;
};

void note(std::string& notes, bool is_unusual, const std::string& text) {
    if (is_unusual) notes += (notes.empty() ? "" : ", ") + text;
}

/// What differs from Keras's defaults.
std::string notes_of(const GruOptions& options, bool reset_after) {
    std::string notes;
    note(notes, !reset_after, "reset_after=False");
    note(notes, options.activation != Activation("tanh"), "activation=" + options.activation.to_string());
    note(notes, options.recurrent_activation != Activation("sigmoid"),
         "recurrent_activation=" + options.recurrent_activation.to_string());
    note(notes, !options.use_bias, "use_bias=False");
    note(notes, options.go_backwards, "go_backwards");
    note(notes, options.stateful, "stateful");
    note(notes, options.zero_output_for_mask, "zero_output_for_mask");
    note(notes, options.dropout > 0.0, detail::text("dropout=", options.dropout));
    note(notes, options.recurrent_dropout > 0.0, detail::text("recurrent_dropout=", options.recurrent_dropout));
    note(notes, !options.trainable, "trainable=False");
    return notes;
}

std::string size_text(Index size) {
    return size > 0 ? std::to_string(size) : "?";
}

/// Describes the layers of a model one after the other.
class Table {
public:
    template <bool ResetAfter>
    void add(const Gru<float, ResetAfter>& gru) {
        is_sequence_ = gru.options().return_sequences;
        add(gru, "GRU", gru.units(), notes_of(gru.options(), ResetAfter));
    }

    template <bool ResetAfter>
    void add(const Bidirectional<float, ResetAfter>& both) {
        is_sequence_ = both.returns_sequences();
        std::string notes = detail::text("merge=", both.options().merge);
        GruOptions forward = both.forward_layer().options();
        forward.zero_output_for_mask = false;  // a Bidirectional sets it
        const std::string more = notes_of(forward, ResetAfter);
        note(notes, !more.empty(), more);
        add(both, "Bidirectional", both.units(), notes);
    }

    void add(const Dense<float>& dense) {
        std::string notes;
        note(notes, dense.options().activation != Activation(), "activation=" + dense.options().activation.to_string());
        note(notes, !dense.options().use_bias, "use_bias=False");
        add(dense, "Dense", dense.units(), notes);
    }

    void add(const ActivationLayer<float>& layer) {
        add(layer, "Activation", units_, layer.options().activation.to_string());
    }
    void add(const Masking<float>& layer) {
        add(layer, "Masking", units_, detail::text("mask_value=", layer.options().mask_value));
    }
    void add(const Dropout<float>& layer) {
        add(layer, "Dropout", units_, detail::text("rate=", layer.options().rate, ", in training alone"));
    }
    void add(const Embedding<float>& layer) {
        std::string notes = detail::text(layer.options().input_dim, " ids");
        note(notes, layer.options().mask_zero, "mask_zero");
        add(layer, "Embedding", layer.units(), notes);
    }
    void add(const BatchNormalization<float>& layer) { add(layer, "BatchNormalization", layer.units(), ""); }
    void add(const LayerNormalization<float>& layer) { add(layer, "LayerNormalization", layer.units(), ""); }

    void print() const {
        std::size_t name = 4;
        std::size_t kind = 4;
        for (const Line& line : lines_) {
            name = std::max(name, line.name.size());
            kind = std::max(kind, line.kind.size());
        }
        const auto row = [&](const Line& line, const std::string& weights) {
            std::printf("%-*s  %-*s  %-18s %10s  %s\n", static_cast<int>(name), line.name.c_str(),
                        static_cast<int>(kind), line.kind.c_str(), line.shape.c_str(), weights.c_str(),
                        line.notes.c_str());
        };
        row({"name", "kind", "output", 0, "options that are not Keras's defaults"}, "weights");
        for (const Line& line : lines_) row(line, std::to_string(line.weights));
    }

private:
    template <class Layer>
    void add(const Layer& layer, const char* kind, Index units, const std::string& notes) {
        units_ = units;
        const std::string shape = (is_sequence_ ? "(batch, time, " : "(batch, ") + size_text(units) + ")";
        Line line{layer.name(), kind, shape, 0, notes};
        if constexpr (requires { layer.count_params(); }) line.weights = layer.count_params();
        lines_.push_back(std::move(line));
    }

    std::vector<Line> lines_;
    Index units_ = 0;
    bool is_sequence_ = true;
};

using Clock = std::chrono::steady_clock;

/// The best time of a call, of several rounds of many within a fifth of a second each.
template <class F>
double nanoseconds(const F& f, int calls) {
    double best = 1e300;
    for (int round = 0; round < 7; ++round) {
        const auto start = Clock::now();
        for (int i = 0; i < calls; ++i) f();
        best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls);
    }
    return best;
}

void print_timing(Sequential<float>& model, Index features) {
    try {
        ModelStream<float> stream(model);
        const std::vector<float> x(static_cast<std::size_t>(stream.features()), 0.0F);
        std::vector<float> y(static_cast<std::size_t>(stream.units()));
        const int calls = static_cast<int>(std::clamp<Index>(20'000'000 / (model.count_params() + 100), 3, 20'000));
        std::printf("time: %.3g us a step, batch 1, one thread, step by step\n",
                    nanoseconds([&] { stream.step(x.data(), y.data()); }, calls) / 1e3);
    } catch (const OptionError& error) {
        constexpr Index steps = 100;
        const Sequence<float> inputs({1, steps, std::max<Index>(1, features)});
        const double time = nanoseconds([&] { static_cast<void>(tools::predict<float>(model, inputs)); }, 3);
        std::printf("time: %.3g us a step, batch 1, one thread, in a sequence of %td steps\n", time / 1e3 / steps,
                    steps);
        std::printf("      not step by step: %s\n", error.what());
    }
}

/// Why cuDNN would or would not compute a layer.
void print_verdict(const std::string& name, const BackendVerdict& verdict) {
    if (arguments.verbose) {
        std::printf("%s: %s\n", name.c_str(), verdict.text().c_str());
        return;
    }
    std::string reasons;
    const auto add = [&](const BackendRule& rule) {
        if (!rule.passed) reasons += detail::text(reasons.empty() ? "" : "; ", rule.name, " ", rule.reason);
    };
    std::ranges::for_each(verdict.rules, add);
    std::ranges::for_each(verdict.conditions, add);
    std::printf("backend of %s: %s%s%s\n", name.c_str(), verdict.backend == Backend::cudnn ? "cuDNN" : "Eigen",
                reasons.empty() ? "" : ", since ", reasons.c_str());
}

void print_backends(const Sequential<float>& model) {
    const auto print = [](const auto& gru) {
        const Sequence<float> inputs({1, 2, gru.features()});
        print_verdict(gru.name(), gru.explain_backend(inputs));
    };
    for (const auto& layer : model.layers())
        std::visit(
            [&](const auto& l) {
                if constexpr (requires { l.forward_layer(); }) {
                    print(l.forward_layer());
                    print(l.backward_layer());
                } else if constexpr (requires { l.explain_backend(Sequence<float>()); }) {
                    print(l);
                }
            },
            layer);
}

void tool() {
    tools::TestVector test;
    Sequential<float> model = tools::read_model<float>(arguments.file, arguments.state_dict, &test);
    const Index features = model.features();
    std::printf("%s: %s, %td layers, %td weights, input (batch, time, %s)\n\n", arguments.file.c_str(),
                tools::format_of(arguments.file).c_str(), static_cast<Index>(model.layers().size()),
                model.count_params(), size_text(features).c_str());
    Table table;
    for (const auto& layer : model.layers()) std::visit([&](const auto& l) { table.add(l); }, layer);
    table.print();
    std::putchar('\n');
    if (test.is_there)
        std::printf("test vector: outputs differ by at most %.2g of %.2g\n", test.largest_difference, test.tolerance);
    if (!arguments.no_timing) print_timing(model, features);
    print_backends(model);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Says what the file of a model holds.", "gru_inspect");
    app.add_option("FILE", arguments.file, "the model: .keras, .h5, .safetensors or .onnx")->required();
    app.add_flag("--no-timing", arguments.no_timing, "do not measure how long a step takes");
    app.add_flag("--verbose", arguments.verbose, "every rule for the backend, not only those that fail");
    tools::add_arguments(app, arguments.state_dict);
    return tools::run(app, argc, argv, &tool);
}
