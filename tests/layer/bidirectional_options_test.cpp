// SPDX-License-Identifier: MIT
#include "eigengru/layer/bidirectional_options.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using eigengru::detail::direction_options;
using eigengru_test::message_of;

TEST(DirectionOptions, BackwardLayerIsMadeLikeTheForwardOne) {
    const auto [f, b] = direction_options({.units = 3, .dropout = 0.25, .use_cudnn = false, .name = "g"}, {});
    EXPECT_EQ(f.name, "forward_g");
    EXPECT_EQ(b.name, "backward_g");
    EXPECT_FALSE(f.go_backwards);
    EXPECT_TRUE(b.go_backwards);
    EXPECT_EQ(b.units, 3);
    EXPECT_EQ(b.dropout, 0.25);
    EXPECT_TRUE(b.use_cudnn.is_never());
}

TEST(DirectionOptions, PrefixIsNotPutTwice) {
    const auto [f, b] = direction_options({.units = 3, .name = "forward_g"}, {});
    EXPECT_EQ(f.name, "forward_g");
    EXPECT_EQ(b.name, "backward_forward_g");  // as Keras
}

TEST(DirectionOptions, MaskedOutputsAreZeroWhereSequencesAreReturned) {
    for (const bool returns_sequences : {true, false}) {
        const auto [f, b] = direction_options(
            {.units = 3, .return_sequences = returns_sequences, .zero_output_for_mask = !returns_sequences}, {});
        EXPECT_EQ(f.zero_output_for_mask, returns_sequences);
        EXPECT_EQ(b.zero_output_for_mask, returns_sequences);
    }
}

TEST(DirectionOptions, SeedOfTheBackwardLayerIsAnother) {
    EXPECT_EQ(direction_options({.units = 3, .seed = 7}, {}).second.seed, std::optional<std::uint64_t>(10));
    EXPECT_EQ(direction_options({.units = 3}, {}).second.seed, std::nullopt);
}

TEST(DirectionOptions, OwnBackwardLayerKeepsItsNameAndTakesUseCudnn) {
    const GruOptions own{.units = 3, .seed = 1, .go_backwards = true, .name = "own"};
    const auto [f, b] = direction_options({.units = 3, .use_cudnn = false}, {.backward = own});
    EXPECT_EQ(b.name, "own");
    EXPECT_EQ(b.seed, own.seed);
    EXPECT_TRUE(b.use_cudnn.is_never());
}

TEST(DirectionOptions, FrozenLayerFreezesBoth) {
    const auto [f, b] = direction_options({.units = 3}, {.trainable = false});
    EXPECT_FALSE(f.trainable);
    EXPECT_FALSE(b.trainable);
}

TEST(DirectionOptions, LayersThatDoNotGoTogetherAreRefused) {
    EXPECT_EQ(
        message_of<OptionError>([] { (void)direction_options({.units = 3}, {.backward = GruOptions{.units = 3}}); }),
        "Bidirectional: go_backwards expected to differ between the layers, received false for both");
    EXPECT_THROW((void)direction_options({.units = 3, .go_backwards = true}, {}), OptionError);
    EXPECT_EQ(message_of<OptionError>([] {
                  (void)direction_options({.units = 3, .stateful = true},
                                          {.backward = GruOptions{.units = 3, .go_backwards = true}});
              }),
              "Bidirectional: stateful expected to be the same for both layers, received true forward and false "
              "backward");
    EXPECT_EQ(message_of<OptionError>([] {
                  (void)direction_options(
                      {.units = 3}, {.merge = Merge::ave, .backward = GruOptions{.units = 2, .go_backwards = true}});
              }),
              "Bidirectional: merge ave expected layers of the same units, received 3 forward and 2 backward");
}

}  // namespace
