// SPDX-License-Identifier: MIT
// The products of a backward pass against the sums that they stand for, element by element.
#include "eigengru/cell/gradient_products.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::gate_stride;
using eigengru::detail::Gates;
using eigengru::detail::GradientRows;
using eigengru::detail::kInputSlots;
using eigengru::detail::kSlotM;

/// The gradients of the gates of some steps of a batch, and what else went into those steps.
template <class S, bool ResetAfter>
class Products {
public:
    Products(Index batch, Index steps, Index features, Index units)
        : batch_(batch),
          units_(units),
          d_(RowMatrix<S>::Random(batch * steps, gate_stride(units))),
          gates_(RowMatrix<S>::Random(batch * steps, 4 * units)),
          inputs_(RowMatrix<S>::Random(batch * steps, features)),
          states_(RowMatrix<S>::Random(batch * steps, units)),
          scratch_(static_cast<std::size_t>(batch * steps * std::max(features, units))) {}

    void drop(std::size_t input_masks, std::size_t state_masks) {
        dropout_.input.assign(input_masks, RowMatrix<S>());
        dropout_.state.assign(state_masks, RowMatrix<S>());
        for (RowMatrix<S>& mask : dropout_.input) mask.setRandom(batch_, inputs_.cols());
        for (RowMatrix<S>& mask : dropout_.state) mask.setRandom(batch_, units_);
    }

    [[nodiscard]] GruWeights<S> parameters(Index bias_rows, S start = S(0)) {
        GruWeights<S> result(inputs_.cols(), units_, bias_rows);
        result.flat().setConstant(start);
        eigengru::detail::add_parameter_gradients<ResetAfter, S>(rows(), result);
        return result;
    }

    [[nodiscard]] RowMatrix<S> input_gradient(const RowMatrix<S>& kernel) {
        const RowMatrix<S> kernel_t = kernel.transpose();
        RowMatrix<S> result = RowMatrix<S>::Constant(inputs_.rows(), inputs_.cols(), S(99));
        eigengru::detail::input_gradient<S>(
            rows(), {kernel_t.data(), kernel_t.rows(), kernel_t.cols(), Eigen::OuterStride<>(kernel_t.cols())},
            result.data());
        return result;
    }

    /// The same by sums over the rows.
    [[nodiscard]] GruWeights<S> expected(Index bias_rows) const {
        GruWeights<S> result(inputs_.cols(), units_, bias_rows);
        for (Index i = 0; i < d_.rows(); ++i)
            for (Index g = 0; g < kGates; ++g)
                for (Index u = 0; u < units_; ++u) add_expected(result, i, g, u);
        return result;
    }

    [[nodiscard]] RowMatrix<S> expected_input_gradient(const RowMatrix<S>& kernel) const {
        RowMatrix<S> result = RowMatrix<S>::Zero(inputs_.rows(), inputs_.cols());
        for (Index i = 0; i < d_.rows(); ++i)
            for (Index f = 0; f < inputs_.cols(); ++f)
                for (Index g = 0; g < kGates; ++g)
                    for (Index u = 0; u < units_; ++u)
                        result(i, f) += input_d(i, g, u) * kernel(f, g * units_ + u) * input_mask(g, i, f);
        return result;
    }

private:
    GradientRows<S> rows() {
        const auto d = Gates<const S>{d_.data(), d_.rows(), units_, d_.cols()};
        const bool is_dropping = !dropout_.input.empty() || !dropout_.state.empty();
        return {.d = d,
                .gates = {gates_.data(), gates_.rows(), units_, gates_.cols()},
                .inputs = {inputs_.data(), inputs_.rows(), inputs_.cols(), Eigen::OuterStride<>(inputs_.cols())},
                .states = states_.data(),
                .dropout = is_dropping ? &dropout_ : nullptr,
                .scratch = scratch_.data()};
    }

    [[nodiscard]] S input_d(Index i, Index g, Index u) const {
        return d_(i, kInputSlots[static_cast<std::size_t>(g)] * units_ + u);
    }
    [[nodiscard]] S input_mask(Index g, Index i, Index f) const {
        if (dropout_.input.empty()) return S(1);
        return dropout_.input[dropout_.input.size() == 1 ? 0 : static_cast<std::size_t>(g)](i % batch_, f);
    }
    [[nodiscard]] S state_mask(Index g, Index i, Index u) const {
        return dropout_.state.empty() ? S(1) : dropout_.state[static_cast<std::size_t>(g)](i % batch_, u);
    }

