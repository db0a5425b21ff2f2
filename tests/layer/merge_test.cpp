// SPDX-License-Identifier: MIT
#include "eigengru/layer/merge.hpp"

#include <gtest/gtest.h>

namespace {

using namespace eigengru;
using eigengru::detail::map_of;

// Merged numbers and gradients are compared with Keras's in layers_golden_test.cpp.

RowMatrix<double> merged(Merge how, const RowMatrix<double>& f, const RowMatrix<double>& b) {
    RowMatrix<double> y =
        RowMatrix<double>::Constant(f.rows(), how == Merge::concat ? f.cols() + b.cols() : f.cols(), 9);
    eigengru::detail::merge<double>(how, map_of(f), map_of(b), MatrixView<double>(y).map());
    return y;
}

TEST(MergeOf, EachWayIsWhatItsNameSays) {
    const RowMatrix<double> f{{1, 2}}, b{{3, 5}};
    EXPECT_EQ(merged(Merge::concat, f, b), (RowMatrix<double>{{1, 2, 3, 5}}));
    EXPECT_EQ(merged(Merge::sum, f, b), (RowMatrix<double>{{4, 7}}));
    EXPECT_EQ(merged(Merge::mul, f, b), (RowMatrix<double>{{3, 10}}));
    EXPECT_EQ(merged(Merge::ave, f, b), (RowMatrix<double>{{2, 3.5}}));
    EXPECT_EQ(merged(Merge::none, f, b), (RowMatrix<double>{{9, 9}}));
}

TEST(MergeOf, ConcatTakesDifferentWidths) {
    EXPECT_EQ(merged(Merge::concat, RowMatrix<double>{{1}}, RowMatrix<double>{{3, 5}}), (RowMatrix<double>{{1, 3, 5}}));
}

TEST(ReverseTime, TurnsEachSequenceAround) {
    for (const Index time : {1, 2, 3}) {
        Sequence<float> values({2, time, 1});
        for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(i);
        eigengru::detail::reverse_time(values);
        for (Index t = 0; t < time; ++t) EXPECT_EQ(values(1, t, 0), static_cast<float>(2 * time - 1 - t));
    }
}

}  // namespace
