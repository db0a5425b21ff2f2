// SPDX-License-Identifier: MIT
#include "eigengru/core/error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace eigengru;

TEST(Error, ShapeErrorIsAnInvalidArgument) {
    static_assert(std::is_base_of_v<std::invalid_argument, ShapeError>);
    SUCCEED();
}

TEST(Error, OptionErrorIsAnInvalidArgument) {
    static_assert(std::is_base_of_v<std::invalid_argument, OptionError>);
    SUCCEED();
}

TEST(Error, BackendErrorIsARuntimeError) {
    static_assert(std::is_base_of_v<std::runtime_error, BackendError>);
    SUCCEED();
}

TEST(Error, FormatErrorIsARuntimeError) {
    static_assert(std::is_base_of_v<std::runtime_error, FormatError>);
    SUCCEED();
}

TEST(Error, ThrowJoinsThePartsOfTheMessage) {
    try {
        EIGENGRU_THROW(ShapeError, "Gru: expected ", 3, ", received ", 2.5f, " and ", true);
        FAIL();
    } catch (const ShapeError& error) {
        EXPECT_STREQ(error.what(), "Gru: expected 3, received 2.5 and true");
    }
}

TEST(ErrorText, WritesNegativeAndLargeIntegers) {
    EXPECT_EQ(detail::text(-1, " ", 18446744073709551615ull), "-1 18446744073709551615");
}

TEST(ErrorText, WritesBoolAsWords) {
    EXPECT_EQ(detail::text(true, "/", false), "true/false");
}

TEST(ErrorText, WritesNineDigitsOfAFloat) {
    EXPECT_EQ(detail::text(1.0 / 3.0), "0.333333333");
}

TEST(ErrorText, WritesNotANumber) {
    EXPECT_EQ(detail::text(std::numeric_limits<double>::infinity()), "inf");
}

TEST(ErrorText, TakesStringsOfEveryKind) {
    EXPECT_EQ(detail::text("a", std::string("b"), std::string_view("c")), "abc");
}

TEST(ErrorText, OfNothingIsEmpty) {
    EXPECT_EQ(detail::text(), "");
}

TEST(ErrorQuotedList, JoinsWithCommas) {
    EXPECT_EQ(detail::quoted_list(std::array{"tanh", "relu"}), "\"tanh\", \"relu\"");
}

TEST(ErrorQuotedList, OfNothingIsEmpty) {
    EXPECT_EQ(detail::quoted_list(std::vector<std::string>{}), "");
}

void other_handler(const char*) {}

TEST(FailureHandler, SetReturnsTheOneBefore) {
    const FailureHandler before = set_failure_handler(&other_handler);
    EXPECT_EQ(set_failure_handler(before), &other_handler);
}

TEST(FailureHandler, NullRestoresTheDefault) {
    const FailureHandler before = set_failure_handler(nullptr);
    EXPECT_EQ(set_failure_handler(before), &detail::print_and_abort);
}

}  // namespace
