// SPDX-License-Identifier: MIT
// The derivatives of the row-wise activations at the points where formulas break. They are compared with Keras's in
// activation_blocks_test.cpp, and the values of softmax and log_softmax are tested in activation_kernels_test.cpp.
#include "eigengru/math/activation_rows.hpp"

#include "eigengru/math/activation_kernels.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::LogSoftmax;
using eigengru::detail::Softmax;
using eigengru::detail::Sparsemax;

template <class S>
using Array = Eigen::Array<S, Eigen::Dynamic, 1>;

template <class S>
void apply(const Softmax<S>&, ArrayMap<S> x) {
    eigengru::detail::activation_kernel<S>(Kernels::portable)({ActivationKind::softmax, false, 0, 0, 0}, x.data(),
                                                              x.size());
}
template <class S>
void apply(const LogSoftmax<S>&, ArrayMap<S> x) {
    eigengru::detail::activation_kernel<S>(Kernels::portable)({ActivationKind::log_softmax, false, 0, 0, 0}, x.data(),
                                                              x.size());
}
template <class S>
void apply(const Sparsemax<S>& f, ArrayMap<S> x) {
    f.value(x);
}

template <class S, class F>
Array<S> value(const F& f, Array<S> x) {
    apply<S>(f, ArrayMap<S>(x.data(), x.size()));
    return x;
}

template <class S, class F>
Array<S> derivative(const F& f, const Array<S>& x, Array<S> d) {
    const Array<S> y = value(f, x);
    const ArrayMap<const S> x_row(x.data(), x.size()), y_row(y.data(), y.size());
    f.multiply_derivative(x_row, y_row, ArrayMap<S>(d.data(), d.size()));
    return d;
}

template <class S>
class ActivationRows : public testing::Test {
protected:
    using Row = Array<S>;
    static constexpr S kTolerance = 20 * std::numeric_limits<S>::epsilon();

    static Row row(std::initializer_list<double> values) {
        Row result(static_cast<Index>(values.size()));
        std::transform(values.begin(), values.end(), result.data(), [](double v) { return static_cast<S>(v); });
        return result;
    }

    /// Against central differences of the value, in every size of packets and what remains.
    template <template <class> class F>
    static void expect_slopes() {
        const F<double> f;
        const double tolerance = std::is_same_v<S, float> ? 2e-5 : 1e-8;
        for (const Index size : {1, 2, 3, 4, 5, 8, 9, 17, 70}) {
            const Array<double> x = Array<double>::Random(size) * 2, d = Array<double>::Random(size);
            const Row received = derivative<S>(F<S>(), x.cast<S>(), d.cast<S>());
            for (Index i = 0; i < size; ++i) {
                Array<double> above = x, below = x;
                above(i) += 1e-6;
                below(i) -= 1e-6;
                const double slope = ((value(f, above) - value(f, below)) * d).sum() / 2e-6;
                EXPECT_NEAR(static_cast<double>(received(i)), slope, tolerance) << i << " of " << size;
            }
        }
    }

    template <template <class> class F>
    static void expect_same_bits_anywhere() {
        const Row x = Row::Random(37) / S(10), d = Row::Random(37);  // near enough for a long support of sparsemax
        const Row expected = value(F<S>(), x), expected_d = derivative<S>(F<S>(), x, d);
        for (Index shift = 0; shift < 8; ++shift) {
            Row x_memory(50), y_memory(50), d_memory(50);
            x_memory.segment(shift, 37) = x;
            y_memory.segment(shift, 37) = x;
            d_memory.segment(shift, 37) = d;
            apply<S>(F<S>(), ArrayMap<S>(y_memory.data() + shift, 37));
            const ArrayMap<const S> x_row(x_memory.data() + shift, 37), y_row(y_memory.data() + shift, 37);
            const ArrayMap<S> d_row(d_memory.data() + shift, 37);
            F<S>().multiply_derivative(x_row, y_row, d_row);
            EXPECT_TRUE((y_row == expected).all()) << shift;
            EXPECT_TRUE((d_row == expected_d).all()) << shift;
        }
    }
};
TYPED_TEST_SUITE(ActivationRows, Scalars, );

TYPED_TEST(ActivationRows, SparsemaxOfOneSurvivorIsOneAndZeros) {
    using S = TypeParam;
    EXPECT_TRUE((value<S>(Sparsemax<S>(), this->row({0, 9, -3})) == this->row({0, 1, 0})).all());
    EXPECT_EQ(value<S>(Sparsemax<S>(), this->row({42}))(0), S(1));
}

