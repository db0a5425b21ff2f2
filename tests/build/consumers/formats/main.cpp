// SPDX-License-Identifier: MIT
// A program with eigengru::safetensors and eigengru::onnx alone: it gets as far as the messages about damaged files.
#include <eigengru/io/onnx_file.hpp>
#include <eigengru/io/safetensors_file.hpp>

#include <cstdio>

template <class File>
bool refuses_damage() {
    const eigengru::io::Where where("damaged");
    try {
        if constexpr (std::is_same_v<File, eigengru::io::OnnxFile>)
            File({1, 2, 3}, "", where);
        else
            File({1, 2, 3}, where);
    } catch (const eigengru::FormatError& error) {
        std::puts(error.what());
        return true;
    }
    return false;
}

int main() {
    return refuses_damage<eigengru::io::SafetensorsFile>() && refuses_damage<eigengru::io::OnnxFile>() ? 0 : 1;
}
