// SPDX-License-Identifier: MIT
// The choice among the kernels. What they compute: gates_kernel_test.cpp.
#include "eigengru/cell/gate_kernels.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <set>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::step_kernel;
using eigengru::detail::TileGates;

template <class S>
class StepKernelOf : public testing::Test {};
TYPED_TEST_SUITE(StepKernelOf, Scalars, );

TYPED_TEST(StepKernelOf, IsAnotherOneForEachInstructionSetAndPartOfTheGates) {
    std::set<eigengru::detail::StepKernel<TypeParam>> kernels;
    for (const Kernels target : {Kernels::portable, Kernels::avx2, Kernels::avx512}) {
        kernels.insert(step_kernel<TileGates::all, TypeParam>(target));
        kernels.insert(step_kernel<TileGates::zr, TypeParam>(target));
        kernels.insert(step_kernel<TileGates::c, TypeParam>(target));
    }
    EXPECT_FALSE(kernels.contains(nullptr));
    EXPECT_EQ(kernels.size(), EIGENGRU_HAS_X86_TARGETS ? 9U : 3U);
}

TYPED_TEST(StepKernelOf, IsTheOneOfItsInstructionSet) {
    EXPECT_EQ((step_kernel<TileGates::all, TypeParam>(Kernels::portable)),
              (&eigengru::detail::portable::run_step<TypeParam, TileGates::all>));
#if EIGENGRU_HAS_X86_TARGETS
    EXPECT_EQ((step_kernel<TileGates::all, TypeParam>(Kernels::avx2)),
              (&eigengru::detail::avx2::run_step<TypeParam, TileGates::all>));
    EXPECT_EQ((step_kernel<TileGates::all, TypeParam>(Kernels::avx512)),
              (&eigengru::detail::avx512::run_step<TypeParam, TileGates::all>));
#endif
}

}  // namespace
}  // namespace eigengru_test
