// SPDX-License-Identifier: MIT
// What decides whether kernels run, what they read and where they write. Their numbers: cell/gates_kernel_test.cpp, and
// through the layer against Keras.
#include "eigengru/sequence/packed_steps.hpp"

#include "eigengru/model/options.hpp"
#include "support/kernel_list.hpp"
#include "support/modes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::gate_stride;
using eigengru::detail::Gates;
using eigengru::detail::PackedSteps;
using eigengru::detail::PackedWeights;
using eigengru::detail::SequenceCall;
using eigengru::detail::StepFunction;
using eigengru::detail::Workspace;

std::vector<Kernels> kernels_on_packed_weights() {
    std::vector<Kernels> list = supported_kernels();
    std::erase(list, Kernels::automatic);
    std::erase(list, Kernels::eigen);
    return list;
}

/// Everything that PackedSteps looks at, for a batch of random inputs and a random state.
template <class M>
class Scene {
public:
    using S = typename M::Scalar;

    Scene(Index batch, Index time, Index features, Index units, Kernels kernels = Kernels::portable,
          const char* activation = "tanh")
        : activation_(activation),
          parameters_(features, units, true),
          inputs_({batch, time, features}),
          plan_(inputs_.shape(), false, {}, {}),
          view_(inputs_),
          call_{.plan = plan_, .inputs = view_, .output = output_, .packed = &packed_, .kernels = kernels} {
        parameters_.flat().setRandom();
        inputs_.matrix().setRandom();
        packed_.template pack<M::kResetAfter>(f_, eigengru::detail::kernel_lanes<S>(kernels));
        workspace_.prepare({batch, time, features, units});
    }
    Scene(const Scene&) = delete;
    Scene& operator=(const Scene&) = delete;

    [[nodiscard]] PackedSteps<M::kResetAfter, S> steps() { return {f_, call_, workspace_}; }
    [[nodiscard]] SequenceCall<S>& call() { return call_; }
    [[nodiscard]] const StepFunction<S>& function() const { return f_; }
    [[nodiscard]] const Sequence<S>& inputs() const { return inputs_; }
    [[nodiscard]] Gates<S> gates() { return workspace_.step_gates(); }

    /// One step by Eigen's products, from a state.
    [[nodiscard]] RowMatrix<S> expected(Index step, RowMatrix<S> h) const {
        const Index batch = h.rows(), units = h.cols();
        RowMatrix<S> memory(batch, gate_stride(units));
        const Gates<S> gates{memory.data(), batch, units, gate_stride(units)};
        const RowMatrix<S> x = inputs_.step(step);
        eigengru::detail::set_gates_to_biases<M::kResetAfter>(f_, gates);
        eigengru::detail::add_input_products<S>(f_, eigengru::detail::block(x.data(), batch, x.cols()), gates);
        eigengru::detail::gru_step<M::kResetAfter, S>(f_, gates, gates, h.data(), {}, h.data());
        return h;
    }

private:
    Activation activation_, recurrent_activation_ = "sigmoid";
    GruParameters<S, M::kResetAfter> parameters_;
    StepFunction<S> f_{std::as_const(parameters_).kernel(), std::as_const(parameters_).recurrent_kernel(),
                       std::as_const(parameters_).bias(), activation_, recurrent_activation_};
    Sequence<S> inputs_;
    SequencePlan plan_;
    SequenceView<const S> view_;
    OutputView<S> output_;
    PackedWeights<S> packed_;
    SequenceCall<S> call_;
    Workspace<S> workspace_;
};

template <class M>
class PackedStepsOf : public testing::Test {
protected:
    using S = typename M::Scalar;
    static constexpr S kTolerance = 64 * std::numeric_limits<S>::epsilon();

    /// The state after one step from zeros and a step from there, each checked against Eigen's products.
    static void expect_two_steps(Scene<M>& scene, bool is_projected) {
        const Index batch = scene.inputs().shape().batch, units = scene.function().units();
        const Index features = scene.function().features();
        auto steps = scene.steps();
        RowMatrix<S> h = RowMatrix<S>::Random(batch, units), next(batch, units);
        RowMatrix<S> out = RowMatrix<S>::Constant(batch, units + 2, S(7));
        for (Index b = 0; is_projected && b < batch; ++b)
            steps.project(b, scene.inputs().sequence(b).data(), features, 2);
        for (Index step = 0; step < 2; ++step) {
            const RowMatrix<S> expected = scene.expected(step, h);
            if (is_projected)
                steps.use_projected(step);
            else
                steps.use_inputs({scene.inputs().sequence(0).data() + step * features, 2 * features});
            steps.advance(h.data(), next.data(), out.data(), units + 2, scene.gates(), scene.gates());
            EXPECT_LE((next - expected).cwiseAbs().maxCoeff(), kTolerance) << batch << ' ' << step;
            EXPECT_EQ(out.leftCols(units), next) << batch << ' ' << step;
            EXPECT_TRUE((out.rightCols(2).array() == S(7)).all()) << batch << ' ' << step;
            h.swap(next);
        }
    }
};
TYPED_TEST_SUITE(PackedStepsOf, Modes, );

