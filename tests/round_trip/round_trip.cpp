// SPDX-License-Identifier: MIT
// For round_trip.py and round_trip_torch.py: loads a model and writes all that Eigengru can write of it.
//     round_trip IN OUT      gives OUT.keras, OUT.weights.h5, OUT.safetensors where PyTorch has its layers, and OUT.json
//                            of the first GRU
#include "eigengru/io/keras.hpp"
#include "eigengru/io/safetensors.hpp"

#include <cstdio>
#include <fstream>

using namespace eigengru;

namespace {

template <class S>
Sequential<S> load(const std::string& in) {
    return in.ends_with(".safetensors") ? io::load_safetensors_model<S>(in) : io::load_model<S>(in);
}

template <class S>
void write(const std::string& in, const std::string& out) {
    const Sequential<S> model = load<S>(in);
    io::save_model(model, out + ".keras");
    io::save_weights(model, out + ".weights.h5");
    try {
        io::save_safetensors(model, out + ".safetensors");
    } catch (const FormatError& error) {
        std::puts(error.what());
    }
    std::ofstream config(out + ".json");
    for (const auto& layer : model.layers()) {
        const bool is_gru = std::visit(
            [&](const auto& l) {
                if constexpr (requires { io::keras_config(l); }) return config << io::keras_config(l), true;
                return false;
            },
            layer);
        if (is_gru) return;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    try {
        const std::string in = argv[1];
        in.find("double") != std::string::npos || in.find("float64") != std::string::npos ? write<double>(in, argv[2])
                                                                                          : write<float>(in, argv[2]);
    } catch (const std::exception& error) {
        std::puts(error.what());
        return 1;
    }
    return 0;
}
