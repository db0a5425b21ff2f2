// SPDX-License-Identifier: MIT
// The choice among the kernels of the activations. What they compute: activation_kernel_test.cpp.
#include "eigengru/math/activation_kernels.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <set>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::activation_kernel;

template <class S>
class ActivationKernelChoice : public testing::Test {};
TYPED_TEST_SUITE(ActivationKernelChoice, Scalars, );

TYPED_TEST(ActivationKernelChoice, AreOthersForEachInstructionSet) {
    std::set<eigengru::detail::ActivationKernel<TypeParam>> kernels;
    for (const Kernels target : {Kernels::eigen, Kernels::portable, Kernels::avx2, Kernels::avx512})
        kernels.insert(activation_kernel<TypeParam>(target));
    EXPECT_EQ(kernels.size(), EIGENGRU_HAS_X86_TARGETS ? 3U : 1U);
    EXPECT_EQ(activation_kernel<TypeParam>(Kernels::eigen), activation_kernel<TypeParam>(Kernels::portable));
}

}  // namespace
}  // namespace eigengru_test
