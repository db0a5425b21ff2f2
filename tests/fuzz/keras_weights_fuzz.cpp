// SPDX-License-Identifier: MIT
// A .weights.h5 file.
// Seeds: tests/golden/models/*.weights.h5 tests/golden/files/*weights.h5 tests/golden/hdf5/*.weights.h5
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER([](eigengru_fuzz::Input input) {
    const eigengru_fuzz::MemoryFile file(input);
    eigengru_fuzz::load_keras_weights(file.path());
})
