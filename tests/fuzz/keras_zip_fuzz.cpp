// SPDX-License-Identifier: MIT
// A whole .keras file. The checksums of the archive stop most of what a fuzzer does to its members; what gets behind
// them is for the other fuzzers.
// Seeds: tests/golden/models/*.keras tests/golden/files/*.keras
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER([](eigengru_fuzz::Input input) {
    const eigengru_fuzz::MemoryFile file(input);
    eigengru_fuzz::load_keras_model(file.path());
})
