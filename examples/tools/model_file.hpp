// SPDX-License-Identifier: MIT
// What the tools share: the files of models, read and written by whatever their format is. Compiled once, in
// model_file.cpp, for float and double.
#pragma once

#include "eigengru/eigengru.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tools {

/// What a state dict of PyTorch does not say, as arguments: --last, --gru, --linear.
struct StateDictArguments {
    bool last = false;
    std::string gru = {};
    std::vector<std::string> linear = {};  ///< NAME or NAME:ACTIVATION
};

void add_arguments(CLI::App& app, StateDictArguments& arguments);

/// "Keras", "safetensors" or "ONNX". Throws: eigengru::FormatError.
std::string format_of(const std::filesystem::path& path);

/// What trying a model of a Keras file with the test vector in it has given; other files have none.
struct TestVector {
    bool is_there = false;
    double largest_difference = 0.0, tolerance = 0.0;  ///< relative to max(1, largest output)
};

/// Throws: eigengru::FormatError.
template <class S>
eigengru::Sequential<S> read_model(const std::filesystem::path& path, const StateDictArguments& arguments,
                                   TestVector* test = nullptr);

/// The format is that of the extension: .keras, .weights.h5 or .safetensors. Throws: eigengru::FormatError.
template <class S>
void write_model(const eigengru::Sequential<S>& model, const std::filesystem::path& path);

/// The model that a written file holds; from .weights.h5, `model` with those weights. Throws: eigengru::FormatError.
template <class S>
eigengru::Sequential<S> read_back(const eigengru::Sequential<S>& model, const std::filesystem::path& path);

/// model.predict(inputs), compiled once, for it takes most of the time.
template <class S>
eigengru::Sequence<S> predict(eigengru::Sequential<S>& model, eigengru::SequenceView<const S> inputs);

/// Runs a tool: its exit code is 0, 1 with one line on stderr for an error in a file, or 2 for wrong arguments.
int run(CLI::App& app, int argc, char** argv, void (*tool)());

}  // namespace tools

namespace eigengru {
extern template class ModelStream<float>;
}
