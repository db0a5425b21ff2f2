// SPDX-License-Identifier: MIT
// The cuDNN path on the fake GPU against every call recorded from Keras that passes the eight rules; then the same for
// the masks beyond Keras.
#include "cuda/golden_driver.hpp"
#include "support/cuda_fake.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

/// Runs all cases that pass on a fake of its own each and prints what was found.
template <class S>
Found run_cases(FakeStreams streams, bool any_mask) {
    Found found;
    for (const GoldenCase& golden : gru_cases()) {
        CudaFake fake({.streams = streams});
        if (!run_case<S>(golden, any_mask, true, found)) continue;
        for (const std::string& violation : fake.violations()) ADD_FAILURE() << golden.name << ": " << violation;
        EXPECT_EQ(fake.alive(), "") << golden.name;
        EXPECT_EQ(fake.last_error(), cudaSuccess) << golden.name;
    }
    print<S>(found, any_mask);
    return found;
}

template <class S>
class CudnnGolden : public testing::Test {};

TYPED_TEST_SUITE(CudnnGolden, Scalars, );

TYPED_TEST(CudnnGolden, AgreesWithKerasOnEveryCaseThatPassesTheRules) {
    for (const FakeStreams streams : {FakeStreams::latest, FakeStreams::at_once}) {
        const Found found = run_cases<TypeParam>(streams, false);
        EXPECT_GE(found.cases, 49);
        EXPECT_GE(found.on_device, 37);
        EXPECT_GE(found.gradients, 42);
    }
}

TYPED_TEST(CudnnGolden, AgreesWithKerasForAnyMaskToo) {
    const Found found = run_cases<TypeParam>(FakeStreams::latest, true);
    EXPECT_GE(found.cases, 93);
    EXPECT_GE(found.on_device, 93);
    EXPECT_GE(found.gradients, 83);
}

}  // namespace
}  // namespace eigengru_test
