// SPDX-License-Identifier: MIT
#include "eigengru/cell/flush.hpp"

#include "eigengru/core/kernels.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class FlushOf : public testing::Test {
protected:
    using Limits = std::numeric_limits<S>;
    static constexpr S kLimit = detail::kSmallestState<S>;

    /// Small and other values, more than one vector of them.
    const std::vector<S> values{kLimit,
                                -kLimit,
                                kLimit / 2,
                                -kLimit / 2,
                                Limits::min(),
                                Limits::infinity(),
                                -Limits::infinity(),
                                S(1),
                                S(-1),
                                Limits::denorm_min(),
                                S(0),
                                S(-0.0),
                                2 * kLimit,
                                Limits::quiet_NaN(),
                                -Limits::min(),
                                S(0.5),
                                kLimit / 4,
                                S(-3),
                                -2 * kLimit};

    void expect_flushed(const std::vector<S>& result, std::size_t count) const {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool is_small = std::abs(values[i]) < kLimit && i < count;
            const S expected = is_small ? S(0) : values[i];
            EXPECT_TRUE(result[i] == expected || (std::isnan(result[i]) && std::isnan(expected))) << i << result[i];
        }
    }

    void expect_flushes(void (*flush)(S*, S*, Index) noexcept) const {
        for (std::size_t count = 0; count <= values.size(); ++count) {
            std::vector<S> states = values, out = values;
            flush(states.data(), out.data(), Index(count));
            expect_flushed(states, count);
            expect_flushed(out, count);
            states = values;
            flush(states.data(), nullptr, Index(count));
            expect_flushed(states, count);
        }
    }
};
TYPED_TEST_SUITE(FlushOf, Scalars, );

TYPED_TEST(FlushOf, OneValueIsZeroWhereItIsSmall) {
    std::vector<TypeParam> result;
    for (const TypeParam x : this->values) result.push_back(detail::flushed(x));
    this->expect_flushed(result, result.size());
}

TYPED_TEST(FlushOf, SmallStatesAreZerosAndNothingElseIsWritten) {
    this->expect_flushes(&detail::portable::flush_states<TypeParam>);
#if EIGENGRU_HAS_X86_TARGETS
    if (is_supported(Kernels::avx2)) this->expect_flushes(&detail::avx2::flush_states<TypeParam>);
    if (is_supported(Kernels::avx512)) this->expect_flushes(&detail::avx512::flush_states<TypeParam>);
#endif
}

}  // namespace
}  // namespace eigengru_test
