// SPDX-License-Identifier: MIT
// A chunk of a backward pass by the kernels against plain loops in double: steps back, gradients of weights and inputs.
#include "eigengru/sequence/packed_gradients.hpp"

#include "support/kernel_steps.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using namespace eigengru::detail;

/// The gradients of a chunk.
template <class S>
struct ChunkGradients {
    RowMatrix<S> kernel, recurrent_kernel, bias, inputs, state;

    [[nodiscard]] double difference(const ChunkGradients<double>& expected) const {
        const auto of = [](const auto& a, const auto& b) {
            return (a.template cast<double>() - b).cwiseAbs().maxCoeff();
        };
        return std::max({of(kernel, expected.kernel), of(recurrent_kernel, expected.recurrent_kernel),
                         of(bias, expected.bias), of(inputs, expected.inputs), of(state, expected.state)});
    }
    friend bool operator==(const ChunkGradients&, const ChunkGradients&) = default;
};

/// A recorded chunk of random numbers, gates and states too: nothing here asks where they come from. What arrives is
/// the gradient of the state after the last step. M is a Mode.
template <class M>
class Chunk {
public:
    using S = typename M::Scalar;
    static constexpr bool kResetAfter = M::kResetAfter;

    Chunk(Index batch, Index steps, Index features, Index units, const char* recurrent_activation = "sigmoid")
        : batch_(batch),
          steps_(steps),
          recurrent_activation_(recurrent_activation),
          weights_(features, units, true),
          inputs_(RowMatrix<S>::Random(rows(), features)),
          states_(RowMatrix<S>::Random(rows(), units)),
          gates_(S(0.5) * RowMatrix<S>::Random(rows(), kSlots * units)),
          d_next_(RowMatrix<S>::Random(batch, units)) {
        weights_.flat().setRandom();
    }

    /// Leaves out a row of a step, with what must not matter in its gates.
    void skip(Index row) {
        skipped_ = row;
        gates_.row(row).setConstant(S(1e30));
    }
    void drop_inputs() { dropout_.input = {RowMatrix<S>::Random(batch_, inputs_.cols())}; }

    /// By the kernels, in so many parts.
    [[nodiscard]] ChunkGradients<S> run(Kernels kernels, Index parts = 1) const {
        const Index features = inputs_.cols(), units = states_.cols();
        const StepFunction<S> f{weights_.kernel(), weights_.recurrent_kernel(), weights_.bias(), tanh_,
                                recurrent_activation_};
        BackwardWorkspace<S> workspace;
        workspace.prepare({batch_, steps_, features, units}, 0, !kResetAfter);
        const DropoutMasks<S>* dropout = dropout_.input.empty() ? nullptr : &dropout_;
        const PackedGradients<kResetAfter, S> pass(f, kernels, dropout, workspace);
        EXPECT_TRUE(pass.is_active());
        const auto chunk = pass.of_chunk(rows());
        const auto each = [&](const auto& part) {
            for (Index i = parts; i > 0; --i) part(Share{i - 1, parts});
        };
        each([&](Share share) { chunk.start(share); });
        block(workspace.d_state(0), batch_, units) = d_next_;
        for (Index step = steps_ - 1; step >= 0; --step) step_back(chunk, workspace, step);
        GruParameters<S, kResetAfter> sums(features, units, true);
        const GradientRows<S> all{.d = workspace.d_gates(0, steps_).as_const(),
                                  .gates = {gates_.data(), rows(), units, kSlots * units},
                                  .inputs = block(inputs_.data(), rows(), features),
                                  .states = states_.data(),
                                  .dropout = dropout,
                                  .scratch = workspace.scratch()};
        each([&](Share share) { chunk.add_weight_gradients(all, sums.bias(), share); });
        each([&](Share share) { chunk.input_gradients(share.of(rows(), 8), workspace.d_inputs()); });
        each([&](Share share) { chunk.finish(sums, share); });
        return {sums.kernel(), sums.recurrent_kernel(), sums.bias(), block(workspace.d_inputs(), rows(), features),
                block(workspace.d_state(0), batch_, units)};
    }

