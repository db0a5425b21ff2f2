// SPDX-License-Identifier: MIT
#include "eigengru/cell/flush.hpp"

#include "cell/flush_values.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class FlushOf : public FlushValues<S> {};
TYPED_TEST_SUITE(FlushOf, Scalars, );

TYPED_TEST(FlushOf, OneValueIsZeroWhereItIsSmall) {
    std::vector<TypeParam> result;
    for (const TypeParam x : this->values) result.push_back(detail::flushed(x));
    this->expect_flushed(result, result.size());
}

}  // namespace
}  // namespace eigengru_test
