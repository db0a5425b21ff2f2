// SPDX-License-Identifier: MIT
#include "eigengru/sequence/cudnn_request.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using namespace eigengru::detail;

TEST(CudnnRequest, WorkIsThatOfOneTimeStep) {
    const CudnnRequest request{.inputs = {2, 100, 3}, .units = 4, .options = {.least_work = 168}};
    EXPECT_EQ(step_work(request), 3 * 2 * 4 * (3 + 4));
    EXPECT_TRUE(is_worth_while(request));
    EXPECT_TRUE(work_condition(request).passed);
}

TEST(CudnnRequest, LessThanTheLeastWorkIsNotWorthWhile) {
    const BackendRule rule = work_condition({.inputs = {2, 100, 3}, .units = 4, .options = {.least_work = 169}});
    EXPECT_FALSE(rule.passed);
    EXPECT_EQ(rule.reason, "for \"auto\" a time step must have 169 multiply-adds (least_work), has 168");
}

TEST(CudnnRequest, TimeIsLimitedForARecordedPassAlone) {
    CudnnRequest request{.inputs = {1, 65536, 1}, .units = 1};
    EXPECT_TRUE(size_condition(request).passed);
    request.is_recorded = true;
    EXPECT_EQ(size_condition(request).reason, "time must be at most 65535 for a pass that is recorded, is 65536");
    request.inputs.time = 65535;
    EXPECT_TRUE(size_condition(request).passed);
}

TEST(CudnnRequest, SizesMustFitInto32Bits) {
    EXPECT_FALSE(size_condition({.inputs = {Index(1) << 31, 1, 1}, .units = 1}).passed);
    EXPECT_TRUE(size_condition({.inputs = {(Index(1) << 31) - 1, 1, 1}, .units = 1}).passed);
}

TEST(CudnnRequest, CheckpointsAreNotForCudnn) {
    EXPECT_FALSE(tape_condition(true).passed);
    EXPECT_TRUE(tape_condition(false).passed);
}

}  // namespace
