// SPDX-License-Identifier: MIT
#include "fuzz/readers.hpp"
#include "support/instantiations.hpp"

#include "eigengru/io/onnx.hpp"
#include "eigengru/io/safetensors.hpp"

namespace eigengru_fuzz {

using namespace eigengru;

void load_safetensors(const std::filesystem::path& path) {
    answer([&] {
        Sequential<float> model = io::load_safetensors_model<float>(path);
        call_once(model);
    });
    answer([&] { static_cast<void>(io::load_safetensors_gru<float>(path)); });
}

void load_onnx(Input input) {
    answer([&] {
        const io::OnnxFile file(io::Bytes(input.begin(), input.end()), "no such folder", io::Where("input"));
        answer([&] {
            Sequential<float> model = io::detail::onnx_model<float>(file);
            call_once(model);
        });
        static_cast<void>(io::detail::onnx_gru<float>(file, ""));
    });
}

}  // namespace eigengru_fuzz