TYPED_TEST(ActivationRows, SparsemaxOfEqualElementsIsThatOfKeras) {
    // The sums 1, 2 and 3 of the support add up to 6, so that tau = 5/3 exceeds every element.
    EXPECT_TRUE((value<TypeParam>(Sparsemax<TypeParam>(), this->row({1, 1, 1})) == TypeParam(0)).all());
}

TYPED_TEST(ActivationRows, SparsemaxOfNotANumberIsNotANumber) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(value<TypeParam>(Sparsemax<TypeParam>(), this->row({1, nan, 2})).isNaN().all());
}

TYPED_TEST(ActivationRows, SparsemaxOfInfinityEnds) {
    const double infinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(value<TypeParam>(Sparsemax<TypeParam>(), this->row({1, infinity, 2})).size(), 3);
    EXPECT_EQ(value<TypeParam>(Sparsemax<TypeParam>(), this->row({-infinity, -infinity})).size(), 2);
}

TYPED_TEST(ActivationRows, TheBitsDoNotDependOnWhereTheRowStarts) {
    this->template expect_same_bits_anywhere<Softmax>();
    this->template expect_same_bits_anywhere<LogSoftmax>();
    this->template expect_same_bits_anywhere<Sparsemax>();
}

TYPED_TEST(ActivationRows, DerivativesAreTheSlopes) {
    this->template expect_slopes<Softmax>();
    this->template expect_slopes<LogSoftmax>();
    this->template expect_slopes<Sparsemax>();
}

TYPED_TEST(ActivationRows, SoftmaxOfAConstantGradientIsZero) {
    using S = TypeParam;
    const Array<S> x = Array<S>::Random(9);
    EXPECT_LE(derivative<S>(Softmax<S>(), x, Array<S>::Constant(9, S(3))).abs().maxCoeff(), this->kTolerance);
}

TYPED_TEST(ActivationRows, LogSoftmaxGradientsSumToZero) {
    using S = TypeParam;
    const Array<S> x = Array<S>::Random(9);
    EXPECT_NEAR(derivative<S>(LogSoftmax<S>(), x, Array<S>::Random(9)).sum(), S(0), this->kTolerance);
}

TYPED_TEST(ActivationRows, OneElementHasNoDerivative) {
    using S = TypeParam;
    EXPECT_EQ(derivative<S>(Softmax<S>(), this->row({5}), this->row({7}))(0), S(0));
    EXPECT_EQ(derivative<S>(LogSoftmax<S>(), this->row({5}), this->row({7}))(0), S(0));
    EXPECT_EQ(derivative<S>(Sparsemax<S>(), this->row({5}), this->row({7}))(0), S(0));
}

TYPED_TEST(ActivationRows, SaturatedRowsStayFinite) {
    using S = TypeParam;
    const Array<S> x = this->row({1e4, -1e4, 0}), d = this->row({1, 2, 3});
    for (const Array<S>& g :
         {derivative<S>(Softmax<S>(), x, d), derivative<S>(LogSoftmax<S>(), x, d), derivative<S>(Sparsemax<S>(), x, d)})
        EXPECT_TRUE(g.allFinite()) << g.transpose();
    EXPECT_LE((derivative<S>(LogSoftmax<S>(), x, d) - this->row({-5, 2, 3})).abs().maxCoeff(), this->kTolerance);
}

TYPED_TEST(ActivationRows, SparsemaxOfOneSurvivorHasNoDerivative) {
    using S = TypeParam;
    const Array<S> g = derivative<S>(Sparsemax<S>(), this->row({0, 9, -3}), this->row({1, 2, 3}));
    EXPECT_EQ(g.abs().maxCoeff(), S(0));
}

TYPED_TEST(ActivationRows, SparsemaxOfEqualElementsCountsTheFirstOnesTwice) {
    // Every element is in the support of 2; the sums 1 and 2 of the support make tau = 1, and x_1 has part in both.
    using S = TypeParam;
    const Array<S> g = derivative<S>(Sparsemax<S>(), this->row({1, 1}), this->row({1, 2}));
    EXPECT_LE((g - this->row({1 - 3.0, 2 - 1.5})).abs().maxCoeff(), this->kTolerance);
}

}  // namespace
}  // namespace eigengru_test
