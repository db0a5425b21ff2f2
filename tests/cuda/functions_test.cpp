// SPDX-License-Identifier: MIT
#include "eigengru/cuda/functions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>

namespace eigengru_test::functions_test {
namespace {

using namespace eigengru::detail;

TEST(CudaFunctionTable, OfTheProgramHasEveryFunctionOfTheLibraries) {
    EXPECT_EQ(&cuda_functions(), &kLinkedCudaFunctions);
    const auto all = std::bit_cast<std::array<void*, sizeof(CudaFunctions) / sizeof(void*)>>(kLinkedCudaFunctions);
    // The last two are the launchers, which this program is linked without.
    EXPECT_EQ(std::ranges::find(all, nullptr) - all.begin(), std::ptrdiff_t(all.size()) - 2);
    EXPECT_EQ(kLinkedCudaFunctions.gather_rows, nullptr);
    EXPECT_EQ(kLinkedCudaFunctions.scatter_rows, nullptr);
    EXPECT_EQ(kLinkedCudaFunctions.cudnnGetVersion(), ::cudnnGetVersion());
}

TEST(CudaFunctionTable, AnotherIsInForceForItsScopeAlone) {
    const CudaFunctions first{}, second{};
    {
        const ScopedCudaFunctions outer(first);
        EXPECT_EQ(&cuda_functions(), &first);
        {
            const ScopedCudaFunctions inner(second);
            EXPECT_EQ(&cuda_functions(), &second);
        }
        EXPECT_EQ(&cuda_functions(), &first);
    }
    EXPECT_EQ(&cuda_functions(), &kLinkedCudaFunctions);
}

}  // namespace
}  // namespace eigengru_test::functions_test
