// SPDX-License-Identifier: MIT
// A .safetensors file.
// Seeds: tests/golden/exchange/*.safetensors
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER([](eigengru_fuzz::Input input) {
    const eigengru_fuzz::MemoryFile file(input);
    eigengru_fuzz::load_safetensors(file.path());
})
