// SPDX-License-Identifier: MIT
#include "eigengru/sequence/backward_call.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace eigengru_test {
namespace {

using namespace eigengru;

TEST(BackwardCall, ReadsARecordInTheOrderOfItsSteps) {
    Tape<double> tape;
    tape.start({.features = 3, .units = 4, .go_backwards = true}, {2, 5, 3}, 5, false);
    std::iota(tape.inputs(), tape.inputs() + 2 * 5 * 3, 0.0);
    tape.record_mask(true, [](Index b, Index step) { return b == 0 || step > 2; });
    tape.finish();
    const SequenceView<const double> inputs = eigengru::detail::inputs_of(tape);
    const SequencePlan plan = eigengru::detail::plan_of(tape);
    EXPECT_FALSE(plan.go_backwards());
    for (Index step = 0; step < 5; ++step)
        for (Index b = 0; b < 2; ++b) {
            EXPECT_EQ(inputs.row(b, step)[0], static_cast<double>((step * 2 + b) * 3));
            EXPECT_EQ(plan.is_used(b, step), b == 0 || step > 2);
        }
}

}  // namespace
}  // namespace eigengru_test
