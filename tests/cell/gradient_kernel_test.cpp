// SPDX-License-Identifier: MIT
// The kernels of the backward pass of every instruction set against plain loops in double, in sizes that are no
// multiple of anything, and what they must leave alone. gradient_kernels.hpp makes them of gradient_kernel.hpp.
#include "eigengru/cell/gradient_kernels.hpp"

#include "support/kernel_steps.hpp"
#include "support/modes.hpp"
#include "support/plain_product.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;

/// Gradients of the gates of some rows in panels: random where a unit exists, else zero.
template <class S>
class RandomPanels {
public:
    RandomPanels(Index rows, Index units)
        : rows_(rows), units_(units), values_(static_cast<std::size_t>(GatePanels<S>::size(rows, units))) {
        for (Index block = 0; block < line_count<S>(units); ++block)
            for (Index row = 0; row < rows; ++row)
                for (Index line = 0; line < kLines; ++line) {
                    const Index count = std::min(kLineSize<S>, units - block * kLineSize<S>);
                    VectorMap<S>(panels().row(block, row) + line * kLineSize<S>, count).setRandom();
                }
    }

    [[nodiscard]] GatePanels<S> panels() { return {values_.data(), rows_, units_}; }

    /// The gradients of one gate, row by row.
    [[nodiscard]] RowMatrix<double> of_line(Index line) const {
        const GatePanels<const S> panels{values_.data(), rows_, units_};
        RowMatrix<double> gradients(rows_, units_);
        for (Index row = 0; row < rows_; ++row)
            for (Index unit = 0; unit < units_; ++unit)
                gradients(row, unit) = static_cast<double>(
                    panels.row(unit / kLineSize<S>, row)[line * kLineSize<S> + unit % kLineSize<S>]);
        return gradients;
    }

private:
    Index rows_, units_;
    AlignedVector<S> values_;
};

template <class M>
class GradientKernelsOf : public testing::Test {
protected:
    using S = typename M::Scalar;

    static const GradientKernels<S>& kernels(Kernels target) { return gradient_kernels<M::kResetAfter, S>(target); }

    /// The error that sums of so many products of numbers up to 1 may have.
    static double tolerance(Index terms) {
        return 4.0 * static_cast<double>(std::numeric_limits<S>::epsilon()) * static_cast<double>(terms + 1);
    }

    /// Which weights' columns (z r h: 0 1 2) neighbouring lines are the gradients of, as the layer multiplies them.
    template <std::size_t N>
    struct Lines {
        LineRange range;
        std::array<Index, N> gates;
    };
    static constexpr Lines<3> kOfW{{kLineZ, 3}, {0, 1, 2}}, kOfU{{kLineM, 3}, {2, 0, 1}};
    static constexpr Lines<2> kOfZr{{kLineZ, 2}, {0, 1}};
    static constexpr Lines<1> kOfC{{kLineC, 1}, {2}};

    /// out = or += lines of gate gradients times the transposed weight, rows `first` and on.
    template <std::size_t N>
    static void expect_product(const Lines<N>& lines, Index first, Index rows, Index units, Index cols, bool adds) {
        RandomPanels<S> gates(first + rows, units);
        const RowMatrix<S> weight = RowMatrix<S>::Random(cols, kGates * units);
        AlignedVector<S> panels(static_cast<std::size_t>(transposed_size<S>(cols, units, Index(N))));
        pack_transposed<S>(block(weight.data(), cols, kGates * units), lines.gates, panels.data());
        RowMatrix<double> expected = RowMatrix<double>::Constant(rows, cols, adds ? 1.0 : 0.0);
        for (std::size_t g = 0; g < N; ++g)
            expected +=
                plain_product(gates.of_line(lines.range.first + static_cast<Index>(g)).bottomRows(rows),
                              weight.middleCols(lines.gates[g] * units, units).transpose().template cast<double>());
        for (const Kernels target : packed_kernels()) {
            MarkedRows<S> out(rows, cols, 3);
            const S before = adds ? S(1) : std::numeric_limits<S>::quiet_NaN();
            for (Index row = 0; row < rows; ++row) VectorMap<S>(out.row(row), cols).setConstant(before);
            kernels(target).multiply_transposed({.gates = gates.panels().as_const(),
                                                 .first_row = first,
                                                 .rows = rows,
                                                 .lines = lines.range,
                                                 .panels = panels.data(),
                                                 .cols = cols,
                                                 .out = out.data(),
                                                 .out_stride = out.stride(),
                                                 .adds = adds,
                                                 .goes_back = rows % 2 != 0});
            EXPECT_TRUE(out.is_untouched_around()) << name_of(target);
            for (Index row = 0; row < rows; ++row)
                for (Index col = 0; col < cols; ++col)
                    ASSERT_NEAR(static_cast<double>(out.row(row)[col]), expected(row, col), tolerance(Index(N) * units))
                        << name_of(target) << ' ' << row << ' ' << col;
        }
    }

