// SPDX-License-Identifier: MIT
#include "eigengru/cell/gate_panels.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace {

using namespace eigengru;
using namespace eigengru::detail;

template <class S>
class GatePanelsOf : public testing::Test {};
TYPED_TEST_SUITE(GatePanelsOf, eigengru_test::Scalars, );

TEST(PanelLines, EndInTwoAndTwoInPlaceOfThreeAndOne) {
    const auto lines_of = [](Index lines) {
        std::vector<Index> result;
        for (Index p = 0; p < (lines + 2) / 3; ++p) result.push_back(panel_lines<float>(p, lines * 16));
        return result;
    };
    EXPECT_EQ(lines_of(1), (std::vector<Index>{1}));
    EXPECT_EQ(lines_of(2), (std::vector<Index>{2}));
    EXPECT_EQ(lines_of(3), (std::vector<Index>{3}));
    EXPECT_EQ(lines_of(4), (std::vector<Index>{2, 2}));
    EXPECT_EQ(lines_of(5), (std::vector<Index>{3, 2}));
    EXPECT_EQ(lines_of(7), (std::vector<Index>{3, 2, 2}));
    EXPECT_EQ(first_line<float>(1, 4 * 16), 2);
    EXPECT_EQ(first_line<float>(2, 7 * 16), 5);
}

TYPED_TEST(GatePanelsOf, StripsHoldEveryColumnAndZerosBehindTheLast) {
    for (const Index rows : {5, 8, 19}) {
        const RowMatrix<TypeParam> matrix = RowMatrix<TypeParam>::Random(rows, 14);  // three columns are others'
        std::vector<TypeParam> strips(static_cast<std::size_t>(strips_size(rows, 11)), TypeParam(7));
        pack_strips<TypeParam>(MatrixMap<const TypeParam>(matrix.data(), rows, 11, Eigen::OuterStride<>(14)),
                               strips.data());
        for (Index r = 0; r < rows; ++r)
            for (Index c = 0; c < 16; ++c)
                EXPECT_EQ(strips[static_cast<std::size_t>((c / kStrip * rows + r) * kStrip + c % kStrip)],
                          c < 11 ? matrix(r, c) : TypeParam(0));
    }
}

TYPED_TEST(GatePanelsOf, TransposedWeightsStandLineByLine) {
    constexpr Index kLine = kLineSize<TypeParam>;
    const Index cols = 3, units = kLine + 2;  // one panel of one line of columns, two blocks of units
    const RowMatrix<TypeParam> weight = RowMatrix<TypeParam>::Random(cols, kGates * units);
    std::vector<TypeParam> panels(static_cast<std::size_t>(transposed_size<TypeParam>(cols, units, 2)), TypeParam(7));
    const std::array<Index, 2> gates{2, 0};
    pack_transposed<TypeParam>(
        MatrixMap<const TypeParam>(weight.data(), cols, kGates * units, Eigen::OuterStride<>(kGates * units)), gates,
        panels.data());
    for (Index block = 0; block < 2; ++block)
        for (Index g = 0; g < 2; ++g)
            for (Index k = 0; k < kLine; ++k)
                for (Index col = 0; col < kLine; ++col) {
                    const Index unit = block * kLine + k;
                    const bool exists = unit < units && col < cols;
                    const Index gate = gates[static_cast<std::size_t>(g)];
                    EXPECT_EQ(panels[static_cast<std::size_t>(((block * 2 + g) * kLine + k) * kLine + col)],
                              exists ? weight(col, gate * units + unit) : TypeParam(0));
                }
}

TYPED_TEST(GatePanelsOf, UnpackedGradientsAreAdded) {
    constexpr Index kLine = kLineSize<TypeParam>;
    const Index rows = 9, units = kLine + 3;
    const Index size = padded_rows(rows) * line_count<TypeParam>(units) * kGates * kLine;
    std::vector<TypeParam> packed(static_cast<std::size_t>(size));
    std::iota(packed.begin(), packed.end(), TypeParam(0));
    const std::array<Index, 3> gates{2, 0, 1};
    RowMatrix<TypeParam> weight = RowMatrix<TypeParam>::Constant(rows, kGates * units, TypeParam(1));
    add_unpacked<TypeParam>(packed.data(), gates,
                            {weight.data(), rows, kGates * units, Eigen::OuterStride<>(kGates * units)});
    for (Index r = 0; r < rows; ++r)
        for (Index c = 0; c < kGates * units; ++c) {
            const Index unit = c % units, line = std::find(gates.begin(), gates.end(), c / units) - gates.begin();
            const Index at = ((unit / kLine * padded_rows(rows) + r) * kGates + line) * kLine + unit % kLine;
            EXPECT_EQ(weight(r, c), TypeParam(1) + static_cast<TypeParam>(at));
        }
}

}  // namespace
