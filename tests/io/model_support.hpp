// SPDX-License-Identifier: MIT
// Models of Keras's files in the tests of io/: the recorded files by path, their predictions against the recorded ones,
// and what is said of an edited one.
#pragma once

#include "eigengru/io/load_model.hpp"
#include "eigengru/layer/sequential.hpp"
#include "io/io_support.hpp"
#include "support/golden.hpp"
#include "support/larger.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace eigengru_test {

/// A file below tests/golden.
inline std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(EIGENGRU_GOLDEN_DIR) / name;
}

inline std::string model_refusal(const std::filesystem::path& path) {
    return format_error_of([&] { (void)eigengru::io::load_model<float>(path); });
}

/// (batch, time, features); ids have one feature.
template <class S>
eigengru::Sequence<S> sequence_of(const GoldenArray& array) {
    eigengru::Sequence<S> sequence({array.dims[0], array.dims[1], array.dims.size() == 3 ? array.dims[2] : 1});
    std::copy(array.values.begin(), array.values.end(), sequence.data());
    return sequence;
}

/// The largest difference to the recorded values, relative to max(1, largest of them).
template <class S>
double difference(const eigengru::Sequence<S>& found, const GoldenArray& expected) {
    EXPECT_EQ(static_cast<std::size_t>(found.size()), expected.values.size());
    double largest = 1.0;
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
        largest = std::max(largest, std::abs(expected.values[i]));
        worst = larger(worst, std::abs(static_cast<double>(found.data()[i]) - expected.values[i]));
    }
    return worst / largest;
}

template <class S>
void expect_recorded_predictions(eigengru::Sequential<S>& model, const GoldenCase& recorded, double tolerance) {
    for (const std::string prefix : {"", "second."}) {
        if (!recorded.has_array(prefix + "inputs")) continue;
        const eigengru::Sequence<S> found = model.predict(sequence_of<S>(recorded.array(prefix + "inputs")));
        EXPECT_LE(difference(found, recorded.array(prefix + "exact_predictions")), tolerance) << prefix;
        const double own_error = recorded.number("prediction_error");  // of Keras, in the dtype of the model
        EXPECT_LE(difference(found, recorded.array(prefix + "predictions")), tolerance + 1.001 * own_error);
    }
}

inline bool is_refused_model(const std::string& model) {
    return model.starts_with("unknown") || model == "branched";
}

/// Every model of tests/golden/models that load_model takes: its path without extension, and what was recorded.
inline std::vector<std::pair<std::string, GoldenCase>> recorded_models() {
    std::vector<std::pair<std::string, GoldenCase>> models;
    for (const auto& path : golden_files(fixture(""))) {
        GoldenCase recorded = load_golden(path).front();
        if (!is_refused_model(recorded.option("model")))
            models.emplace_back(path.filename().replace_extension("").string(), std::move(recorded));
    }
    return models;
}

/// The refusal of a Keras file whose configuration `edit` has changed.
template <class Edit>
std::string edited_refusal(Edit&& edit, const std::filesystem::path& file = fixture("plain.tensorflow.keras")) {
    const ScratchFolder folder;
    write_edited(file, folder / "a.keras", edit);
    return model_refusal(folder / "a.keras");
}

}  // namespace eigengru_test
