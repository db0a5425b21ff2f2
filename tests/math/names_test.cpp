// SPDX-License-Identifier: MIT
#include "eigengru/math/names.hpp"

#include "support/message_of.hpp"
#include "support/numbers.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace eigengru::inline EIGENGRU_ABI {

enum class NamesTestColour { red, green, colourless };

template <>
struct KerasNames<NamesTestColour> {
    static constexpr std::string_view what = "Colour";
    static constexpr auto table = std::to_array<NamedKind<NamesTestColour>>(
        {{"red", NamesTestColour::red}, {"Red", NamesTestColour::red}, {"green", NamesTestColour::green}});
};

}  // namespace eigengru::inline EIGENGRU_ABI

namespace {

using namespace eigengru;
using eigengru_test::kInfinity;
using eigengru_test::message_of;
using Colour = NamesTestColour;

TEST(NameLike, HoldsForStringsOfEveryKind) {
    static_assert(NameLike<std::string> && NameLike<std::string_view> && NameLike<const char*> && NameLike<char[5]>);
    SUCCEED();
}

TEST(NameLike, RefusesNullptrAndNumbers) {
    static_assert(!NameLike<std::nullptr_t> && !NameLike<int>);
    SUCCEED();
}

TEST(KindByName, FindsTheKind) {
    EXPECT_EQ(detail::kind_by_name<Colour>("green"), Colour::green);
}

TEST(KindByName, FindsAnAlias) {
    EXPECT_EQ(detail::kind_by_name<Colour>("Red"), Colour::red);
}

TEST(KindByName, ListsTheKnownNamesWithoutAliases) {
    EXPECT_EQ(message_of<OptionError>([] { (void)detail::kind_by_name<Colour>("blue"); }),
              "Colour: expected one of \"red\", \"green\", received \"blue\"");
}

TEST(KindByName, TakesAnotherTableAndAnotherBeginning) {
    EXPECT_EQ(message_of<OptionError>([] { (void)detail::kind_by_name("Paint", "", KerasNames<Colour>::table); }),
              "Paint: expected one of \"red\", \"green\", received \"\"");
}

TEST(KindByName, CountsTheCaseOfLetters) {
    EXPECT_THROW((void)detail::kind_by_name<Colour>("RED"), OptionError);
}

TEST(NameOfKind, IsTheFirstInTheTable) {
    static_assert(detail::name_of_kind(Colour::red) == "red");
    SUCCEED();
}

TEST(NameOfKind, IsEmptyForAKindWithoutName) {
    EXPECT_TRUE(detail::name_of_kind(Colour::colourless).empty());
}

TEST(Named, ConvertsFromTheKind) {
    const Named<Colour> colour = Colour::green;
    EXPECT_EQ(colour.name(), "green");
}

TEST(Named, ConvertsFromALiteral) {
    const Named<Colour> colour = "Red";
    EXPECT_EQ(colour.kind(), Colour::red);
}

TEST(Named, ConvertsFromAString) {
    const Named<Colour> colour = std::string("green");
    EXPECT_EQ(colour.kind(), Colour::green);
}

TEST(Named, DoesNotConvertFromNullptr) {
    static_assert(!std::convertible_to<std::nullptr_t, Named<Colour>>);
    SUCCEED();
}

TEST(Named, ComparesTheKind) {
    EXPECT_EQ(Named<Colour>("red"), Named<Colour>("Red"));
    EXPECT_NE(Named<Colour>("red"), Named<Colour>("green"));
}

TEST(Named, RefusesAnUnknownName) {
    EXPECT_THROW(Named<Colour>("blue"), OptionError);
}

TEST(CheckFinite, PassesNegativeNumbers) {
    EXPECT_NO_THROW(detail::check_finite("f", -1e300));
}

TEST(CheckFinite, RefusesInfinity) {
    EXPECT_EQ(message_of<OptionError>([] { detail::check_finite("Thing: size", -kInfinity); }),
              "Thing: size expected a finite number, received -inf");
}

TEST(CheckFinite, RefusesNan) {
    EXPECT_THROW(detail::check_finite("f", std::numeric_limits<double>::quiet_NaN()), OptionError);
}

TEST(CheckNonNegative, PassesZero) {
    EXPECT_NO_THROW(detail::check_non_negative("f", 0.0));
}

TEST(CheckNonNegative, RefusesNegativeNumbers) {
    EXPECT_EQ(message_of<OptionError>([] { detail::check_non_negative("Thing: size", -0.5); }),
              "Thing: size expected a finite number of at least 0, received -0.5");
}

TEST(CheckNonNegative, RefusesNanAndInfinity) {
    EXPECT_THROW(detail::check_non_negative("f", std::numeric_limits<double>::quiet_NaN()), OptionError);
    EXPECT_THROW(detail::check_non_negative("f", std::numeric_limits<double>::infinity()), OptionError);
}

}  // namespace
