// SPDX-License-Identifier: MIT
// A program that loads Keras files: it gets as far as the message about the missing file.
#include <eigengru/io/keras.hpp>

#include <cstdio>
#include <string_view>

int main() {
    try {
        eigengru::io::load_model<float>("missing.keras");
    } catch (const eigengru::FormatError& error) {
        std::puts(error.what());
        return std::string_view(error.what()).find("missing.keras") != std::string_view::npos ? 0 : 1;
    }
    return 1;
}