TYPED_TEST(PackedStepsOf, AreActiveWithPackedWeights) {
    Scene<TypeParam> scene(2, 3, 5, 4);
    EXPECT_TRUE(scene.steps().is_active());
    scene.call().packed = nullptr;
    EXPECT_FALSE(scene.steps().is_active());
}

TYPED_TEST(PackedStepsOf, LeaveMoreThanOneMaskForEachRowToEigen) {
    using Scalar = typename TypeParam::Scalar;
    Scene<TypeParam> scene(2, 3, 5, 4);
    DropoutMasks<Scalar> masks;
    scene.call().dropout = &masks;
    EXPECT_TRUE(scene.steps().is_active());
    masks.input.assign(1, RowMatrix<Scalar>::Ones(2, 5));
    EXPECT_TRUE(scene.steps().is_active());
    masks.input.assign(3, RowMatrix<Scalar>::Ones(2, 5));
    EXPECT_FALSE(scene.steps().is_active());
    masks.input.clear();
    masks.state.assign(3, RowMatrix<Scalar>::Ones(2, 4));
    EXPECT_FALSE(scene.steps().is_active());
}

TYPED_TEST(PackedStepsOf, ProjectInputsOfFewRowsAtOnce) {
    for (const Kernels kernels : kernels_on_packed_weights()) {
        const Index tile = kernels == Kernels::avx512 ? 8 : 4;
        EXPECT_TRUE((Scene<TypeParam>(1, 9, 5, 4, kernels).steps().projects(9))) << name_of(kernels);
        EXPECT_TRUE((Scene<TypeParam>(tile - 1, 9, 5, 4, kernels).steps().projects(2))) << name_of(kernels);
        EXPECT_FALSE((Scene<TypeParam>(tile, 9, 5, 4, kernels).steps().projects(9))) << name_of(kernels);
        EXPECT_FALSE((Scene<TypeParam>(1, 9, 5, 4, kernels).steps().projects(1))) << name_of(kernels);
        EXPECT_FALSE((Scene<TypeParam>(1, 9, 4, 4, kernels).steps().projects(9))) << name_of(kernels);
    }
}

TYPED_TEST(PackedStepsOf, AdvanceAsEigenDoesAndWriteTheOutputs) {
    for (const Kernels kernels : kernels_on_packed_weights())
        for (const char* activation : {"tanh", "relu", "softmax"})
            for (const Index batch : {1, 3, 9}) {
                SCOPED_TRACE(testing::Message() << name_of(kernels) << ' ' << activation);
                Scene<TypeParam> scene(batch, 2, 6, 19, kernels, activation);
                this->expect_two_steps(scene, false);
                this->expect_two_steps(scene, true);
            }
}

TYPED_TEST(PackedStepsOf, ProjectedStepsHaveTheBitsOfTheOthers) {
    using Scalar = typename TypeParam::Scalar;
    for (const Kernels kernels : kernels_on_packed_weights()) {
        Scene<TypeParam> scene(2, 2, 6, 19, kernels);
        auto steps = scene.steps();
        const RowMatrix<Scalar> h = RowMatrix<Scalar>::Random(2, 19);
        RowMatrix<Scalar> fused(2, 19), projected(2, 19);
        steps.use_inputs({scene.inputs().sequence(0).data() + 6, 12});
        steps.advance(h.data(), fused.data(), nullptr, 0, scene.gates(), scene.gates());
        for (Index b = 0; b < 2; ++b) steps.project(b, scene.inputs().sequence(b).data(), 6, 2);
        steps.use_projected(1);
        steps.advance(h.data(), projected.data(), nullptr, 0, scene.gates(), scene.gates());
        EXPECT_EQ(projected, fused) << name_of(kernels);
    }
}

TYPED_TEST(PackedStepsOf, RecordTheActivatedGates) {
    using Scalar = typename TypeParam::Scalar;
    for (const Kernels kernels : kernels_on_packed_weights()) {
        Scene<TypeParam> scene(3, 1, 6, 19, kernels);
        RowMatrix<Scalar> record = RowMatrix<Scalar>::Constant(3, 4 * 19, Scalar(7)), next(3, 19);
        scene.call().recording.gates = record.data();
        auto steps = scene.steps();
        const RowMatrix<Scalar> h = RowMatrix<Scalar>::Random(3, 19);
        const Gates<Scalar> gates{record.data(), 3, 19, 4 * 19};
        steps.use_inputs({scene.inputs().data(), 6});
        steps.advance(h.data(), next.data(), nullptr, 0, gates, gates);
        const auto z = gates.matrix(0).array(), c = gates.matrix(3).array();
        EXPECT_LE((z * h.array() + (1 - z) * c - next.array()).abs().maxCoeff(), TestFixture::kTolerance)
            << name_of(kernels);
        EXPECT_TRUE((z >= 0 && z <= 1 && c.abs() <= 1).all()) << name_of(kernels);
    }
}

}  // namespace
}  // namespace eigengru_test
