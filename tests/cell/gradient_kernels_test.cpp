// SPDX-License-Identifier: MIT
// The choice among the kernels of the backward pass. What they compute: gradient_kernel_test.cpp.
#include "eigengru/cell/gradient_kernels.hpp"

#include "support/kernel_steps.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class M>
class GradientKernelChoice : public testing::Test {
protected:
    static const auto& kernels(Kernels target) {
        return eigengru::detail::gradient_kernels<M::kResetAfter, typename M::Scalar>(target);
    }
};
TYPED_TEST_SUITE(GradientKernelChoice, Modes, );

TYPED_TEST(GradientKernelChoice, AreOthersForEachInstructionSetAndNullWhereNothingIsToDo) {
    for (const Kernels target : packed_kernels()) {
        const auto& kernels = TestFixture::kernels(target);
        EXPECT_EQ(kernels.finish == nullptr, TypeParam::kResetAfter);
        if (target != Kernels::portable) {
            EXPECT_NE(kernels.start, TestFixture::kernels(Kernels::portable).start);
        }
    }
}

}  // namespace
}  // namespace eigengru_test