    /// gradients += matrix^T times lines of gate gradients; the last line times another matrix where it has one.
    static void expect_weight_gradient(const Lines<3>& lines, bool has_other, Index rows, Index units, Index cols) {
        RandomPanels<S> gates(rows, units);
        const std::array<RowMatrix<S>, 2> matrices{RowMatrix<S>::Random(rows, cols), RowMatrix<S>::Random(rows, cols)};
        std::array<AlignedVector<S>, 2> strips;
        for (std::size_t i = 0; i < 2; ++i) {
            strips[i].resize(static_cast<std::size_t>(strips_size(rows, cols)));
            pack_strips<S>(block(matrices[i].data(), rows, cols), strips[i].data());
        }
        const Index size = padded_rows(cols) * line_count<S>(units) * kGates * kLineSize<S>;
        RowMatrix<double> expected = RowMatrix<double>::Zero(cols, kGates * units);
        for (std::size_t g = 0; g < 3; ++g)
            expected.middleCols(lines.gates[g] * units, units) =
                plain_product(matrices[has_other && g == 2 ? 1 : 0].transpose().template cast<double>(),
                              gates.of_line(lines.range.first + static_cast<Index>(g)))
                    .array() +
                1.0;
        for (const Kernels target : packed_kernels()) {
            AlignedVector<S> packed(static_cast<std::size_t>(size), S(1));
            for (const Share half : {Share{0, 2}, Share{1, 2}})
                kernels(target).add_weight_gradient({strips[0].data(), has_other ? strips[1].data() : nullptr, rows,
                                                     cols, gates.panels().as_const(), lines.range.first, packed.data(),
                                                     half.of(strip_count(cols))});
            RowMatrix<S> received = RowMatrix<S>::Zero(cols, kGates * units);
            add_unpacked<S>(packed.data(), lines.gates, block(received.data(), cols, kGates * units));
            for (Index col = 0; col < cols; ++col)
                for (Index i = 0; i < kGates * units; ++i)
                    ASSERT_NEAR(static_cast<double>(received(col, i)), expected(col, i), tolerance(rows))
                        << name_of(target) << ' ' << col << ' ' << i;
        }
    }
};
TYPED_TEST_SUITE(GradientKernelsOf, Modes, );

TYPED_TEST(GradientKernelsOf, MultiplyByTransposedWeightsForEveryNumberOfRows) {
    for (Index rows = 0; rows <= 20; ++rows) TestFixture::expect_product(TestFixture::kOfU, 0, rows, 18, 21, true);
}

TYPED_TEST(GradientKernelsOf, MultiplyByTransposedWeightsForEveryNumberOfColumns) {
    for (Index cols = 1; cols <= 70; ++cols)
        TestFixture::expect_product(TestFixture::kOfW, 0, 1 + cols % 9, 1 + cols % 20, cols, cols % 2 == 0);
}

TYPED_TEST(GradientKernelsOf, MultiplyByWeightsThatExceedTheCache) {
    for (const Index rows : {8, 9})
        for (const bool adds : {false, true}) TestFixture::expect_product(TestFixture::kOfU, 0, rows, 250, 250, adds);
    TestFixture::expect_product(TestFixture::kOfC, 0, 3, 250, 60, false);
}

TYPED_TEST(GradientKernelsOf, MultiplyAnyNeighbouringLinesFromAnyRowOn) {
    for (const Index units : {1, 8, 33}) {
        TestFixture::expect_product(TestFixture::kOfZr, 5, 11, units, 9, true);
        TestFixture::expect_product(TestFixture::kOfC, 3, 4, units, 40, false);
        TestFixture::expect_product(TestFixture::kOfU, 7, 8, units, 16, false);
    }
}

TYPED_TEST(GradientKernelsOf, ARowOfAProductHasTheSameBitsInEveryBatch) {
    using Scalar = typename TypeParam::Scalar;
    const Index units = 99, cols = 37;
    RandomPanels<Scalar> gates(23, units);
    const RowMatrix<Scalar> weight = RowMatrix<Scalar>::Random(cols, kGates * units);
    AlignedVector<Scalar> panels(static_cast<std::size_t>(transposed_size<Scalar>(cols, units, 3)));
    pack_transposed<Scalar>(block(weight.data(), cols, kGates * units), TestFixture::kOfU.gates, panels.data());
    for (const Kernels target : packed_kernels()) {
        const auto product = [&](Index first, Index rows) {
            RowMatrix<Scalar> out(rows, cols);
            TestFixture::kernels(target).multiply_transposed({.gates = gates.panels().as_const(),
                                                              .first_row = first,
                                                              .rows = rows,
                                                              .lines = TestFixture::kOfU.range,
                                                              .panels = panels.data(),
                                                              .cols = cols,
                                                              .out = out.data(),
                                                              .out_stride = cols,
                                                              .adds = false});
            return out;
        };
        const RowMatrix<Scalar> all = product(0, 23);
        for (Index rows = 1; rows <= 12; ++rows) {
            const Index first = (23 - rows) / 2;
            EXPECT_EQ(product(first, rows), all.middleRows(first, rows)) << name_of(target) << ' ' << rows;
        }
    }
}