    /// By plain loops.
    [[nodiscard]] ChunkGradients<double> expected() const {
        const Index features = inputs_.cols(), units = states_.cols();
        const auto w = weights_.kernel().template cast<double>().eval();
        const auto u = weights_.recurrent_kernel().template cast<double>().eval();
        ChunkGradients<double> g{RowMatrix<double>::Zero(features, 3 * units),
                                 RowMatrix<double>::Zero(units, 3 * units),
                                 RowMatrix<double>::Zero(kResetAfter ? 2 : 1, 3 * units),
                                 RowMatrix<double>::Zero(rows(), features), d_next_.template cast<double>()};
        for (Index row = rows() - 1; row >= 0; --row) {
            if (row == skipped_) continue;
            const Eigen::RowVectorXd h = states_.row(row).template cast<double>();
            Eigen::RowVectorXd x = inputs_.row(row).template cast<double>();
            Eigen::RowVectorXd x_mask = Eigen::RowVectorXd::Ones(features);
            if (!dropout_.input.empty()) x_mask = dropout_.input[0].row(row % batch_).template cast<double>();
            x = x.cwiseProduct(x_mask);
            Eigen::RowVectorXd dz(units), dr(units), dm(units), dc(units), d = g.state.row(row % batch_);
            for (Index i = 0; i < units; ++i) {
                const double z = gate(row, kSlotZ, i), r = gate(row, kSlotR, i), c = gate(row, kSlotC, i);
                dz[i] = d[i] * (h[i] - c) * slope(z);
                dc[i] = d[i] * (1 - z) * (1 - c * c);
                dm[i] = dc[i] * r;
                dr[i] = dc[i] * gate(row, kSlotM, i) * slope(r);
                d[i] *= z;
            }
            Eigen::RowVectorXd m = h;  // what the candidate's product multiplies
            if (!kResetAfter) {
                dm = dc * u.rightCols(units).transpose();
                for (Index i = 0; i < units; ++i) {
                    m[i] = gate(row, kSlotM, i);
                    dr[i] = dm[i] * h[i] * slope(gate(row, kSlotR, i));
                    d[i] += dm[i] * gate(row, kSlotR, i);
                }
            }
            const Eigen::RowVectorXd& du = kResetAfter ? dm : dc;
            g.kernel += x.transpose() * (Eigen::RowVectorXd(3 * units) << dz, dr, dc).finished();
            g.recurrent_kernel.leftCols(2 * units) +=
                h.transpose() * (Eigen::RowVectorXd(2 * units) << dz, dr).finished();
            g.recurrent_kernel.rightCols(units) += m.transpose() * du;
            g.bias.row(0) += (Eigen::RowVectorXd(3 * units) << dz, dr, dc).finished();
            if (kResetAfter) g.bias.row(1) += (Eigen::RowVectorXd(3 * units) << dz, dr, dm).finished();
            g.inputs.row(row) =
                ((Eigen::RowVectorXd(3 * units) << dz, dr, dc).finished() * w.transpose()).cwiseProduct(x_mask);
            d += dz * u.leftCols(units).transpose() + dr * u.middleCols(units, units).transpose();
            if (kResetAfter) d += dm * u.rightCols(units).transpose();
            g.state.row(row % batch_) = d;
        }
        return g;
    }

private:
    [[nodiscard]] Index rows() const { return batch_ * steps_; }
    [[nodiscard]] double gate(Index row, Index slot, Index unit) const {
        return static_cast<double>(gates_(row, slot * states_.cols() + unit));
    }
    /// The recurrent activation's, from its value.
    [[nodiscard]] double slope(double v) const {
        return recurrent_activation_.kind() == ActivationKind::sigmoid ? v * (1 - v) : 1 - v * v;
    }

