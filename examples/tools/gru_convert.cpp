// SPDX-License-Identifier: MIT
// gru_convert IN OUT: a model from any format that can be read to any that can be written. What was written is read
// again, and must predict the same.
#include "model_file.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <random>

namespace {

using namespace eigengru;

struct Arguments {
    std::string in, out;
    bool in_double = false;
    bool force = false;
    tools::StateDictArguments state_dict;
} arguments;

/// Inputs that any model takes: numbers in [-1, 1], whole ones from 0 to 1 for an Embedding.
template <class S>
Sequence<S> some_inputs(const Sequential<S>& model) {
    const bool are_ids = std::holds_alternative<Embedding<S>>(model.layers().front());
    const Index features = std::max<Index>(1, model.features());
    Sequence<S> inputs({3, 11, features});
    std::mt19937 generator(1);
    std::uniform_real_distribution<double> numbers(-1.0, 1.0);
    for (Index i = 0; i < inputs.size(); ++i) {
        const double number = numbers(generator);
        inputs.data()[i] = static_cast<S>(are_ids ? (number > 0.0 ? 1.0 : 0.0) : number);
    }
    return inputs;
}

/// The largest difference between the predictions of two models.
template <class S>
double difference(Sequential<S>& a, Sequential<S>& b) {
    const Sequence<S> inputs = some_inputs(a);
    const Sequence<S> x = tools::predict<S>(a, inputs);
    const Sequence<S> y = tools::predict<S>(b, inputs);
    if (x.shape() != y.shape()) throw FormatError(arguments.out + ": the written model gives another shape");
    double worst = 0.0;
    for (Index i = 0; i < x.size(); ++i) {
        const double difference = std::abs(static_cast<double>(x.data()[i]) - static_cast<double>(y.data()[i]));
        if (std::isnan(difference)) return difference;
        worst = std::max(worst, difference);
    }
    return worst;
}

template <class S>
void convert() {
    Sequential<S> model = tools::read_model<S>(arguments.in, arguments.state_dict);
    tools::write_model(model, arguments.out);
    Sequential<S> written = tools::read_back(model, arguments.out);
    const double worst = difference(model, written);
    const double most = sizeof(S) == sizeof(float) ? 1e-6 : 1e-13;
    if (!(worst <= most)) throw FormatError(arguments.out + ": the written model differs by " + std::to_string(worst));
    std::printf("%s (%s) -> %s: %td weights, predictions differ by %.3g\n", arguments.in.c_str(),
                tools::format_of(arguments.in).c_str(), arguments.out.c_str(), model.count_params(), worst);
}

void tool() {
    if (!arguments.force && std::filesystem::exists(arguments.out))
        throw FormatError(arguments.out + ": the file exists; --force replaces it");
    if (arguments.in_double)
        convert<double>();
    else
        convert<float>();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Converts a model: from .keras, .h5, .safetensors or .onnx to .keras, .weights.h5 or .safetensors.\n"
        "What was written is read again and must predict the same.",
        "gru_convert");
    app.add_option("IN", arguments.in, "the file to read")->required();
    app.add_option("OUT", arguments.out, "the file to write; its name says the format")->required();
    app.add_flag("--double", arguments.in_double, "keep numbers in double precision");
    app.add_flag("--force", arguments.force, "replace OUT if it exists");
    tools::add_arguments(app, arguments.state_dict);
    return tools::run(app, argc, argv, &tool);
}
