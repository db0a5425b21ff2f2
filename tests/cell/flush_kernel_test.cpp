// SPDX-License-Identifier: MIT
#include "eigengru/cell/flush.hpp"

#include "cell/flush_values.hpp"
#include "eigengru/core/kernels.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;

template <class S>
class FlushKernelOf : public FlushValues<S> {
protected:
    using Flush = void (*)(S*, S*, Index) noexcept;

    /// The kernels that this processor runs.
    static std::vector<Flush> kernels() {
        std::vector<Flush> list{&eigengru::detail::portable::flush_states<S>};
#if EIGENGRU_HAS_X86_TARGETS
        if (is_supported(Kernels::avx2)) list.push_back(&eigengru::detail::avx2::flush_states<S>);
        if (is_supported(Kernels::avx512)) list.push_back(&eigengru::detail::avx512::flush_states<S>);
#endif
        return list;
    }

    void expect_flushes(Flush flush) const {
        for (std::size_t count = 0; count <= this->values.size(); ++count) {
            std::vector<S> states = this->values, out = this->values;
            flush(states.data(), out.data(), Index(count));
            this->expect_flushed(states, count);
            this->expect_flushed(out, count);
            states = this->values;
            flush(states.data(), nullptr, Index(count));
            this->expect_flushed(states, count);
        }
    }
};
TYPED_TEST_SUITE(FlushKernelOf, Scalars, );

TYPED_TEST(FlushKernelOf, SmallStatesAreZerosAndNothingElseIsWritten) {
    for (const auto flush : this->kernels()) this->expect_flushes(flush);
}

TYPED_TEST(FlushKernelOf, GivesTheBitsOfOneValueAtATimeWhereverTheStatesBegin) {
    for (const auto flush : this->kernels())
        for (std::size_t first = 0; first < this->values.size(); ++first) {
            std::vector<TypeParam> states = this->values, expected = states;
            for (std::size_t i = first; i < states.size(); ++i) expected[i] = eigengru::detail::flushed(states[i]);
            flush(states.data() + first, nullptr, Index(states.size() - first));
            EXPECT_EQ(std::memcmp(states.data(), expected.data(), states.size() * sizeof(TypeParam)), 0) << first;
        }
}

}  // namespace
}  // namespace eigengru_test