    void add_expected(GruWeights<S>& to, Index i, Index g, Index u) const {
        const Index col = g * units_ + u;
        const S d = input_d(i, g, u);
        const S recurrent_d = ResetAfter ? d_(i, col) : d;  // dm in the place of dc
        for (Index f = 0; f < inputs_.cols(); ++f) to.kernel()(f, col) += inputs_(i, f) * input_mask(g, i, f) * d;
        for (Index v = 0; v < units_; ++v) {
            const bool is_reset = !ResetAfter && g == 2;
            const S h = is_reset ? gates_(i, kSlotM * units_ + v) : states_(i, v) * state_mask(g, i, v);
            to.recurrent_kernel()(v, col) += h * recurrent_d;
        }
        if (to.bias_rows() > 0) to.bias()(0, col) += d;
        if (to.bias_rows() > 1) to.bias()(1, col) += recurrent_d;
    }

    Index batch_, units_;
    RowMatrix<S> d_, gates_, inputs_, states_;
    std::vector<S> scratch_;
    DropoutMasks<S> dropout_;
};

template <class M>
class GradientProducts : public testing::Test {
protected:
    using Scalar = typename M::Scalar;
    static constexpr Index kBiasRows = M::kResetAfter ? 2 : 1;

    static void expect_sums(Products<Scalar, M::kResetAfter>& products, Index features, Index units, Index bias_rows) {
        const GruWeights<Scalar> expected = products.expected(bias_rows);
        const RowMatrix<Scalar> kernel = RowMatrix<Scalar>::Random(features, 3 * units);
        const RowMatrix<Scalar> expected_inputs = products.expected_input_gradient(kernel);
        const Scalar tolerance = 100 * std::numeric_limits<Scalar>::epsilon();
        const Scalar scale = std::max(Scalar(1), expected.flat().cwiseAbs().maxCoeff());
        EXPECT_LE((products.parameters(bias_rows).flat() - expected.flat()).cwiseAbs().maxCoeff(), tolerance * scale);
        EXPECT_LE((products.input_gradient(kernel) - expected_inputs).cwiseAbs().maxCoeff(), tolerance * 10);
    }
};
TYPED_TEST_SUITE(GradientProducts, Modes, );

template <class M>
using ProductsOf = Products<typename M::Scalar, M::kResetAfter>;

TYPED_TEST(GradientProducts, AreTheSumsInEverySize) {
    for (const Index batch : {1, 2, 5})
        for (const Index units : {1, 3, 8, 17})
            for (const Index features : {1, 4, 9}) {
                SCOPED_TRACE(eigengru::detail::text(batch, ' ', units, ' ', features));
                ProductsOf<TypeParam> products(batch, 3, features, units);
                this->expect_sums(products, features, units, this->kBiasRows);
            }
}

TYPED_TEST(GradientProducts, AreTheSumsWhereRowsAreSpacedOut) {
    ProductsOf<TypeParam> products(2, 2, 3, 128);
    this->expect_sums(products, 3, 128, this->kBiasRows);
}

TYPED_TEST(GradientProducts, AreTheSumsWithoutBias) {
    ProductsOf<TypeParam> products(2, 3, 4, 5);
    this->expect_sums(products, 4, 5, 0);
}

TYPED_TEST(GradientProducts, AreTheSumsWithDropout) {
    for (const std::size_t input_masks : {0U, 1U, 3U})
        for (const std::size_t state_masks : {0U, 3U})
            for (const auto& [features, units] : {std::pair<Index, Index>{2, 7}, {7, 2}}) {
                SCOPED_TRACE(eigengru::detail::text(input_masks, ' ', state_masks, ' ', features));
                ProductsOf<TypeParam> products(3, 4, features, units);
                products.drop(input_masks, state_masks);
                this->expect_sums(products, features, units, this->kBiasRows);
            }
}

TYPED_TEST(GradientProducts, AddToWhatIsThere) {
    using S = typename TypeParam::Scalar;
    ProductsOf<TypeParam> products(3, 2, 4, 5);
    const GruWeights<S> from_zero = products.parameters(this->kBiasRows);
    const GruWeights<S> from_two = products.parameters(this->kBiasRows, S(2));
    const S tolerance = 100 * std::numeric_limits<S>::epsilon();
    EXPECT_LE(((from_two.flat() - from_zero.flat()).array() - S(2)).abs().maxCoeff(), tolerance);
}

TYPED_TEST(GradientProducts, AreTheSameBitsAgain) {
    ProductsOf<TypeParam> products(5, 7, 9, 17);
    products.drop(3, 3);
    EXPECT_EQ(products.parameters(this->kBiasRows).flat(), products.parameters(this->kBiasRows).flat());
}

TEST(MultiplyRows, RepeatsTheMaskForEachStep) {
    const RowMatrix<float> from = RowMatrix<float>::Ones(4, 2);
    RowMatrix<float> mask(2, 2), to(4, 2);
    mask << 1, 2, 3, 4;
    eigengru::detail::multiply_rows<float>(eigengru::detail::block(from.data(), 4, 2), mask,
                                           eigengru::detail::block(to.data(), 4, 2));
    RowMatrix<float> expected(4, 2);
    expected << 1, 2, 3, 4, 1, 2, 3, 4;
    EXPECT_EQ(to, expected);
}

}  // namespace
}  // namespace eigengru_test
