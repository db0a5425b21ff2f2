// SPDX-License-Identifier: MIT
#include "eigengru/sequence/plan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace eigengru;

/// The plan of a mask written as one string a row: "110" uses the first two of three steps.
class Masked {
public:
    Masked(std::vector<std::string> rows, bool go_backwards = false) : go_backwards_(go_backwards) {
        batch_ = static_cast<Index>(rows.size());
        time_ = static_cast<Index>(rows.at(0).size());
        for (const std::string& row : rows)
            for (const char step : row) bytes_.push_back(step == '1' ? 1 : 0);
    }
    [[nodiscard]] SequencePlan plan() const { return {{batch_, time_, 1}, go_backwards_, {bytes_, batch_, time_}, {}}; }

private:
    std::vector<unsigned char> bytes_;
    Index batch_ = 0;
    Index time_ = 0;
    bool go_backwards_;
};

SequencePlan plan_of(Shape3 shape, IndexListView lengths, bool go_backwards = false) {
    return {shape, go_backwards, {}, lengths};
}

TEST(SequencePlan, DefaultsToNothing) {
    const SequencePlan plan;
    EXPECT_EQ(plan.batch(), 0);
    EXPECT_EQ(plan.time(), 0);
    EXPECT_FALSE(plan.has_mask());
}

TEST(SequencePlan, KnowsItsSizes) {
    const SequencePlan plan({2, 5, 7}, true, {}, {});
    EXPECT_EQ(plan.batch(), 2);
    EXPECT_EQ(plan.time(), 5);
    EXPECT_TRUE(plan.go_backwards());
}

TEST(SequencePlan, ForwardsAStepReadsItsOwnTime) {
    const SequencePlan plan({2, 5, 7}, false, {}, {});
    EXPECT_EQ(plan.input_time(0), 0);
    EXPECT_EQ(plan.input_time(4), 4);
}

TEST(SequencePlan, BackwardsTheFirstStepReadsTheLastTime) {
    const SequencePlan plan({2, 5, 7}, true, {}, {});
    EXPECT_EQ(plan.input_time(0), 4);
    EXPECT_EQ(plan.input_time(4), 0);
}

TEST(SequencePlan, WithoutAMaskEveryStepIsUsed) {
    const SequencePlan plan({2, 5, 7}, false, {}, {});
    EXPECT_FALSE(plan.has_mask());
    EXPECT_TRUE(plan.is_used(1, 4));
    EXPECT_TRUE(plan.is_used_by_any(0));
}

TEST(SequencePlan, MaskSaysWhichStepsARowUses) {
    const Masked masked({"101", "010"});
    EXPECT_TRUE(masked.plan().has_mask());
    EXPECT_TRUE(masked.plan().is_used(0, 2));
    EXPECT_FALSE(masked.plan().is_used(1, 2));
    EXPECT_TRUE(masked.plan().is_used(1, 1));
}

TEST(SequencePlan, MaskIsReadBackwardsWithTheInput) {
    const Masked masked({"100"}, true);
    EXPECT_FALSE(masked.plan().is_used(0, 0));
    EXPECT_TRUE(masked.plan().is_used(0, 2));
}

TEST(SequencePlan, LengthsCountFromTheStartOfTheInput) {
    const std::vector<int> lengths{2, 0};
    const SequencePlan forwards = plan_of({2, 3, 1}, lengths);
    EXPECT_TRUE(forwards.is_used(0, 1));
    EXPECT_FALSE(forwards.is_used(0, 2));
    EXPECT_FALSE(forwards.is_used(1, 0));
    const SequencePlan backwards = plan_of({2, 3, 1}, lengths, true);
    EXPECT_FALSE(backwards.is_used(0, 0));
    EXPECT_TRUE(backwards.is_used(0, 1));
}

TEST(SequencePlan, LengthsOfAnInitializerListOutliveTheStatement) {
    const SequencePlan plan = plan_of({2, 3, 1}, {2, 1});
    EXPECT_TRUE(plan.is_used(0, 1));
    EXPECT_FALSE(plan.is_used(1, 1));
}

TEST(SequencePlan, StepOfNobodyIsFound) {
    const Masked masked({"1001", "1000"});
    EXPECT_TRUE(masked.plan().is_used_by_any(0));
    EXPECT_FALSE(masked.plan().is_used_by_any(1));
    EXPECT_TRUE(masked.plan().is_used_by_any(3));
}

// What the cuDNN rules ask

TEST(MaskKindOf, NoMaskIsNone) {
    EXPECT_EQ(SequencePlan({2, 5, 7}, false, {}, {}).mask_kind(), MaskKind::none);
}

TEST(MaskKindOf, RowsOfTrueThenFalseAreRightPadded) {
    EXPECT_EQ(Masked({"1100", "1000"}).plan().mask_kind(), MaskKind::right_padded);
}

TEST(MaskKindOf, RowsOfAllTrueAreRightPadded) {
    EXPECT_EQ(Masked({"111"}).plan().mask_kind(), MaskKind::right_padded);
    EXPECT_EQ(Masked({"111", "100"}).plan().mask_kind(), MaskKind::right_padded);
}

TEST(MaskKindOf, EmptyRowIsGeneral) {
    EXPECT_EQ(Masked({"111", "000"}).plan().mask_kind(), MaskKind::general);
}

TEST(MaskKindOf, LeftPaddingIsGeneral) {
    EXPECT_EQ(Masked({"011"}).plan().mask_kind(), MaskKind::general);
}

TEST(MaskKindOf, HoleIsGeneral) {
    EXPECT_EQ(Masked({"1101"}).plan().mask_kind(), MaskKind::general);
    EXPECT_EQ(Masked({"1111", "1010"}).plan().mask_kind(), MaskKind::general);
}

TEST(MaskKindOf, DirectionDoesNotMatter) {
    EXPECT_EQ(Masked({"1100"}, true).plan().mask_kind(), MaskKind::right_padded);
    EXPECT_EQ(Masked({"0011"}, true).plan().mask_kind(), MaskKind::general);
}

TEST(MaskKindOf, LengthsAreRightPaddedUnlessOneIsZero) {
    EXPECT_EQ(plan_of({2, 3, 1}, {3, 1}).mask_kind(), MaskKind::right_padded);
    EXPECT_EQ(plan_of({2, 3, 1}, {3, 0}).mask_kind(), MaskKind::general);
}

TEST(MaskKindOf, MaskOfAnEmptyBatchIsRightPadded) {
    EXPECT_EQ(plan_of({0, 3, 1}, std::vector<int>()).mask_kind(), MaskKind::right_padded);
}

}  // namespace
