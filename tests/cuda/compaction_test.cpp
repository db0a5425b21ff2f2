// SPDX-License-Identifier: MIT
#include "eigengru/cuda/compaction.hpp"

#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

namespace eigengru_test::compaction_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;
using eigengru_test::random_sequence;

constexpr Index kTime = 5, kUnits = 2;
constexpr Index kMasks = Index(1) << kTime;  // every mask of a row: one row each

/// All masks at once, in one direction, and whether masked steps put out zeros.
struct Case {
    explicit Case(Index number) : go_backwards(number % 2 != 0), zero_output(number / 2 != 0) {
        for (Index b = 0; b < kMasks; ++b)
            for (Index t = 0; t < kTime; ++t) bytes.push_back(static_cast<unsigned char>(b >> t & 1));
    }
    [[nodiscard]] SequencePlan plan() const {
        return {{kMasks, kTime, kUnits}, go_backwards, MaskView(bytes, kMasks, kTime), {}};
    }
    /// The input times of the used steps of a row, in processing order.
    [[nodiscard]] std::vector<Index> used_times(Index b) const {
        std::vector<Index> times;
        for (Index step = 0; step < kTime; ++step) {
            const Index t = go_backwards ? kTime - 1 - step : step;
            if ((b >> t & 1) != 0) times.push_back(t);
        }
        return times;
    }

    bool go_backwards;
    bool zero_output;
    std::vector<unsigned char> bytes;
};

class Compaction : public testing::TestWithParam<Index> {
protected:
    const Case case_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Cases, Compaction, testing::Range(Index(0), Index(4)));

/// Scattered results and all that they need to stay alive.
template <class S>
struct Results {
    explicit Results(const Case& c) : plan(c.plan()), zero_output(c.zero_output) {}
    [[nodiscard]] Scatter<S> scatter() { return {plan, zero_output, initial, view, carried.data()}; }

    SequencePlan plan;
    bool zero_output;
    RowMatrix<S> initial = RowMatrix<S>::Random(kMasks, kUnits);
    Sequence<S> sequences{Shape3(kMasks, kTime, kUnits)};
    RowMatrix<S> last{kMasks, kUnits}, state{kMasks, kUnits}, carried{kMasks, kUnits};
    OutputView<S> view{sequences, last, state};
};

TEST_P(Compaction, GatherMovesUsedStepsToTheFrontAndZeroesTheRest) {
    const Sequence<double> inputs = random_sequence<double>({kMasks, kTime, kUnits});
    std::vector<double> out(static_cast<std::size_t>(inputs.size()), 7.0);
    gather_places<double>(inputs, case_.plan(), {0, kTime}, out.data());
    for (Index b = 0; b < kMasks; ++b) {
        const std::vector<Index> times = case_.used_times(b);
        for (Index place = 0; place < kTime; ++place)
            for (Index f = 0; f < kUnits; ++f) {
                const bool is_used = static_cast<std::size_t>(place) < times.size();
                const double expected = is_used ? inputs(b, times[static_cast<std::size_t>(place)], f) : 0.0;
                EXPECT_EQ(out[static_cast<std::size_t>((place * kMasks + b) * kUnits + f)], expected) << b;
            }
    }
}

TEST_P(Compaction, ScatterGivesThePlainLoop) {
    Results<double> results(case_);
    const RowMatrix<double> y = RowMatrix<double>::Random(kTime * kMasks, kUnits);
    scatter_places(results.scatter(), {0, kTime}, y.data(), kUnits);
    for (Index b = 0; b < kMasks; ++b) {
        Eigen::RowVectorXd state = results.initial.row(b), output = Eigen::RowVectorXd::Zero(kUnits);
        Index place = 0;
        for (Index step = 0; step < kTime; ++step) {
            const Index t = case_.go_backwards ? kTime - 1 - step : step;
            const bool used = (b >> t & 1) != 0;
            if (used) state = output = y.row(place++ * kMasks + b);
            const Eigen::RowVectorXd put_out =
                used || !case_.zero_output ? output : Eigen::RowVectorXd(Eigen::RowVectorXd::Zero(kUnits));
            EXPECT_EQ(results.sequences.sequence(b).row(step), put_out) << b << ' ' << step;
            if (step + 1 == kTime) {
                EXPECT_EQ(results.last.row(b), put_out) << b;
            }
        }
        EXPECT_EQ(results.state.row(b), state) << b;
        EXPECT_EQ(results.carried.row(b), state) << b;
    }
}

