// SPDX-License-Identifier: MIT
#include "model_file.hpp"

#include "eigengru/io/keras.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

namespace tools {

using namespace eigengru;

void add_arguments(CLI::App& app, StateDictArguments& arguments) {
    constexpr const char* group = "State dicts of PyTorch (.safetensors), which say less than other files";
    app.add_flag("--last", arguments.last, "the last state goes on to the next layer, not the sequence")->group(group);
    app.add_option("--gru", arguments.gru, "the GRU, by the prefix of its tensors: encoder.gru")->group(group);
    app.add_option("--linear", arguments.linear, "a Linear behind it, NAME or NAME:ACTIVATION; may be repeated")
        ->group(group);
}

namespace {

io::TorchOptions torch_options(const StateDictArguments& arguments) {
    io::TorchOptions options{.gru = arguments.gru, .return_sequences = !arguments.last};
    for (const std::string& text : arguments.linear) {
        const std::size_t colon = text.find(':');
        const std::string activation = colon == std::string::npos ? "linear" : text.substr(colon + 1);
        options.linear.push_back({text.substr(0, colon), activation});
    }
    return options;
}

bool ends_with(const std::filesystem::path& path, std::string_view ending) {
    return path.filename().string().ends_with(ending);
}

/// The same with every weight 0, so that what a file gives back comes from the file.
template <class S>
Sequential<S> emptied(Sequential<S> model) {
    model.update_variables([](const Variable<S>& variable) { MatrixMap<S>(variable.values).setZero(); });
    return model;
}

}  // namespace

std::string format_of(const std::filesystem::path& path) {
    return std::string(io::format_name(io::file_format(path)));
}

template <class S>
Sequential<S> read_model(const std::filesystem::path& path, const StateDictArguments& arguments, TestVector* test) {
    if (test != nullptr && io::file_format(path) == io::FileFormat::keras) {
        io::LoadReport report;
        Sequential<S> model = io::load_keras_model<S>(path, report);
        *test = {report.has_test_vector, report.largest_difference, report.tolerance};
        return model;
    }
    return io::load_model<S>(path, torch_options(arguments));
}

template <class S>
void write_model(const Sequential<S>& model, const std::filesystem::path& path) {
    if (ends_with(path, ".weights.h5"))
        io::save_weights(model, path);
    else if (ends_with(path, ".keras"))
        io::save_model(model, path);
    else if (ends_with(path, ".safetensors"))
        io::save_safetensors(model, path);
    else
        throw FormatError(path.string() +
                          ": expected a name that ends in .keras, .weights.h5 or .safetensors, which are "
                          "the formats that can be written");
}

template <class S>
Sequential<S> read_back(const Sequential<S>& model, const std::filesystem::path& path) {
    if (!ends_with(path, ".weights.h5")) return io::load_model<S>(path);
    Sequential<S> copy = emptied(model);
    io::load_weights(copy, path);
    return copy;
}

template <class S>
Sequence<S> predict(Sequential<S>& model, SequenceView<const S> inputs) {
    return model.predict(inputs);
}

template Sequential<float> read_model<float>(const std::filesystem::path&, const StateDictArguments&, TestVector*);
template Sequential<double> read_model<double>(const std::filesystem::path&, const StateDictArguments&, TestVector*);
template void write_model<float>(const Sequential<float>&, const std::filesystem::path&);
template void write_model<double>(const Sequential<double>&, const std::filesystem::path&);
template Sequential<float> read_back<float>(const Sequential<float>&, const std::filesystem::path&);
template Sequential<double> read_back<double>(const Sequential<double>&, const std::filesystem::path&);
template Sequence<float> predict<float>(Sequential<float>&, SequenceView<const float>);
template Sequence<double> predict<double>(Sequential<double>&, SequenceView<const double>);

int run(CLI::App& app, int argc, char** argv, void (*tool)()) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        tool();
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
            throw FormatError("standard output: cannot be written");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), error.what());
        return 1;
    }
    return 0;
}

}  // namespace tools

namespace eigengru {
template class ModelStream<float>;
}
