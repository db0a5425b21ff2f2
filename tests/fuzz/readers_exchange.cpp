// SPDX-License-Identifier: MIT
#include "fuzz/readers.hpp"

#include "fuzz/answer.hpp"

#include "eigengru/io/onnx.hpp"
#include "eigengru/io/safetensors.hpp"

namespace eigengru_fuzz {

using namespace eigengru;

void load_safetensors(const std::filesystem::path& path) {
    answer([&] { call_once(io::load_safetensors_model<float>(path)); });
    answer([&] { static_cast<void>(io::load_safetensors_gru<float>(path)); });
}

void load_onnx(Input input) {
    answer([&] {
        const io::OnnxFile file(io::Bytes(input.begin(), input.end()), "no such folder", io::Where("input"));
        answer([&] { call_once(io::detail::onnx_model<float>(file)); });
        static_cast<void>(io::detail::onnx_gru<float>(file, ""));
    });
}

}  // namespace eigengru_fuzz
