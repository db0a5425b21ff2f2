// SPDX-License-Identifier: MIT
// The passes of the default pair of activations against the general ones, which know nothing of tanh and sigmoid.
#include "eigengru/cell/gru_step.hpp"

#include "support/modes.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::gate_stride;
using eigengru::detail::Gates;
using eigengru::detail::StepFunction;

template <class S>
constexpr S kRounding = 20 * std::numeric_limits<S>::epsilon();

/// Random gates of some rows, all sizes of packets and what remains.
template <class M>
class FusedStep : public testing::Test {
protected:
    using Scalar = typename M::Scalar;

    struct Rows {
        explicit Rows(Index rows, Index units)
            : memory(RowMatrix<Scalar>::Random(rows, gate_stride(units)) * Scalar(3)),
              h(RowMatrix<Scalar>::Random(rows, units)) {}

        Gates<Scalar> gates() { return {memory.data(), memory.rows(), h.cols(), memory.cols()}; }

        RowMatrix<Scalar> memory, h;
    };

    template <class F>
    static void for_each_size(const F& f) {
        for (const Index units : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 128})
            for (const Index rows : {1, 3}) f(rows, units);
    }

    StepFunction<Scalar> function() const {
        return {parameters.kernel(), parameters.recurrent_kernel(), parameters.bias(), tanh, sigmoid};
    }

    const GruParameters<Scalar, M::kResetAfter> parameters{1, 1, true};
    const Activation tanh = "tanh", sigmoid = "sigmoid";
};
TYPED_TEST_SUITE(FusedStep, Modes, );

TYPED_TEST(FusedStep, GatesAreTheGeneralOnes) {
    using S = typename TypeParam::Scalar;
    this->for_each_size([&](Index rows, Index units) {
        typename TestFixture::Rows fused(rows, units), general = fused;
        eigengru::detail::activate_gates_sigmoid(fused.h.data(), fused.gates());
        eigengru::detail::activate_gates<false>(this->function(), general.h.data(), general.gates(), general.gates());
        EXPECT_LE((fused.memory - general.memory).cwiseAbs().maxCoeff(), kRounding<S>) << rows << ' ' << units;
    });
}

TYPED_TEST(FusedStep, TheFinishIsTheGeneralOne) {
    using S = typename TypeParam::Scalar;
    constexpr bool kResetAfter = TypeParam::kResetAfter;
    this->for_each_size([&](Index rows, Index units) {
        typename TestFixture::Rows fused(rows, units), general = fused;
        RowMatrix<S> next(rows, units), expected(rows, units);
        const StepFunction<S> f = this->function();
        eigengru::detail::finish_step_tanh<kResetAfter>(fused.h.data(), fused.gates(), next.data());
        if (kResetAfter) eigengru::detail::activate_gates<true>(f, general.h.data(), general.gates(), general.gates());
        eigengru::detail::finish_step<kResetAfter>(f, general.h.data(), general.gates(), general.gates(),
                                                   expected.data());
        const S scale = std::max(S(1), expected.cwiseAbs().maxCoeff());
        EXPECT_LE((next - expected).cwiseAbs().maxCoeff(), kRounding<S> * scale) << rows << ' ' << units;
        EXPECT_LE((fused.memory - general.memory).cwiseAbs().maxCoeff(), kRounding<S>) << rows << ' ' << units;
    });
}

TYPED_TEST(FusedStep, TheFinishMayWriteOverTheState) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Rows rows(3, 9), in_place = rows;
    RowMatrix<S> next(3, 9);
    eigengru::detail::finish_step_tanh<TypeParam::kResetAfter>(rows.h.data(), rows.gates(), next.data());
    eigengru::detail::finish_step_tanh<TypeParam::kResetAfter>(in_place.h.data(), in_place.gates(), in_place.h.data());
    EXPECT_EQ(in_place.h, next);
}

TYPED_TEST(FusedStep, TheGradientIsTheGeneralOne) {
    using S = typename TypeParam::Scalar;
    this->for_each_size([&](Index rows, Index units) {
        typename TestFixture::Rows values(rows, units);
        values.memory = values.memory.cwiseAbs() / S(3);  // as activated gates are
        const RowMatrix<S> d_next = RowMatrix<S>::Random(rows, units);
        typename TestFixture::Rows fused(rows, units), general = fused;
        const Gates<const S> gates = values.gates().as_const();
        const MatrixMap<const S> no_kernel(nullptr, 0, 0, Eigen::OuterStride<>(0));
        eigengru::detail::start_step_gradient_tanh<S>(gates, values.h.data(), d_next.data(), fused.gates(),
                                                      fused.h.data());
        eigengru::detail::start_step_gradient<true, S>(
            this->function(),
            {gates, gates, general.gates(), values.h.data(), d_next.data(), general.h.data(), {}, no_kernel});
        EXPECT_LE((fused.memory - general.memory).cwiseAbs().maxCoeff(), kRounding<S>) << rows << ' ' << units;
        EXPECT_LE((fused.h - general.h).cwiseAbs().maxCoeff(), kRounding<S>) << rows << ' ' << units;
    });
}

TYPED_TEST(FusedStep, WritesOnlyItsRows) {
    using S = typename TypeParam::Scalar;
    typename TestFixture::Rows rows(2, 128);  // a stride above the width
    rows.memory.rightCols(16).setConstant(S(77));
    RowMatrix<S> next(2, 128);
    eigengru::detail::activate_gates_sigmoid(rows.h.data(), rows.gates());
    eigengru::detail::finish_step_tanh<TypeParam::kResetAfter>(rows.h.data(), rows.gates(), next.data());
    EXPECT_TRUE((rows.memory.rightCols(16).array() == S(77)).all());
}

}  // namespace
}  // namespace eigengru_test
