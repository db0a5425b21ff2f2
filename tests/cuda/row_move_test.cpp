// SPDX-License-Identifier: MIT
// The bodies of the kernels against the same movements on the host.
#include "eigengru/cuda/row_move.hpp"

#include "eigengru/cuda/compaction.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test::row_move_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::random_sequence;

constexpr Index kTime = 4, kUnits = 3;
constexpr Index kMasks = Index(1) << kTime;
constexpr std::int64_t kLanes = 2;

template <class S>
const std::uint32_t* words(const S* values) {
    return reinterpret_cast<const std::uint32_t*>(values);
}
template <class S>
std::uint32_t* words(S* values) {
    return reinterpret_cast<std::uint32_t*>(values);
}

template <class MoveRow>
void launch(const RowMove& move, const MoveRow& move_row) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
        for (std::int64_t row = 0; row < move.batch; ++row) move_row(move, RowWorker{row, lane, kLanes});
}

/// [place][row] of the host as [row][place] of the device.
template <class S>
Sequence<S> batch_major(const RowMatrix<S>& time_major) {
    Sequence<S> y({kMasks, kTime, time_major.cols()});
    for (Index place = 0; place < kTime; ++place) y.step(place) = time_major.middleRows(place * kMasks, kMasks);
    return y;
}

template <class S>
void compare(bool go_backwards, bool zero_output) {
    std::vector<unsigned char> mask;
    for (Index b = 0; b < kMasks; ++b)
        for (Index t = 0; t < kTime; ++t) mask.push_back(static_cast<unsigned char>(b >> t & 1));
    const SequencePlan plan({kMasks, kTime, kUnits}, go_backwards, MaskView(mask, kMasks, kTime), {});
    RowMove move{.mask = mask.data(),
                 .batch = kMasks,
                 .time = kTime,
                 .row_bytes = kUnits * Index(sizeof(S)),
                 .go_backwards = go_backwards,
                 .zero_output_for_mask = zero_output};

    const Sequence<S> inputs = random_sequence<S>({kMasks, kTime, kUnits});
    RowMatrix<S> gathered(kTime * kMasks, kUnits);
    gather_places<S>(inputs, plan, {0, kTime}, gathered.data());
    Sequence<S> moved(inputs.shape());
    move.from = words(inputs.data());
    move.to = words(moved.data());
    launch(move, [](const RowMove& m, const RowWorker& w) { move_gathered_row(m, w); });
    EXPECT_EQ(moved.matrix(), batch_major(gathered).matrix());

    const RowMatrix<S> y = RowMatrix<S>::Random(kTime * kMasks, kUnits), initial = RowMatrix<S>::Random(kMasks, kUnits);
    Sequence<S> sequences(inputs.shape()), moved_sequences(inputs.shape());
    RowMatrix<S> last(kMasks, kUnits), state = last, moved_last = last, moved_state = last;
    const OutputView<S> view{sequences, last, state};
    scatter_places<S>({plan, zero_output, initial, view, nullptr}, {0, kTime}, y.data(), kUnits);
    const Sequence<S> results = batch_major(y);
    move.from = words(results.data());
    move.to = words(moved_sequences.data());
    move.initial = words(initial.data());
    move.last = words(moved_last.data());
    move.state = words(moved_state.data());
    launch(move, [](const RowMove& m, const RowWorker& w) { move_scattered_row(m, w); });
    EXPECT_EQ(moved_sequences.matrix(), sequences.matrix());
    EXPECT_EQ(moved_last, last);
    EXPECT_EQ(moved_state, state);
}

TEST(RowMove, DoesWhatTheHostDoesForEveryMask) {
    for (const bool go_backwards : {false, true})
        for (const bool zero_output : {false, true}) {
            compare<float>(go_backwards, zero_output);
            compare<double>(go_backwards, zero_output);
        }
}

TEST(RowMove, WithoutMaskEveryStepIsUsed) {
    const std::vector<float> from{1, 2, 3};
    std::vector<float> to(3);
    RowMove move{.batch = 1, .time = 3, .row_bytes = 4, .go_backwards = true, .from = words(from.data())};
    move.to = words(to.data());
    launch(move, [](const RowMove& m, const RowWorker& w) { move_gathered_row(m, w); });
    EXPECT_EQ(to, (std::vector<float>{3, 2, 1}));
}

}  // namespace
}  // namespace eigengru_test::row_move_test
