// SPDX-License-Identifier: MIT
#include "eigengru/cell/gates.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::gate_stride;
using eigengru::detail::Gates;
using eigengru::detail::StepFunction;

TEST(GatesOf, SlotsLieSideBySide) {
    std::vector<float> memory(static_cast<std::size_t>(2 * gate_stride(3)));
    const Gates<float> gates{memory.data(), 2, 3, gate_stride(3)};
    gates.matrix(eigengru::detail::kSlotM).setConstant(5.0f);
    EXPECT_EQ(gates.row(1)[2 * 3], 5.0f);
    EXPECT_EQ(gates.row(1)[3 * 3], 0.0f);
    EXPECT_EQ(gates.slot(2) + gates.stride, gates.row(1) + 2 * 3);
    EXPECT_EQ(std::count(memory.begin(), memory.end(), 5.0f), 2 * 3);
}

TEST(GatesOf, RowsNeverLieWholePagesApart) {
    for (const Index units : {1, 100, 128, 256, 1024}) {
        EXPECT_GE(gate_stride(units), 4 * units);
        EXPECT_NE(gate_stride(units) % 512, 0) << units;
    }
}

TEST(GateColumns, AreThoseOfOneGate) {
    GruParameters<float> parameters(2, 3, true);
    parameters.kernel().middleCols(3, 3).setConstant(1.0f);
    const GruParameters<float>& p = parameters;
    EXPECT_EQ(eigengru::detail::gate_columns<const float>(p.kernel(), 1).minCoeff(), 1.0f);
    EXPECT_EQ(eigengru::detail::gate_columns<const float>(p.kernel(), 0).maxCoeff(), 0.0f);
    EXPECT_EQ(eigengru::detail::gate_columns<const float>(p.kernel(), 1, 2).cols(), 6);
}

TEST(SetGatesToBiases, AddsTheRecurrentBiasesOfZAndR) {
    GruParameters<float> parameters(1, 1, true);
    parameters.bias() << 1, 2, 3, 10, 20, 30;
    const GruParameters<float>& p = parameters;
    const Activation tanh("tanh"), sigmoid("sigmoid");
    const StepFunction<float> f{p.kernel(), p.recurrent_kernel(), p.bias(), tanh, sigmoid};
    std::vector<float> memory(8);
    eigengru::detail::set_gates_to_biases<true>(f, Gates<float>{memory.data(), 2, 1, 4});
    EXPECT_EQ(memory, (std::vector<float>{11, 22, 30, 3, 11, 22, 30, 3}));
}

TEST(SetGatesToBiases, LeavesMEmptyWithoutResetAfter) {
    GruParameters<float, false> parameters(1, 1, true);
    parameters.bias() << 1, 2, 3;
    const GruParameters<float, false>& p = parameters;
    const Activation tanh("tanh"), sigmoid("sigmoid");
    const StepFunction<float> f{p.kernel(), p.recurrent_kernel(), p.bias(), tanh, sigmoid};
    std::vector<float> memory(4, 9.0f);
    eigengru::detail::set_gates_to_biases<false>(f, Gates<float>{memory.data(), 1, 1, 4});
    EXPECT_EQ(memory, (std::vector<float>{1, 2, 0, 3}));
}

}  // namespace
}  // namespace eigengru_test
