// SPDX-License-Identifier: MIT
// An ONNX file.
// Seeds: tests/golden/exchange/*.onnx
#include "fuzz/readers.hpp"

EIGENGRU_FUZZER([](eigengru_fuzz::Input input) { eigengru_fuzz::load_onnx(input); })
