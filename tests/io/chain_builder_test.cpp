// SPDX-License-Identifier: MIT
#include "eigengru/io/chain_builder.hpp"

#include "io/io_support.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru_test;
using Builder = io::detail::ChainBuilder<float>;

TEST(ChainBuilder, BuildsAModelWithTheseWeights) {
    const Gru<float> gru(2, {.units = 3, .seed = 1});
    const Dense<float> dense(3, {.units = 4, .seed = 2});
    Builder builder(Where("f"));
    builder.add_gru(true, 2, {.units = 3}, gru.get_weights());
    EXPECT_EQ(builder.add_dense({}, dense.get_weights()), 4);
    const Sequential<float> model = builder.finish();
    EXPECT_EQ(model.features(), 2);
    EXPECT_EQ(std::get<1>(model.layers()[0]).get_weights(), gru.get_weights());
    EXPECT_EQ(std::get<Dense<float>>(model.layers()[1]).get_weights(), dense.get_weights());
}

TEST(ChainBuilder, WhatDoesNotFitIsAnErrorOfTheFileThatNamesTheLayer) {
    const Gru<float> gru(2, {.units = 3, .seed = 1});
    Builder builder(Where("f"));
    const std::string refusal =
        format_error_of([&] { builder.add_gru(true, 4, {.units = 3, .name = "encoder"}, gru.get_weights()); });
    EXPECT_TRUE(refusal.starts_with("f: layer \"encoder\"")) << refusal;
    EXPECT_NE(refusal.find("(2, 9)"), std::string::npos) << refusal;
    builder.add_gru(true, 2, {.units = 3}, gru.get_weights());
    const Dense<float> dense(5, {.units = 1, .seed = 2});
    (void)builder.add_dense({}, dense.get_weights());
    EXPECT_TRUE(format_error_of([&] { (void)builder.finish(); }).starts_with("f: "));
}

}  // namespace