TEST_P(Compaction, PartsOfThePlacesMakeTheWhole) {
    const Sequence<float> inputs = random_sequence<float>({kMasks, kTime, kUnits});
    const RowMatrix<float> y = RowMatrix<float>::Random(kTime * kMasks, kUnits);
    const Index size = kMasks * kUnits;
    std::vector<float> whole(static_cast<std::size_t>(kTime * size)), parts(whole.size());
    Results<float> expected(case_), received(case_);
    received.initial = expected.initial;
    gather_places<float>(inputs, expected.plan, {0, kTime}, whole.data());
    scatter_places(expected.scatter(), {0, kTime}, y.data(), kUnits);
    for (const Places places : {Places{0, 2}, Places{2, 2}, Places{4, 1}}) {
        gather_places<float>(inputs, received.plan, places, parts.data() + places.first * size);
        scatter_places(received.scatter(), places, y.data() + places.first * size, kUnits);
    }
    EXPECT_EQ(parts, whole);
    EXPECT_EQ(received.sequences.matrix(), expected.sequences.matrix());
    EXPECT_EQ(received.last, expected.last);
    EXPECT_EQ(received.state, expected.state);
    EXPECT_EQ(received.carried, expected.carried);
}

// The adjoint A* of a linear map A has <A x, d> = <x, A* d> for all x and d.
TEST_P(Compaction, ScatterAdjointIsTheAdjoint) {
    Results<double> results(case_);
    const RowMatrix<double> y = RowMatrix<double>::Random(kTime * kMasks, kUnits);
    scatter_places(results.scatter(), {0, kTime}, y.data(), kUnits);
    const Sequence<double> d_sequences = random_sequence<double>({kMasks, kTime, kUnits});
    const RowMatrix<double> d_last = RowMatrix<double>::Random(kMasks, kUnits);
    const RowMatrix<double> d_state = RowMatrix<double>::Random(kMasks, kUnits);
    RowMatrix<double> d_y = RowMatrix<double>::Zero(kTime * kMasks, kUnits);
    RowMatrix<double> d_initial = RowMatrix<double>::Zero(kMasks, kUnits);
    add_scatter_adjoint<double>(results.scatter(), {d_sequences, d_last, d_state}, kUnits, d_y.data(),
                                d_initial.data());
    for (Index b = 0; b < kMasks; ++b) {
        const double outputs = results.sequences.sequence(b).cwiseProduct(d_sequences.sequence(b)).sum() +
                               results.last.row(b).dot(d_last.row(b)) + results.state.row(b).dot(d_state.row(b));
        double inputs = results.initial.row(b).dot(d_initial.row(b));
        for (Index place = 0; place < kTime; ++place)
            inputs += y.row(place * kMasks + b).dot(d_y.row(place * kMasks + b));
        EXPECT_NEAR(outputs, inputs, 1e-12) << b;
    }
}

TEST_P(Compaction, GatherAdjointIsTheAdjoint) {
    const Sequence<double> inputs = random_sequence<double>({kMasks, kTime, kUnits});
    RowMatrix<double> gathered(kTime * kMasks, kUnits);
    gather_places<double>(inputs, case_.plan(), {0, kTime}, gathered.data());
    const RowMatrix<double> d = RowMatrix<double>::Random(kTime * kMasks, kUnits);
    // As a tape has it: a mask in processing order.
    std::vector<unsigned char> bytes = case_.bytes;
    for (Index b = 0; b < kMasks; ++b)
        if (case_.go_backwards) std::reverse(bytes.begin() + b * kTime, bytes.begin() + (b + 1) * kTime);
    const SequencePlan recorded({kMasks, kTime, kUnits}, false, MaskView(bytes, kMasks, kTime), {});
    Sequence<double> d_inputs({kMasks, kTime, kUnits});
    d_inputs.matrix().setConstant(7.0);
    gather_adjoint<double>(d.data(), recorded, case_.go_backwards, d_inputs.view());
    for (Index b = 0; b < kMasks; ++b) {
        double sum = 0;
        for (Index place = 0; place < kTime; ++place)
            sum += gathered.row(place * kMasks + b).dot(d.row(place * kMasks + b));
        EXPECT_NEAR(inputs.sequence(b).cwiseProduct(d_inputs.sequence(b)).sum(), sum, 1e-12) << b;
        for (Index t = 0; t < kTime; ++t)
            EXPECT_TRUE((b >> t & 1) != 0 || d_inputs.sequence(b).row(t).isZero(0)) << b << ' ' << t;
    }
}

TEST(CompactionOfPadding, NothingThatStandsThereIsRead) {
    Sequence<float> inputs({1, 3, 1});
    inputs(0, 0, 0) = 2.0F;
    inputs(0, 1, 0) = inputs(0, 2, 0) = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> out(3);
    gather_places<float>(inputs, {{1, 3, 1}, false, {}, IndexListView{1}}, {0, 3}, out.data());
    EXPECT_EQ(out, (std::vector<float>{2.0F, 0.0F, 0.0F}));
}

TEST(CompactionOfAnEmptyRow, StateIsZeroWithoutAnInitialOne) {
    const SequencePlan plan({1, 2, 1}, false, {}, IndexListView{0});
    RowMatrix<float> state(1, 2);
    const RowMatrix<float> y = RowMatrix<float>::Ones(2, 2);
    const OutputView<float> view{.state = state};
    scatter_places<float>({.plan = plan, .output = view}, {0, 2}, y.data(), 2);
    EXPECT_TRUE(state.isZero(0));
}

}  // namespace
}  // namespace eigengru_test::compaction_test
