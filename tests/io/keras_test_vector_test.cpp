// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_test_vector.hpp"

#include "eigengru/io/keras.hpp"
#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace eigengru_test::keras_test_vector_test {

namespace {

using namespace eigengru;

Sequential<float> small_model() {
    return Sequential<float>({Gru<float>(3, {.units = 4, .seed = 1}), Dense<float>(4, {.units = 2, .seed = 2})});
}

Sequence<float> some_inputs() {
    Sequence<float> x({2, 5, 3});
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 7) * 0.25F - 0.5F;
    return x;
}

/// The file with a test vector in which `edit` has changed something.
template <class Edit>
std::string edited_test(Edit&& edit) {
    const ScratchFolder folder;
    const Sequence<float> x = some_inputs();
    io::save_model(small_model(), folder / "a.keras", {.test_inputs = x});
    Members members = members_of(folder / "a.keras");
    Json json = Json::parse(members.at("eigengru_test.json"));
    edit(json);
    members["eigengru_test.json"] = bytes_of(std::string_view(json.dump()));
    write_zip(folder / "a.keras", members);
    return format_error_of([&] { (void)io::load_model<float>(folder / "a.keras"); });
}

TEST(TestVector, IsCheckedAndReported) {
    const ScratchFolder folder;
    const Sequence<float> x = some_inputs();
    io::save_model(small_model(), folder / "a.keras", {.test_inputs = x, .tolerance = 1e-4});
    io::LoadReport report;
    (void)io::load_keras_model<double>(folder / "a.keras", report);
    EXPECT_TRUE(report.has_test_vector);
    EXPECT_EQ(report.tolerance, 1e-4);
    EXPECT_GT(report.largest_difference, 0.0);
    EXPECT_LT(report.largest_difference, 1e-6);
    (void)io::load_keras_model<float>(folder / "a.keras", report);
    EXPECT_LT(report.largest_difference, 1e-6);
    io::save_model(small_model(), folder / "a.keras");
    (void)io::load_keras_model<float>(folder / "a.keras", report);
    EXPECT_FALSE(report.has_test_vector);
}

TEST(TestVector, RefusesAModelThatGivesSomethingElse) {
    EXPECT_EQ(edited_test([](Json&) {}), "no FormatError was thrown");
    const std::string text = edited_test([](Json& t) { t["outputs"]["values"][0] = 0.75; });
    expect_contains(text, "a.keras: eigengru_test.json: the model is not what was saved: expected outputs that differ");
    EXPECT_EQ(edited_test([](Json& t) { t["outputs"]["shape"] = {2, 2}; }), "no FormatError was thrown");
}

TEST(TestVector, RefusesWhatDoesNotFit) {
    expect_contains(edited_test([](Json& t) { t["outputs"]["shape"] = {2, 3}; }), "expected 6 values, received 4");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {5, 2, 3}; }), "expected 10 outputs, received 4");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {2, 3, 5}; }), "inputs have 5 features");
    expect_contains(edited_test([](Json& t) { t["inputs"]["shape"] = {30}; }), "of shape (batch, time, features)");
    expect_contains(edited_test([](Json& t) {
                        t["inputs"]["shape"] = {2147483647, 2147483647, 2};
                    }),
                    "expected at most 4194304 numbers");
    expect_contains(edited_test([](Json& t) { t["inputs"]["values"][3] = "NaN"; }), "values expected numbers");
    expect_contains(edited_test([](Json& t) { t["tolerance"] = 2; }), "tolerance expected 0 to 1, received 2");
    expect_contains(edited_test([](Json& t) { t = 3; }), "expected an object");
}

io::detail::TestArray array_of(const std::string& text) {
    const Json json = parsed(text);
    return io::detail::test_array(io::JsonObject(json, Where("f")));
}

TEST(TestArray, HasAShapeAndAsManyValues) {
    const io::detail::TestArray array = array_of(R"({"shape": [2, 1, 2], "values": [1, 2.5, -3, 4e-3]})");
    EXPECT_EQ(array.shape, (std::vector<Index>{2, 1, 2}));
    EXPECT_EQ(array.values, (std::vector<double>{1, 2.5, -3, 4e-3}));
    const auto refusal = [](const std::string& text) { return format_error_of([&] { (void)array_of(text); }); };
    EXPECT_EQ(refusal(R"({"shape": [2, 2], "values": [1, 2, 3]})"), "f: expected 4 values, received 3");
    EXPECT_EQ(refusal(R"({"shape": [0], "values": []})"),
              "f: shape expected a whole number from 1 to 2147483647, received 0");
    EXPECT_EQ(refusal(R"({"shape": [2, 2097153], "values": []})"), "f: expected at most 4194304 numbers");
    EXPECT_EQ(refusal(R"({"shape": [2, 2097152], "values": []})"), "f: expected 4194304 values, received 0");
    EXPECT_EQ(refusal(R"({"shape": [1], "values": ["1"]})"), "f: values expected numbers, received \"1\"");
    EXPECT_EQ(refusal(R"({"shape": [], "values": [1]})"), "f: expected a shape, received an empty one");
    EXPECT_EQ(refusal(R"({"values": [1]})"), "f: shape expected a list, received none");
}

