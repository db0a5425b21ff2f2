// SPDX-License-Identifier: MIT
// What the tests of plans, their trials and their cache share: a context on the fake.
#pragma once

#include "eigengru/cuda/context.hpp"

#include "support/cuda_fake.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace eigengru_test {

inline constexpr eigengru::detail::PlanKey kPlanKey{.batch = 2, .time = 3, .features = 4, .units = 5};

/// The key with the algorithm left to be chosen.
[[nodiscard]] inline eigengru::detail::PlanKey automatic_key() {
    eigengru::detail::PlanKey key = kPlanKey;
    key.algorithm = eigengru::CudnnAlgorithm::automatic;
    return key;
}

/// A context on a fake that must find nothing wrong, and nothing left behind.
class Plan : public testing::Test {
protected:
    void TearDown() override {
        context.reset();
        EXPECT_TRUE(fake.violations().empty()) << fake.violations().front();
        EXPECT_EQ(fake.alive(), "");
    }

    CudaFake fake;
    std::unique_ptr<eigengru::detail::CudnnContext> context =
        std::make_unique<eigengru::detail::CudnnContext>(eigengru::detail::cuda_functions());
};

}  // namespace eigengru_test
