// SPDX-License-Identifier: MIT
#include "eigengru/io/unique_names.hpp"

#include <gtest/gtest.h>

namespace {

using eigengru::io::detail::UniqueNames;

TEST(UniqueNames, NumberNamesThatAreTaken) {
    UniqueNames names;
    EXPECT_EQ(names.next("gru"), "gru");
    EXPECT_EQ(names.next("gru"), "gru_1");
    EXPECT_EQ(names.next("gru"), "gru_2");
    EXPECT_EQ(names.next("dense"), "dense");
}

TEST(UniqueNames, PassOverANumberThatALayerHasByItself) {
    UniqueNames names;
    EXPECT_EQ(names.next("gru_1"), "gru_1");
    EXPECT_EQ(names.next("gru"), "gru");
    EXPECT_EQ(names.next("gru"), "gru_2");
}

}  // namespace
