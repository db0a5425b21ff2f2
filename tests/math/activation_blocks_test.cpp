// SPDX-License-Identifier: MIT
#include "eigengru/math/activation_blocks.hpp"

#include "eigengru/math/activation.hpp"
#include "support/golden_layer.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace {

using eigengru::Activation;
using eigengru::Index;
using eigengru::MatrixMap;
using eigengru::RowMatrix;

template <class S>
MatrixMap<S> map_of(RowMatrix<std::remove_const_t<S>>& m) {
    return {m.data(), m.rows(), m.cols(), Eigen::OuterStride<>(m.cols())};
}

template <class S>
RowMatrix<S> derivative(const Activation& f, RowMatrix<S> x, RowMatrix<S> d) {
    RowMatrix<S> y = x;
    f.apply<S>(map_of<S>(y));
    f.multiply_derivative<S>(map_of<const S>(x), map_of<const S>(y), map_of<S>(d));
    return d;
}

template <class S>
class ActivationDerivative : public testing::Test {};
TYPED_TEST_SUITE(ActivationDerivative, eigengru_test::Scalars);

TYPED_TEST(ActivationDerivative, EqualsKerasInEveryRecordedCase) {
    using S = TypeParam;
    int cases = 0;
    // One input is a float whose double counterpart lies on the other side of the threshold.
    const bool skips_threshold = std::is_same_v<S, float>;
    for (const auto& golden : eigengru_test::load_golden(std::string(EIGENGRU_GOLDEN_DIR) + "/activations.golden")) {
        const Activation f = eigengru_test::activation_of(golden, "activation");
        const bool is_row_wise = golden.flag("row_wise");
        const RowMatrix<S> x = eigengru_test::matrix_of<S>(golden.array("inputs"));
        const RowMatrix<S> ones = RowMatrix<S>::Ones(x.rows(), x.cols());
        const auto& expected = golden.array(is_row_wise ? "d_inputs" : "derivatives");
        const RowMatrix<S> d = is_row_wise ? eigengru_test::matrix_of<S>(golden.array("d_outputs")) : ones;
        RowMatrix<S> received = derivative<S>(f, x, d);
        if (golden.option("activation") == "celu")  // differs from Keras at 0
            for (Index i = 0; i < x.size(); ++i) received.data()[i] *= x.data()[i] == S(0) ? S(2) : S(1);
        const double tolerance = std::is_same_v<S, float> ? 2e-6 : golden.number("tolerance");
        ++cases;
        if (skips_threshold && golden.option("activation") == "threshold") continue;
        EXPECT_LE(eigengru_test::relative_difference(expected, received.data(), expected.values.size()), tolerance)
            << golden.name;
    }
    EXPECT_EQ(cases, 45);
}

TYPED_TEST(ActivationDerivative, StaysFiniteAtInfinity) {
    using S = TypeParam;
    const S huge = std::numeric_limits<S>::infinity();
    for (const char* name : {"gelu", "silu", "hard_silu", "mish", "softplus", "tanh", "sigmoid", "relu", "elu"}) {
        RowMatrix<S> x(1, 2);
        x << huge, S(1000);
        const RowMatrix<S> d = derivative<S>(name, x, RowMatrix<S>::Ones(1, 2));
        EXPECT_TRUE(d.array().isFinite().all()) << name << ": " << d;
    }
}

TEST(ActivationBlocks, RunsAreTheWholeBlockWhereRowsFollowOneAnother) {
    RowMatrix<float> x = RowMatrix<float>::Zero(2, 6);
    std::vector<std::pair<float*, Index>> runs;
    eigengru::detail::for_each_run<float>(map_of<float>(x), [&](float* begin, Index size) {
        runs.push_back({begin, size});
    });
    EXPECT_EQ(runs, (std::vector<std::pair<float*, Index>>{{x.data(), 12}}));
}

TEST(ActivationBlocks, RunsAreRowsWhereTheyLieApart) {
    RowMatrix<float> x = RowMatrix<float>::Zero(2, 6);
    std::vector<std::pair<float*, Index>> runs;
    eigengru::detail::for_each_run<float>({x.data(), 2, 3, Eigen::OuterStride<>(6)}, [&](float* begin, Index size) {
        runs.push_back({begin, size});
    });
    EXPECT_EQ(runs, (std::vector<std::pair<float*, Index>>{{x.data(), 3}, {x.data() + 6, 3}}));
}

TEST(ActivationBlocks, EmptyRowsAreNone) {
    RowMatrix<float> x(3, 0);
    int rows = 0;
    eigengru::detail::for_each_row<float>(map_of<float>(x), [&](float*, Index) { ++rows; });
    EXPECT_EQ(rows, 0);
}

TEST(ActivationBlocks, ACustomActivationWithoutADerivativeIsRefused) {
    const Activation f = Activation::custom("cubed", [](auto x) { return x * x * x; });
    EXPECT_THROW(derivative<float>(f, RowMatrix<float>::Ones(1, 1), RowMatrix<float>::Ones(1, 1)),
                 eigengru::OptionError);
    const Activation g = Activation::custom(
        "cubed", [](auto x) { return x * x * x; }, [](auto x, auto) { return 3 * x * x; });
    EXPECT_EQ(derivative<float>(g, RowMatrix<float>::Constant(1, 1, 2.0f), RowMatrix<float>::Ones(1, 1))(0, 0), 12.0f);
}

}  // namespace
