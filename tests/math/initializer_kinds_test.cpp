// SPDX-License-Identifier: MIT
// Checks the names and parameter structs of the initializers.

#include "eigengru/math/initializer_kinds.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::string_view_literals;
using eigengru::InitializerKind;

TEST(InitializerKinds, CamelCaseAndSnakeCaseNamesMeanTheSame) {
    EXPECT_EQ(eigengru::detail::kind_by_name<InitializerKind>("GlorotUniform"sv), InitializerKind::glorot_uniform);
    EXPECT_EQ(eigengru::detail::kind_by_name<InitializerKind>("glorot_uniform"sv), InitializerKind::glorot_uniform);
}

TEST(InitializerKinds, DefaultsAreThoseOfKeras) {
    EXPECT_EQ(eigengru::NormalOptions{}.mean, 0.0);
    EXPECT_EQ(eigengru::NormalOptions{}.stddev, 0.05);
    EXPECT_EQ(eigengru::UniformOptions{}.minval, -0.05);
    EXPECT_EQ(eigengru::UniformOptions{}.maxval, 0.05);
    EXPECT_EQ(eigengru::VarianceScalingOptions{}.scale, 1.0);
    EXPECT_EQ(eigengru::OrthogonalOptions{}.gain, 1.0);
    EXPECT_FALSE(eigengru::SeedOptions{}.seed.has_value());
}

}  // namespace
