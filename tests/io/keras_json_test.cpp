// SPDX-License-Identifier: MIT
#include "eigengru/io/keras_json.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// Calls `read` with the object of that text; the message of the FormatError it throws.
template <class Read>
std::string json_refusal(std::string_view text, Read&& read) {
    const Json json = parsed(text);
    return format_error_of([&] { read(io::JsonObject(json, Where("f"))); });
}

TEST(ParseJson, ReadsWhatPythonWrites) {
    EXPECT_EQ(parsed(R"({"a": [1, 2.5, null, true, "x\u00e9"]})")["a"].size(), 5U);
}

TEST(ParseJson, RefusesWhatIsNoJson) {
    for (const std::string_view text : {"", "{", "{\"a\": }", "{} {}", "{\"a\": \"\xff\"}", "nul"})
        EXPECT_EQ(format_error_of([&] { (void)parsed(text); }), "f: is not valid JSON") << text;
}

TEST(ParseJson, RefusesBracketsThatNestTooDeep) {
    EXPECT_NO_THROW((void)parsed(std::string(60, '[') + std::string(60, ']')));
    EXPECT_EQ(format_error_of([] { (void)parsed(std::string(100, '[') + std::string(100, ']')); }),
              "f: expected brackets that nest at most 64 deep");
    EXPECT_THROW((void)parsed(std::string(1000000, '[')), FormatError);
}

TEST(ParseJson, TakesNumbersThatAreNotFinite) {
    const Json json = parsed(R"({"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e999, "e": -1e999, "f": 1e308})");
    const io::JsonObject object(json, Where("f"));
    EXPECT_TRUE(std::isnan(object.number("a")));
    EXPECT_EQ(object.number("b"), INFINITY);
    EXPECT_EQ(object.number("c"), -INFINITY);
    EXPECT_EQ(object.number("d"), INFINITY);
    EXPECT_EQ(object.number("e"), -INFINITY);
    EXPECT_EQ(object.number("f"), 1e308);
}

TEST(ParseJson, LeavesStringsAlone) {
    const Json json = parsed(R"({"a": "NaN, \"NaN\" \\", "b": "Infinity 1e999"})");
    EXPECT_EQ(json["a"], "NaN, \"NaN\" \\");
    EXPECT_EQ(json["b"], "Infinity 1e999");
}

TEST(JsonObject, IsAnObject) {
    EXPECT_EQ(json_refusal("[1, 2]", [](const io::JsonObject&) {}), "f: expected an object, received [1,2]");
}

TEST(JsonObject, NullCountsAsMissing) {
    const Json json = parsed(R"({"a": null})");
    const io::JsonObject object(json, Where("f"));
    EXPECT_EQ(object.find("a"), nullptr);
    EXPECT_TRUE(object.flag("a", true));
    EXPECT_EQ(object.number("a", 2.5), 2.5);
    EXPECT_EQ(object.seed("a"), std::nullopt);
}

TEST(JsonObject, ReadsASeed) {
    const Json json = parsed(R"({"a": 7, "b": -1, "c": {"class_name": "SeedGenerator", "config": {"seed": 5}}})");
    const io::JsonObject object(json, Where("f"));
    EXPECT_EQ(object.seed("a"), 7U);
    EXPECT_EQ(object.seed("b"), ~std::uint64_t{0});
    EXPECT_EQ(object.seed("c"), 5U);
}

TEST(JsonObject, NamesKeyExpectedAndReceived) {
    EXPECT_EQ(json_refusal(R"({"a": 1})", [](const auto& o) { (void)o.flag("a", true); }),
              "f: a expected true or false, received 1");
    EXPECT_EQ(json_refusal(R"({"a": "x"})", [](const auto& o) { (void)o.number("a", 1.0); }),
              "f: a expected a number, received \"x\"");
    EXPECT_EQ(json_refusal("{}", [](const auto& o) { (void)o.number("a"); }), "f: a expected a number, received none");
    EXPECT_EQ(json_refusal(R"({"a": {}})", [](const auto& o) { (void)o.string("a"); }),
              "f: a expected a string, received an object");
    EXPECT_EQ(json_refusal(R"({"a": 1.5})", [](const auto& o) { (void)o.seed("a"); }),
              "f: a expected a whole number, received 1.5");
    EXPECT_EQ(json_refusal(R"({"a": 1})", [](const auto& o) { (void)o.object("a"); }),
              "f: a: expected an object, received 1");
    EXPECT_EQ(json_refusal(R"({"a": 1})", [](const auto& o) { (void)o.array("a"); }),
              "f: a expected a list, received 1");
}

TEST(JsonObject, ASizeIsAWholeNumberThatFits) {
    const auto size = [](const auto& o) { (void)o.size("a"); };
    const Json json = parsed(R"({"a": 2147483647})");
    EXPECT_EQ(io::JsonObject(json, Where("f")).size("a"), 2147483647);
    for (const std::string_view text : {R"({"a": 0})", R"({"a": -1})", R"({"a": 2147483648})", R"({"a": 1.5})",
                                        R"({"a": 18446744073709551615})", R"({"a": NaN})", R"({"a": true})"})
        expect_contains(json_refusal(text, size), "f: a expected a whole number from 1 to 2147483647, received ");
}

TEST(JsonObject, RefusesAnUnknownArgumentUnlessItIsOff) {
    const auto check = [](const auto& o) { o.allow_only({"a"}); };
    EXPECT_EQ(json_refusal(R"({"a": 1, "b": 2})", check), "f: argument \"b\" = 2 is not known");
    EXPECT_EQ(json_refusal(R"({"a": 1, "b": null, "c": false})", check), "no FormatError was thrown");
}

TEST(JsonObject, ShowsLittleOfALongValue) {
    const std::string text = "{\"a\": \"" + std::string(1000, 'x') + "\"}";
    EXPECT_LT(json_refusal(text, [](const auto& o) { (void)o.number("a"); }).size(), 120U);
}

}  // namespace
