// SPDX-License-Identifier: MIT
// The test vector that a .keras file may carry: inputs and the outputs that the model had for them when it was saved.
#pragma once

#include "eigengru/io/keras_model.hpp"

#include <algorithm>
#include <cmath>

namespace eigengru::inline EIGENGRU_ABI::io {

/// What a loader found out about the file, for those who want to know.
struct LoadReport {
    bool has_test_vector = false;     ///< whether the file has one; a model that fails it is not returned
    double largest_difference = 0.0;  ///< to the outputs in the file, relative to max(1, largest of them)
    double tolerance = 0.0;           ///< what the file allows
};

/// The largest test vector that is computed: batch times steps times the width of the widest layer.
inline constexpr Index kMostTestNumbers = Index{1} << 22;

namespace detail {

/// Numbers with a shape, row by row.
struct TestArray {
    std::vector<Index> shape;
    std::vector<double> values;
};

[[nodiscard]] inline TestArray test_array(const JsonObject& array) {
    TestArray result;
    Index count = 1;
    for (const Json& size : array.array("shape")) {
        result.shape.push_back(array.size(size, "shape"));
        if (count > kMostTestNumbers / result.shape.back())
            array.where().fail("expected at most ", kMostTestNumbers, " numbers");
        count *= result.shape.back();
    }
    for (const Json& value : array.array("values")) {
        if (!value.is_number()) array.fail("values", "numbers", value);
        result.values.push_back(value.get<double>());
    }
    if (result.shape.empty()) array.where().fail("expected a shape, received an empty one");
    if (result.values.size() != static_cast<std::size_t>(count))
        array.where().fail("expected ", count, " values, received ", result.values.size());
    return result;
}

/// (batch, time, features); ids of an Embedding come without features.
template <RealScalar S>
[[nodiscard]] Sequence<S> test_inputs(const TestArray& array, const Where& where) {
    const std::vector<Index>& shape = array.shape;
    if (shape.size() != 2 && shape.size() != 3)
        where.fail("expected inputs of shape (batch, time, features), received ", shape_text(shape));
    Sequence<S> inputs({shape[0], shape[1], shape.size() == 3 ? shape[2] : 1});
    for (std::size_t i = 0; i < array.values.size(); ++i) inputs.data()[i] = static_cast<S>(array.values[i]);
    return inputs;
}

/// The most numbers that a layer of the model gives for one step.
template <RealScalar S>
[[nodiscard]] Index widest_layer(const Sequential<S>& model) {
    Index widest = 1;
    for (const auto& layer : model.layers())
        std::visit(
            [&](const auto& l) {
                if constexpr (requires { l.units(); }) widest = std::max({widest, l.units(), l.features()});
            },
            layer);
    return widest;
}

/// The largest difference to what is expected, relative to max(1, largest of it); NaN when there is one.
template <RealScalar S>
[[nodiscard]] double largest_difference(const Sequence<S>& found, const std::vector<double>& expected) {
    double scale = 1.0;
    double worst = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        scale = std::max(scale, std::abs(expected[i]));
        const double difference = std::abs(static_cast<double>(found.data()[i]) - expected[i]);
        if (std::isnan(difference)) return difference;
        worst = std::max(worst, difference);
    }
    return worst / scale;
}

/// Computes the outputs again. Throws: FormatError when they differ by more than the file allows, or do not fit the
/// model.
template <RealScalar S>
void check_test_vector(Sequential<S>& model, const Json& json, const Where& where, LoadReport& report) {
    const JsonObject test(json, where);
    const TestArray inputs = test_array(test.object("inputs"));
    const TestArray outputs = test_array(test.object("outputs"));
    const double tolerance = test.number("tolerance", 1e-5);
    if (!(tolerance >= 0.0 && tolerance <= 1.0)) where.fail("tolerance expected 0 to 1, received ", tolerance);
    const Sequence<S> x = test_inputs<S>(inputs, where);
    if (x.shape().batch * x.shape().time > kMostTestNumbers / widest_layer(model))
        where.fail("expected at most ", kMostTestNumbers, " numbers for batch times steps times the widest layer");
    const Sequence<S> y = in_file(where, [&] { return model.predict(x); });
    model.clear_state();
    if (static_cast<std::size_t>(y.size()) != outputs.values.size())
        where.fail("expected ", y.size(), " outputs, received ", outputs.values.size());
    report = {true, largest_difference(y, outputs.values), tolerance};
    if (!(report.largest_difference <= tolerance))
        where.fail("the model is not what was saved: expected outputs that differ by at most ", tolerance,
                   ", the largest difference is ", report.largest_difference);
}

/// The member with the test vector of a model: its inputs, and the outputs that the model has for them.
template <RealScalar S>
[[nodiscard]] std::string test_vector_text(Sequential<S>& model, SequenceView<const S> inputs, double tolerance) {
    const Sequence<S> y = model.predict(inputs);
    model.clear_state();
    Sequence<S> x(inputs.shape());
    for (Index b = 0; b < inputs.shape().batch; ++b) x.sequence(b) = inputs.sequence(b);
    const auto array = [](const Sequence<S>& values) {
        const Shape3& shape = values.shape();
        return Json{{"shape", {shape.batch, shape.time, shape.features}},
                    {"values", std::vector<double>(values.data(), values.data() + values.size())}};
    };
    return Json{{"inputs", array(x)}, {"outputs", array(y)}, {"tolerance", tolerance}}.dump();
}

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
