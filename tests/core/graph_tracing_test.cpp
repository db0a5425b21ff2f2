// SPDX-License-Identifier: MIT
#include "eigengru/core/graph_tracing.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace {

using namespace eigengru;

TEST(ScopedGraphTracing, LastsAsLongAsTheOutermostScope) {
    EXPECT_FALSE(detail::is_tracing());
    {
        const ScopedGraphTracing outer;
        { const ScopedGraphTracing inner; }
        EXPECT_TRUE(detail::is_tracing());
    }
    EXPECT_FALSE(detail::is_tracing());
}

TEST(ScopedGraphTracing, IsOfItsThreadAlone) {
    const ScopedGraphTracing tracing;
    bool is_tracing_elsewhere = true;
    std::thread([&] { is_tracing_elsewhere = detail::is_tracing(); }).join();
    EXPECT_FALSE(is_tracing_elsewhere);
}

}  // namespace
