// SPDX-License-Identifier: MIT
#include "eigengru/sequence/backward_rounds.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::BackwardRound;
using eigengru::detail::BackwardSizes;

std::vector<BackwardRound> rounds_of(const BackwardSizes& sizes) {
    std::vector<BackwardRound> rounds(3);  // what was there goes
    plan_rounds(sizes, rounds);
    return rounds;
}

TEST(BackwardRounds, GoFromTheLastChunkToTheFirst) {
    const std::vector<BackwardRound> expected{{BackwardRound::start},
                                              {BackwardRound::steps, {0, 7}, {6, 1}},
                                              {BackwardRound::products, {0, 7}, {6, 1}},
                                              {BackwardRound::steps, {0, 7}, {3, 3}},
                                              {BackwardRound::products, {0, 7}, {3, 3}},
                                              {BackwardRound::steps, {0, 7}, {0, 3}},
                                              {BackwardRound::products, {0, 7}, {0, 3}},
                                              {BackwardRound::finish}};
    EXPECT_EQ(rounds_of({.time = 7, .segment = 7, .chunk = 3}), expected);
}

TEST(BackwardRounds, RecordEachSegmentOfCheckpointsFirst) {
    const std::vector<BackwardRound> expected{{BackwardRound::start},
                                              {BackwardRound::record, {4, 1}},
                                              {BackwardRound::steps, {4, 1}, {4, 1}},
                                              {BackwardRound::products, {4, 1}, {4, 1}},
                                              {BackwardRound::record, {0, 4}},
                                              {BackwardRound::steps, {0, 4}, {2, 2}},
                                              {BackwardRound::products, {0, 4}, {2, 2}},
                                              {BackwardRound::steps, {0, 4}, {0, 2}},
                                              {BackwardRound::products, {0, 4}, {0, 2}},
                                              {BackwardRound::finish}};
    EXPECT_EQ(rounds_of({.time = 5, .segment = 4, .chunk = 2, .has_checkpoints = true}), expected);
}

}  // namespace
}  // namespace eigengru_test
