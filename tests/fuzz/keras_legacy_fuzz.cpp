// SPDX-License-Identifier: MIT
// An .h5 file with a whole model.
// Seeds: tests/golden/files/*.keras2.h5 tests/golden/files/*.keras3.h5
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER([](eigengru_fuzz::Input input) {
    const eigengru_fuzz::MemoryFile file(input);
    eigengru_fuzz::load_keras_model(file.path());
})