TEST(TestInputs, AreSequencesOrIds) {
    const Sequence<float> ids = io::detail::test_inputs<float>({{2, 3}, {0, 1, 2, 3, 4, 5}}, Where("f"));
    EXPECT_EQ(ids.shape(), (Shape3{2, 3, 1}));
    EXPECT_EQ(ids(1, 0, 0), 3.0F);
    const Sequence<double> x = io::detail::test_inputs<double>({{1, 2, 2}, {0, 1, 2, 3}}, Where("f"));
    EXPECT_EQ(x(0, 1, 0), 2.0);
    EXPECT_EQ(format_error_of([] {
                  (void)io::detail::test_inputs<double>({{1, 1, 1, 1}, {0}}, Where("f"));
              }),
              "f: expected inputs of shape (batch, time, features), received (1, 1, 1, 1)");
}

TEST(LargestDifference, IsRelativeToTheLargestExpectedOrOne) {
    Sequence<float> found({1, 1, 2});
    found.data()[0] = 4.0F;
    found.data()[1] = -10.0F;
    EXPECT_EQ(io::detail::largest_difference(found, {4, -8}), 0.25);
    EXPECT_EQ(io::detail::largest_difference(found, {4, -10}), 0.0);
    found.data()[0] = 0.25F;
    found.data()[1] = 0.0F;
    EXPECT_EQ(io::detail::largest_difference(found, {0.5, 0}), 0.25);
    for (Index i = 0; i < 2; ++i) {
        found.matrix().setZero();
        found.data()[i] = std::numeric_limits<float>::quiet_NaN();
        EXPECT_TRUE(std::isnan(io::detail::largest_difference(found, {0.5, 0}))) << i;
    }
}

/// What is said of a test vector of that model.
std::string check_refusal(Sequential<float>& model, const Json& test) {
    io::LoadReport report;
    return format_error_of([&] { io::detail::check_test_vector(model, test, Where("f"), report); });
}

TEST(TestVector, RefusesAModelThatGivesNoNumbers) {
    Sequential<float> model = small_model();
    const Sequence<float> x = some_inputs();
    const Json test = parsed(io::detail::test_vector_text<float>(model, x, 1.0));
    EXPECT_EQ(check_refusal(model, test), "no FormatError was thrown");
    std::get<Dense<float>>(model.layer(1))
        .set_weights(std::vector<RowMatrix<float>>{
            RowMatrix<float>::Constant(4, 2, std::numeric_limits<float>::quiet_NaN()), RowMatrix<float>::Zero(1, 2)});
    EXPECT_EQ(check_refusal(model, test),
              "f: the model is not what was saved: expected outputs that differ by at most 1, the largest difference "
              "is nan");
}

TEST(TestVector, IsComputedUpToALimitThatTheWidestLayerSets) {
    Sequential<float> model({Dense<float>(1, {.units = 2048}), Gru<float>(2048, {.units = 1})});
    EXPECT_EQ(io::detail::widest_layer(model), 2048);
    EXPECT_EQ(io::detail::widest_layer(small_model()), 4);
    EXPECT_EQ(io::detail::widest_layer(Sequential<float>({Dense<float>(9, {.units = 2})})), 9);
    Json test;
    test["inputs"] = {{"shape", {1, 2049, 1}}, {"values", std::vector<double>(2049)}};
    test["outputs"] = {{"shape", {1, 1}}, {"values", {0.0}}};
    EXPECT_EQ(check_refusal(model, test),
              "f: expected at most 4194304 numbers for batch times steps times the widest layer");
}

TEST(TestVector, LeavesNoStateBehind) {
    Sequential<float> model({Gru<float>(3, {.units = 2, .seed = 1, .stateful = true})});
    const Sequence<float> x = some_inputs();
    const std::string text = io::detail::test_vector_text<float>(model, x, 1e-5);
    EXPECT_EQ(io::detail::test_vector_text<float>(model, x, 1e-5), text);
    const Json test = parsed(text);
    EXPECT_EQ(test["inputs"]["shape"], Json({2, 5, 3}));
    EXPECT_EQ(test["tolerance"], 1e-5);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(check_refusal(model, test), "no FormatError was thrown");
}

TEST(TestVector, AllowsALittleWhenItDoesNotSayHowMuch) {
    Sequential<float> model = small_model();
    const Sequence<float> x = some_inputs();
    Json test = parsed(io::detail::test_vector_text<float>(model, x, 1.0));
    test.erase("tolerance");
    io::LoadReport report;
    io::detail::check_test_vector(model, test, Where("f"), report);
    EXPECT_EQ(report.tolerance, 1e-5);
    EXPECT_EQ(report.largest_difference, 0.0);
    test["outputs"]["values"][0] = test["outputs"]["values"][0].get<double>() + 1e-4;
    expect_contains(check_refusal(model, test), "expected outputs that differ by at most 1e-05");
}

}  // namespace

}  // namespace eigengru_test::keras_test_vector_test
