// SPDX-License-Identifier: MIT
// What the tests of safetensors and ONNX files share: the files of tests/golden/exchange and what was recorded of them.
#pragma once

#include "eigengru/layer/any_gru.hpp"
#include "eigengru/layer/sequential.hpp"
#include "support/golden.hpp"
#include "support/larger.hpp"
#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace eigengru_test {

inline std::filesystem::path exchange(const std::string& name) {
    return std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "exchange" / name;
}

/// All that was recorded, or what begins with one of these names.
inline std::vector<GoldenCase> exchange_cases(const std::string& extension) {
    std::vector<GoldenCase> cases;
    for (GoldenCase& recorded : load_golden(exchange("exchange.golden")))
        if (recorded.has_option("file") && recorded.option("file").ends_with(extension))
            cases.push_back(std::move(recorded));
    return cases;
}

inline GoldenCase exchange_case(const std::string& name) {
    for (GoldenCase& recorded : load_golden(exchange("exchange.golden")))
        if (recorded.name == name) return recorded;
    throw std::runtime_error("no case " + name);
}

template <class S>
eigengru::Sequence<S> golden_sequence(const GoldenArray& array) {
    eigengru::Sequence<S> sequence({array.dims[0], array.dims[1], array.dims[2]});
    std::copy(array.values.begin(), array.values.end(), sequence.data());
    return sequence;
}

/// The largest difference to what was recorded, relative to max(1, largest of it).
template <class S>
double golden_difference(const S* found, std::size_t size, const GoldenArray& expected) {
    EXPECT_EQ(size, expected.values.size());
    double largest = 1.0;
    double worst = 0.0;
    for (std::size_t i = 0; i < std::min(size, expected.values.size()); ++i) {
        largest = std::max(largest, std::abs(expected.values[i]));
        worst = larger(worst, std::abs(static_cast<double>(found[i]) - expected.values[i]));
    }
    return worst / largest;
}

template <class S>
void expect_outputs(eigengru::Sequential<S>& model, const GoldenCase& recorded, double tolerance) {
    const eigengru::Sequence<S> found = model.predict(golden_sequence<S>(recorded.array("inputs")));
    EXPECT_LE(golden_difference(found.data(), static_cast<std::size_t>(found.size()), recorded.array("outputs")),
              tolerance);
}

}  // namespace eigengru_test
