// SPDX-License-Identifier: MIT
// Checks the reader of the golden files and the scalar-loop reference GRU against the numbers recorded from Keras.

#include "reference_gru.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "golden.hpp"

namespace eigengru_test {
namespace {

ReferenceOptions options_of(const GoldenCase& golden) {
    ReferenceOptions options;
    options.batch = golden.size("batch");
    options.time = golden.size("time");
    options.features = golden.size("features");
    options.units = golden.size("units");
    options.activation = {golden.option("activation"), golden.numbers_below("activation")};
    options.recurrent_activation = {golden.option("recurrent_activation"),
                                    golden.numbers_below("recurrent_activation")};
    options.use_bias = golden.flag("use_bias");
    options.reset_after = golden.flag("reset_after");
    options.go_backwards = golden.flag("go_backwards");
    options.zero_output_for_mask = golden.flag("zero_output_for_mask");
    return options;
}

template <class S>
std::vector<S> values_of(const GoldenCase& golden, const std::string& key) {
    return golden.has_array(key) ? golden.array(key).as<S>() : std::vector<S>{};
}

template <class S>
std::vector<std::vector<S>> dropout_masks_of(const GoldenCase& golden, const std::string& key) {
    std::vector<std::vector<S>> masks;
    if (!golden.has_array(key)) return masks;
    const std::vector<S> all = golden.array(key).as<S>();
    const std::size_t count = golden.array(key).dims.at(0);
    const auto each = static_cast<std::ptrdiff_t>(all.size() / count);
    for (auto start = all.begin(); start != all.end(); start += each) masks.emplace_back(start, start + each);
    return masks;
}

template <class S>
ReferenceCall<S> call_of(const GoldenCase& golden, const std::string& prefix) {
    return {.inputs = values_of<S>(golden, prefix + "inputs"),
            .mask = values_of<unsigned char>(golden, prefix + "mask"),
            .initial_state = values_of<S>(golden, prefix + "initial_state"),
            .input_dropout_masks = dropout_masks_of<S>(golden, prefix + "input_dropout_masks"),
            .state_dropout_masks = dropout_masks_of<S>(golden, prefix + "state_dropout_masks")};
}

double largest_difference(const std::vector<double>& expected, const std::vector<double>& received) {
    if (expected.size() != received.size()) return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::abs(expected[i] - received[i]);
        // Written so that a NaN counts as infinitely far.
        if (!(difference <= largest))
            largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
    }
    return largest;
}

double largest_value(const std::vector<double>& values) {
    double largest = 1;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return largest;
}

/// Largest difference of one call's recorded outputs (those that are there, with a prefix), relative to max(1, size).
template <class S>
double compare_outputs(const GoldenCase& golden, const std::string& prefix, const ReferenceOutput<S>& out) {
    const std::pair<const char*, const std::vector<S>*> parts[] = {
        {"sequences", &out.sequences}, {"last", &out.last}, {"state", &out.state}};
    double difference = 0;
    double scale = 1;
    for (const auto& [key, values] : parts) {
        if (!golden.has_array(prefix + key)) continue;
        const std::vector<double>& expected = golden.array(prefix + key).values;
        difference = std::max(difference, largest_difference(expected, {values->begin(), values->end()}));
        scale = std::max(scale, largest_value(expected));
    }
    return difference / scale;
}

template <class S>
double compare(const GoldenCase& golden, const std::string& expected_prefix,
               const std::string& sparsemax = "sparsemax") {
    ReferenceOptions options = options_of(golden);
    for (ReferenceActivation* activation : {&options.activation, &options.recurrent_activation}) {
        if (activation->name == "sparsemax") activation->name = sparsemax;
    }
    const ReferenceWeights<S> weights = {.kernel = values_of<S>(golden, "kernel"),
                                         .recurrent_kernel = values_of<S>(golden, "recurrent_kernel"),
                                         .bias = values_of<S>(golden, "bias")};
    double worst = 0;
    std::vector<S> carried;
    for (std::size_t number = 0; number < golden.size("calls"); ++number) {
        const std::string prefix = number == 0 ? "" : "second.";
        ReferenceCall<S> call = call_of<S>(golden, prefix);
        if (call.initial_state.empty() && golden.flag("stateful")) call.initial_state = carried;
        const ReferenceOutput<S> out = reference_gru(options, weights, call);
        worst = std::max(worst, compare_outputs(golden, prefix + expected_prefix, out));
        carried = out.state;
    }
    return worst;
}

std::vector<GoldenCase> all_layer_cases() {
    std::vector<GoldenCase> cases;
    for (const char* prefix : {"gru_", "keras_unit_tests"}) {
        for (const auto& path : golden_files(EIGENGRU_GOLDEN_DIR, prefix)) {
            for (GoldenCase& golden : load_golden(path)) cases.push_back(std::move(golden));
        }
    }
    return cases;
}

TEST(ReferenceGru, DoubleAgreesWithKerasOnEveryCase) {
    std::map<double, double> worst;
    std::map<double, int> counts;
    for (const GoldenCase& golden : all_layer_cases()) {
        const double tolerance = golden.number("tolerance");
        const double difference = compare<double>(golden, "");
        EXPECT_LE(difference, tolerance) << golden.name;
        worst[tolerance] = std::max(worst[tolerance], difference);
        ++counts[tolerance];
    }
    ASSERT_GE(counts[1e-11], 200);
    for (const auto& [tolerance, difference] : worst) {
        std::printf("%d cases of tolerance %g: largest difference %.3g\n", counts[tolerance], tolerance, difference);
    }
}

TEST(ReferenceGru, DoubleAgreesWithTheFormulaWhereKerasRoundsAConstant) {
    int count = 0;
    for (const GoldenCase& golden : all_layer_cases()) {
        if (!golden.has_array("formula.sequences")) continue;
        EXPECT_LE(compare<double>(golden, "formula."), 1e-11) << golden.name;
        ++count;
    }
    EXPECT_GE(count, 10);
}

TEST(ReferenceGru, DoubleAgreesWithThePublishedSparsemax) {
    int count = 0;
    for (const GoldenCase& golden : all_layer_cases()) {
        if (!golden.has_array("corrected.sequences")) continue;
        EXPECT_LE(compare<double>(golden, "corrected.", "sparsemax_projection"), 1e-11) << golden.name;
        ++count;
    }
    EXPECT_GE(count, 3);
}

TEST(ReferenceGru, FloatAgreesWithKerasWithinTheRecordedFloatError) {
    for (const GoldenCase& golden : all_layer_cases()) {
        if (!golden.has_option("float32_error")) continue;
        const double allowed = std::max({1e-6, 4 * golden.number("float32_error"), golden.number("tolerance")});
        // Absolute in the recorded error, so the scale is put back.
        const double scale = largest_value(golden.array("sequences").values);
        EXPECT_LE(compare<float>(golden, "") * scale, allowed) << golden.name;
    }
}

TEST(ReferenceGru, NoticesAWrongWeight) {
    for (GoldenCase golden : load_golden(std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "gru_dropout.golden")) {
        golden.arrays.at("kernel").values.at(0) += 1.0;
        const bool first_input_is_dropped = golden.has_array("input_dropout_masks");
        if (!first_input_is_dropped) {
            EXPECT_GT(compare<double>(golden, ""), 1e-6) << golden.name;
        }
    }
}

TEST(ReferenceGru, UnknownActivationIsAnError) {
    EXPECT_THROW(ReferenceRowFunction<double>({"no_such_name", {}}), std::invalid_argument);
}

TEST(ReferenceGru, WrongSizeIsAnError) {
    const ReferenceOptions options = {.batch = 1, .time = 1, .features = 1, .units = 1, .use_bias = false};
    const ReferenceWeights<double> weights = {.kernel = {1, 2, 3}, .recurrent_kernel = {1, 2, 3}};
    EXPECT_NO_THROW((void)reference_gru<double>(options, weights, {.inputs = {1}}));
    EXPECT_THROW((void)reference_gru<double>(options, weights, {.inputs = {1, 2}}), std::invalid_argument);
}

class GoldenFileText : public testing::Test {
protected:
    std::vector<GoldenCase> load(const std::string& text) const {
        std::ofstream(path_, std::ios::binary) << text;
        return load_golden(path_);
    }
    void TearDown() override { std::filesystem::remove(path_); }

private:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() /
        (std::string("eigengru_") + testing::UnitTest::GetInstance()->current_test_info()->name() + ".golden");
};

TEST_F(GoldenFileText, ReadsOptionsAndArrays) {
    const std::string one(" \0\0\0\0\0\0\xf0\x3f", 9);
    const auto cases = load("eigengru-golden 1\ncase a\noption x.y 1.5\noption w two words\narray v f8 1 1\n" +
                            one.substr(1) + "\narray m u1 2 1 2\n" + std::string("\1\0", 2) + "\nend\n");
    ASSERT_EQ(cases.size(), 1U);
    EXPECT_EQ(cases[0].name, "a");
    EXPECT_EQ(cases[0].option("w"), "two words");
    EXPECT_EQ(cases[0].numbers_below("x").at("y"), 1.5);
    EXPECT_EQ(cases[0].array("v").values, std::vector<double>{1.0});
    EXPECT_EQ(cases[0].array("m").dims, (std::vector<std::size_t>{1, 2}));
    EXPECT_THROW((void)cases[0].option("z"), std::out_of_range);
    EXPECT_THROW((void)cases[0].flag("w"), std::invalid_argument);
}

TEST_F(GoldenFileText, DamageIsAnErrorThatNamesTheFile) {
    const std::string good = "eigengru-golden 1\ncase a\noption x 1\narray v f4 1 1\n\1\2\3\4\nend\n";
    EXPECT_EQ(load(good).size(), 1U);
    // Cut after the magic line the file has no case and is complete; everywhere else a cut is damage.
    for (std::size_t length = 0; length < good.size(); ++length) {
        if (length != 18) {
            EXPECT_THROW((void)load(good.substr(0, length)), std::runtime_error) << length;
        }
    }
    for (const char* bad :
         {"array v f4 1 999999999\n", "array v f4 2 1\n", "array v i4 1 1\n", "array v f4 1 -1\n", "array v\n",
          "option x\n", "something\n", "option x 1\noption x 2\n", "array v f4 3 999999999 999999999 999999999\n"}) {
        EXPECT_THROW((void)load(std::string("eigengru-golden 1\ncase a\n") + bad + "end\n"), std::runtime_error) << bad;
    }
    EXPECT_THROW((void)load_golden("no_such_file.golden"), std::runtime_error);
}

}  // namespace
}  // namespace eigengru_test
