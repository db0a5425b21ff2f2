// SPDX-License-Identifier: MIT
#include "eigengru/cell/packed_step.hpp"

#include "eigengru/cell/gru_cell.hpp"
#include "support/kernel_list.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// A step of 3 rows by the kernels and by the cell; the gates and their activated values in one memory or in two.
template <class M>
void expect_step_of_cell(const GruOptions& options, Kernels kernels, bool has_values) {
    using S = typename M::Scalar;
    const GruCell<S, M::kResetAfter> cell(2, options);
    const Index units = cell.units();
    const RowMatrix<S> x = RowMatrix<S>::Random(3, 2), h = RowMatrix<S>::Random(3, units);
    RowMatrix<S> expected(3, units), next(3, units), gates(3, 4 * units), values(3, 4 * units);
    std::vector<S> scratch(cell.scratch_size(3));
    cell.step(x, h, expected, scratch);

    const detail::StepFunction<S> f = cell.function();
    detail::PackedWeights<S> packed;
    packed.template pack<M::kResetAfter>(f, detail::kernel_lanes<S>(kernels));
    detail::StepCall<S> step;
    step.rows = 3;
    step.units = units;
    step.finish = f.is_default_pair() ? detail::Finish::state : detail::Finish::sums;
    step.input = {x.data(), 2, 2, packed.kernel()};
    step.recurrent = {nullptr, 0, units, packed.recurrent_kernel()};
    step.bias = packed.bias();
    step.h = h.data();
    step.next = next.data();
    step.gates = gates.data();
    step.gate_stride = 4 * units;
    const detail::Gates<S> to{gates.data(), 3, units, 4 * units};
    const detail::Gates<S> activated{has_values ? values.data() : gates.data(), 3, units, 4 * units};
    detail::packed_step<M::kResetAfter, S>(f, kernels, step, to, activated);
    EXPECT_LE((next - expected).cwiseAbs().maxCoeff(), S(2e-6)) << name_of(kernels) << options.to_string();
}

template <class M>
class PackedStepOf : public testing::Test {};
TYPED_TEST_SUITE(PackedStepOf, Modes, );

TYPED_TEST(PackedStepOf, IsTheStepOfTheCell) {
    for (const Kernels kernels : supported_kernels()) {
        if (kernels < Kernels::portable) continue;
        expect_step_of_cell<TypeParam>({.units = 19}, kernels, false);
        for (const bool has_values : {false, true})
            expect_step_of_cell<TypeParam>({.units = 19, .activation = "relu", .recurrent_activation = "hard_sigmoid"},
                                           kernels, has_values);
    }
}

}  // namespace
}  // namespace eigengru_test
