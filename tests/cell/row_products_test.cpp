// SPDX-License-Identifier: MIT
#include "eigengru/cell/row_products.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::Gates;
using eigengru::detail::StepFunction;

template <class S, bool ResetAfter>
struct Row {
    Row(Index features, Index units)
        : parameters(features, units, true), x(RowMatrix<S>::Random(1, features)), h(RowMatrix<S>::Random(1, units)) {
        parameters.flat().setRandom();
    }

    [[nodiscard]] StepFunction<S> function() const {
        const GruParameters<S, ResetAfter>& p = parameters;
        return {p.kernel(), p.recurrent_kernel(), p.bias(), tanh, sigmoid};
    }

    /// The gates by the products of any batch.
    [[nodiscard]] std::vector<S> by_products() const {
        std::vector<S> memory(static_cast<std::size_t>(4 * h.cols()));
        const Gates<S> gates{memory.data(), 1, h.cols(), 4 * h.cols()};
        const StepFunction<S> f = function();
        eigengru::detail::set_gates_to_biases<ResetAfter>(f, gates);
        eigengru::detail::add_input_products(f, eigengru::detail::block(x.data(), 1, x.cols()), gates);
        eigengru::detail::add_recurrent_products<S>(f, ResetAfter ? 3 : 2, h.data(), {}, gates);
        return memory;
    }

    GruParameters<S, ResetAfter> parameters;
    RowMatrix<S> x, h;
    Activation tanh = "tanh", sigmoid = "sigmoid";
};

template <class M>
class RowProductsOf : public testing::Test {};
TYPED_TEST_SUITE(RowProductsOf, Modes, );

TYPED_TEST(RowProductsOf, AreThoseOfAnyBatchToTheBit) {
    using S = typename TypeParam::Scalar;
    int short_rows = 0;
    for (const Index units : {1, 2, 3, 4, 8, 16, 32, 64})
        for (const Index features : {1, 5, 16, 40, 64, 65}) {
            const Row<S, TypeParam::kResetAfter> row(features, units);
            std::vector<S> memory(static_cast<std::size_t>(4 * units));
            const StepFunction<S> f = row.function();
            eigengru::detail::set_gates_to_biases<TypeParam::kResetAfter>(f,
                                                                          Gates<S>{memory.data(), 1, units, 4 * units});
            const std::vector<S> biases = memory;
            const bool is_short = eigengru::detail::add_row_products<TypeParam::kResetAfter>(
                f, row.x.data(), row.h.data(), memory.data());
            EXPECT_EQ(memory, is_short ? row.by_products() : biases) << features << ' ' << units;
            EXPECT_FALSE(is_short && features > 64);
            short_rows += is_short ? 1 : 0;
        }
    EXPECT_GE(short_rows, 10);
}

}  // namespace
}  // namespace eigengru_test
