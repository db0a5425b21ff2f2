// SPDX-License-Identifier: MIT
// The config.json of a .keras file. Seeds lie in seeds/keras_config.
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER(eigengru_fuzz::load_keras_config)