TYPED_TEST(GradientKernelsOf, AddGradientsOfWeights) {
    for (const Index rows : {1, 7, 100, 128})
        TestFixture::expect_weight_gradient(TestFixture::kOfW, false, rows, 18, 21);
    for (Index cols = 1; cols <= 18; ++cols)
        TestFixture::expect_weight_gradient(TestFixture::kOfU, false, 9, 1 + cols * 5 % 34, cols);
    for (const Index rows : {1, 10, 100})
        for (const Index units : {17, 33})
            TestFixture::expect_weight_gradient(TestFixture::kOfW, true, rows, units, 11);
}

/// A step back of some rows, of which the panels hold others before and after; what is not written keeps its mark.
template <class M>
class StepBack {
public:
    using S = typename M::Scalar;
    static constexpr Index kBefore = 2, kAfter = 1;

    StepBack(Index rows, Index units)
        : rows_(rows),
          units_(units),
          gates_(RowMatrix<S>::Constant(rows, kSlots * units + 3, S(0.5)) +
                 S(0.4) * RowMatrix<S>::Random(rows, kSlots * units + 3)),
          h_(RowMatrix<S>::Random(rows, units)),
          d_next_(RowMatrix<S>::Random(rows, units)),
          dm_(RowMatrix<S>::Random(rows, units)) {}

    void expect(const GradientKernels<S>& kernels) const {
        AlignedVector<S> memory(static_cast<std::size_t>(GatePanels<S>::size(kBefore + rows_ + kAfter, units_)), kMark);
        const GatePanels<S> d{memory.data(), kBefore + rows_ + kAfter, units_};
        MarkedRows<S> d_state(rows_, units_, 0);
        StepGradientCall<S> call{.rows = rows_,
                                 .gates = gates_.data(),
                                 .gate_stride = gates_.outerStride(),
                                 .d = d,
                                 .first_row = kBefore,
                                 .h = h_.data(),
                                 .d_next = d_next_.data(),
                                 .d_state = d_state.data()};
        kernels.start(call);
        if constexpr (!M::kResetAfter) {
            call.d_next = dm_.data();
            kernels.finish(call);
        }
        for (Index row = 0; row < rows_; ++row)
            for (Index unit = 0; unit < line_count<S>(units_) * kLineSize<S>; ++unit)
                expect_unit(d, row, unit, d_state.row(row));
        EXPECT_TRUE(d_state.is_untouched_around());
        for (Index block = 0; block < line_count<S>(units_); ++block)
            for (const Index row : {Index(0), kBefore - 1, kBefore + rows_})
                for (Index i = 0; i < GatePanels<S>::kRow; ++i) EXPECT_EQ(d.row(block, row)[i], kMark) << row;
    }

private:
    static constexpr S kMark = S(-12345);
    static constexpr double kTolerance = 8.0 * static_cast<double>(std::numeric_limits<S>::epsilon());

    [[nodiscard]] double gate(Index row, Index slot, Index unit) const {
        return static_cast<double>(gates_(row, slot * units_ + unit));
    }

    void expect_unit(const GatePanels<S>& d, Index row, Index unit, const S* d_state) const {
        std::array<double, kLines> expected{};  // what does not exist is zero
        if (unit < units_) {
            const double z = gate(row, kSlotZ, unit), r = gate(row, kSlotR, unit), c = gate(row, kSlotC, unit);
            const double h = static_cast<double>(h_(row, unit)), d_next = static_cast<double>(d_next_(row, unit));
            const double dc = d_next * (1 - z) * (1 - c * c);
            const double dm = M::kResetAfter ? dc * r : static_cast<double>(dm_(row, unit));
            const double dr = M::kResetAfter ? dc * gate(row, kSlotM, unit) : dm * h;
            expected = {M::kResetAfter ? dm : 0.0, d_next * (h - c) * z * (1 - z), dr * r * (1 - r), dc};
            EXPECT_NEAR(static_cast<double>(d_state[unit]), d_next * z + (M::kResetAfter ? 0.0 : dm * r), kTolerance);
        }
        const S* lines = d.row(unit / kLineSize<S>, kBefore + row) + unit % kLineSize<S>;
        for (Index line = 0; line < kLines; ++line)
            EXPECT_NEAR(static_cast<double>(lines[line * kLineSize<S>]), expected[static_cast<std::size_t>(line)],
                        kTolerance)
                << row << ' ' << unit << ' ' << line;
    }

    Index rows_, units_;
    RowMatrix<S> gates_, h_, d_next_, dm_;
};

TYPED_TEST(GradientKernelsOf, StepBack) {
    for (Index units = 1; units <= 35; ++units) {
        const StepBack<TypeParam> step(1 + units % 3, units);
        for (const Kernels target : packed_kernels()) {
            SCOPED_TRACE(testing::Message() << name_of(target) << ' ' << units);
            step.expect(TestFixture::kernels(target));
        }
    }
}

}  // namespace
}  // namespace eigengru_test
