// SPDX-License-Identifier: MIT
#include "eigengru/sequence/workspace.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace {

using namespace eigengru;
using detail::Workspace;
using detail::WorkspaceShape;

template <class S>
class WorkspaceOf : public testing::Test {};
TYPED_TEST_SUITE(WorkspaceOf, eigengru_test::Scalars, );

TEST(ChunkSteps, HoldAboutAHundredRows) {
    EXPECT_EQ(detail::chunk_steps(1, 1000), 128);
    EXPECT_EQ(detail::chunk_steps(3, 1000), 42);
    EXPECT_EQ(detail::chunk_steps(128, 1000), 1);
}

TEST(ChunkSteps, NeverExceedTheTimeAndAreNeverNone) {
    EXPECT_EQ(detail::chunk_steps(1, 7), 7);
    EXPECT_EQ(detail::chunk_steps(1000, 7), 1);
    EXPECT_EQ(detail::chunk_steps(0, 7), 7);
}

TYPED_TEST(WorkspaceOf, IsEmptyAtFirst) {
    EXPECT_EQ(Workspace<TypeParam>().bytes(), 0);
}

TYPED_TEST(WorkspaceOf, DoesNotGrowWithTime) {
    for (const Index batch : {1, 3, 64, 500}) {
        Workspace<TypeParam> shorter, longer;
        shorter.prepare({batch, 128, 8, 16});
        longer.prepare({batch, 1'000'000, 8, 16});
        EXPECT_EQ(shorter.bytes(), longer.bytes()) << batch;
    }
}

TYPED_TEST(WorkspaceOf, StaysBelowAFewChunks) {
    Workspace<TypeParam> workspace;
    workspace.prepare({1, 1'000'000, 8, 16});
    EXPECT_LE(workspace.bytes(), Index(sizeof(TypeParam)) * (3 * 16 + 128 * (8 + detail::gate_stride(16))) + 1);
}

TYPED_TEST(WorkspaceOf, SmallerCallsNeedNoNewMemory) {
    for (const auto& [batch, time] : {std::pair<Index, Index>{100, 5}, {3, 50}, {200, 2}, {1, 300}, {64, 2}}) {
        Workspace<TypeParam> workspace;
        workspace.prepare({batch, time, 8, 16});
        const Index bytes = workspace.bytes();
        const TypeParam* memory = workspace.state(0);
        for (Index b = 1; b <= batch; ++b)
            for (Index t = 1; t <= time; ++t) workspace.prepare({b, t, 8, 16});
        EXPECT_EQ(workspace.bytes(), bytes) << batch << ' ' << time;
        EXPECT_EQ(workspace.state(0), memory) << batch << ' ' << time;
    }
}

TYPED_TEST(WorkspaceOf, GrowsForALargerCall) {
    Workspace<TypeParam> workspace;
    workspace.prepare({2, 5, 8, 16});
    const Index bytes = workspace.bytes();
    workspace.prepare({200, 5, 8, 16});
    EXPECT_GT(workspace.bytes(), bytes);
}

/// Where the parts of a workspace begin and how long they are must not meet, and must end within the memory.
template <class S>
void expect_separate(const WorkspaceShape& shape) {
    Workspace<S> workspace;
    workspace.prepare(shape);
    const Index state = shape.batch * shape.units;
    const Index rows = workspace.chunk() * shape.batch;
    std::vector<std::pair<S*, Index>> parts{{workspace.state(0), state},
                                            {workspace.state(1), state},
                                            {workspace.masked_state(), state},
                                            {workspace.inputs(), rows * shape.features}};
    for (Index step = 0; step < workspace.chunk(); ++step)
        parts.push_back({workspace.gates(step, 1).data, shape.batch * detail::gate_stride(shape.units)});
    for (std::size_t i = 1; i < parts.size(); ++i)
        EXPECT_LE(parts[i - 1].first + parts[i - 1].second, parts[i].first) << i;
    const S* end = parts.back().first + parts.back().second;
    EXPECT_LE((end - workspace.state(0)) * Index(sizeof(S)) + shape.batch, workspace.bytes());
}

TYPED_TEST(WorkspaceOf, PartsDoNotOverlap) {
    for (const Index batch : {1, 2, 3, 64, 127, 128, 129, 300})
        for (const Index time : {1, 2, 43, 200})
            for (const Index units : {1, 5, 128}) expect_separate<TypeParam>({batch, time, 7, units});
}

TYPED_TEST(WorkspaceOf, GatesOfAChunkAreThoseOfItsSteps) {
    Workspace<TypeParam> workspace;
    workspace.prepare({3, 10, 7, 5});
    const auto all = workspace.gates(0, workspace.chunk());
    EXPECT_EQ(all.rows, 30);
    for (Index step = 0; step < 10; ++step) EXPECT_EQ(workspace.gates(step, 1).data, all.row(step * 3)) << step;
}

TYPED_TEST(WorkspaceOf, KeepsASeenFlagForEachRow) {
    Workspace<TypeParam> workspace;
    workspace.prepare({3, 10, 7, 5});
    for (Index b = 0; b < 3; ++b) workspace.seen()[b] = static_cast<unsigned char>(b);
    workspace.prepare({2, 10, 7, 5});
    EXPECT_EQ(workspace.seen()[1], 1);
}

template <class S>
class BackwardWorkspaceOf : public testing::Test {};
TYPED_TEST_SUITE(BackwardWorkspaceOf, eigengru_test::Scalars, );

/// What the kernels of a backward pass read and write at the same time.
template <class S>
void expect_separate_panels(const WorkspaceShape& shape) {
    detail::BackwardWorkspace<S> workspace;
    workspace.prepare(shape, 0, true);
    const Index rows = shape.chunk_rows(), features = shape.features, units = shape.units;
    const Index d_weights = static_cast<Index>(workspace.d_weights().size());
    const std::vector<std::pair<S*, Index>> parts{
        {workspace.scratch(), rows * std::max(features, units)},
        {workspace.gate_panels(), detail::GatePanels<S>::size(rows, units)},
        {workspace.input_strips(), detail::strips_size(rows, features)},
        {workspace.state_strips(), detail::strips_size(rows, units)},
        {workspace.m_strips(), detail::strips_size(rows, units)},
        {workspace.kernel_panels(), detail::transposed_size<S>(features, units, kGates)},
        {workspace.recurrent_panels(), detail::transposed_size<S>(units, units, kGates)},
        {workspace.d_kernel(), d_weights}};
    for (std::size_t i = 1; i < parts.size(); ++i)
        EXPECT_LE(parts[i - 1].first + parts[i - 1].second, parts[i].first) << i;
    EXPECT_LE((workspace.d_kernel() + d_weights - workspace.d_state(0)) * Index(sizeof(S)), workspace.bytes());
}

TYPED_TEST(BackwardWorkspaceOf, PartsDoNotOverlap) {
    for (const Index batch : {1, 3, 64, 130})
        for (const Index units : {1, 5, 128}) expect_separate_panels<TypeParam>({batch, 43, 7, units});
}

TYPED_TEST(BackwardWorkspaceOf, HasStripsOfMWhereTheyAreRead) {
    const WorkspaceShape shape{3, 10, 7, 21};
    detail::BackwardWorkspace<TypeParam> after, before;
    after.prepare(shape, 0, false);
    before.prepare(shape, 0, true);
    const Index strips = detail::whole_lines<TypeParam>(detail::strips_size(shape.chunk_rows(), shape.units));
    EXPECT_EQ(before.bytes() - after.bytes(), strips * Index(sizeof(TypeParam)));
}

}  // namespace