    /// d_state(0) from the state after the step to that before it, by way of d_state(1).
    void step_back(const PackedGradients<kResetAfter, S>& chunk, BackwardWorkspace<S>& workspace, Index step) const {
        const Index units = states_.cols(), first = step * batch_, width = kSlots * units;
        const Gates<const S> gates{gates_.data() + first * width, batch_, units, width};
        const RowMatrix<S> before = block(workspace.d_state(0), batch_, units);
        chunk.step_back({.gates = gates,
                         .values = gates,
                         .d = workspace.d_gates(0, 1),
                         .h = states_.data() + first * units,
                         .d_next = workspace.d_state(0),
                         .d_state = workspace.d_state(1),
                         .masks = {},
                         .recurrent_kernel_t = read_only(workspace.recurrent_kernel_t())},
                        first, workspace.scratch());
        block(workspace.d_state(0), batch_, units) = block(workspace.d_state(1), batch_, units);
        if (skipped_ < first || skipped_ >= first + batch_) return;
        chunk.clear_rows(skipped_, 1);
        block(workspace.d_state(0), batch_, units).row(skipped_ - first) = before.row(skipped_ - first);
    }

    Index batch_, steps_, skipped_ = -1;
    Activation tanh_ = "tanh", recurrent_activation_;
    GruParameters<S, kResetAfter> weights_;
    DropoutMasks<S> dropout_;
    RowMatrix<S> inputs_, states_, gates_, d_next_;
};

template <class M>
class PackedGradientsOf : public testing::Test {
protected:
    static void expect_close(const Chunk<M>& chunk) {
        const ChunkGradients<double> expected = chunk.expected();
        const double size = expected.recurrent_kernel.cwiseAbs().maxCoeff() + expected.state.cwiseAbs().maxCoeff();
        for (const Kernels kernels : packed_kernels()) {
            const auto g = chunk.run(kernels);
            EXPECT_LE(g.difference(expected), 50 * std::numeric_limits<typename M::Scalar>::epsilon() * (1 + size))
                << name_of(kernels);
            for (const Index parts : {2, 5}) EXPECT_EQ(chunk.run(kernels, parts), g) << name_of(kernels) << parts;
        }
    }
};
TYPED_TEST_SUITE(PackedGradientsOf, Modes, );

TYPED_TEST(PackedGradientsOf, AreThoseOfPlainLoops) {
    for (const Index units : {1, 5, 16, 33}) {
        SCOPED_TRACE(units);
        TestFixture::expect_close(Chunk<TypeParam>(1, 4, 3, units));
        TestFixture::expect_close(Chunk<TypeParam>(9, 3, 1 + units / 2, units));
    }
    TestFixture::expect_close(Chunk<TypeParam>(4, 1, 20, 8));
}

TYPED_TEST(PackedGradientsOf, OfOtherActivationsToo) {
    TestFixture::expect_close(Chunk<TypeParam>(5, 3, 7, 18, "tanh"));
}

TYPED_TEST(PackedGradientsOf, DroppedInputsHaveSmallerOnes) {
    Chunk<TypeParam> chunk(5, 3, 11, 18);
    chunk.drop_inputs();
    TestFixture::expect_close(chunk);
}

TYPED_TEST(PackedGradientsOf, SkippedRowsHaveNone) {
    Chunk<TypeParam> chunk(5, 3, 11, 18);
    chunk.skip(7);
    TestFixture::expect_close(chunk);
}

TYPED_TEST(PackedGradientsOf, AreNotForStatesWithDropout) {
    using S = typename TypeParam::Scalar;
    const GruParameters<S, TypeParam::kResetAfter> weights(2, 3, true);
    const Activation tanh = "tanh", sigmoid = "sigmoid";
    const StepFunction<S> f{weights.kernel(), weights.recurrent_kernel(), weights.bias(), tanh, sigmoid};
    const RowMatrix<S> mask = RowMatrix<S>::Ones(1, 3);
    const DropoutMasks<S> states{.state = {mask, mask, mask}};
    BackwardWorkspace<S> workspace;
    const auto is_active = [&](Kernels kernels, const DropoutMasks<S>* dropout) {
        return PackedGradients<TypeParam::kResetAfter, S>(f, kernels, dropout, workspace).is_active();
    };
    EXPECT_TRUE(is_active(Kernels::portable, nullptr));
    EXPECT_FALSE(is_active(Kernels::portable, &states));
    EXPECT_FALSE(is_active(Kernels::eigen, nullptr));
}

}  // namespace
}  // namespace eigengru_test
