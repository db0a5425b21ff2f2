// SPDX-License-Identifier: MIT
// Every public class template, whole, for every scalar type and reset mode: instantiated once, in instantiations_*.cpp,
// which compiles the members that no test calls too. All other files of the tests see that here and compile only what
// is inlined into them, which saves most of their time.
#pragma once

#include "eigengru/eigengru.hpp"

// The list; `EXTERN` is the word extern, which declares, or nothing, which instantiates. g++ instantiates the members
// of the classes all the same, to inline them: what keeps it from going on are the functions, chosen by their cost.
// clang-format off

// (By name the kernels are used in gate_kernels_test.cpp alone, and those that make all gates.)
#if EIGENGRU_HAS_X86_TARGETS
#define EIGENGRU_TEST_INSTANTIATIONS_FOR_X86(EXTERN, S) \
    EXTERN template void detail::avx2::run_step<S, detail::TileGates::all>(const detail::StepCall<S>&); \
    EXTERN template void detail::avx512::run_step<S, detail::TileGates::all>(const detail::StepCall<S>&)
#else
#define EIGENGRU_TEST_INSTANTIATIONS_FOR_X86(EXTERN, S) static_assert(true)
#endif

#define EIGENGRU_TEST_INSTANTIATIONS_OF_KERNELS(EXTERN, S) \
    EXTERN template void detail::portable::run_step<S, detail::TileGates::all>(const detail::StepCall<S>&); \
    EIGENGRU_TEST_INSTANTIATIONS_FOR_X86(EXTERN, S); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::all, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::zr, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::c, S>(Kernels); \
    EXTERN template const detail::GradientKernels<S>& detail::gradient_kernels<true, S>(Kernels); \
    EXTERN template const detail::GradientKernels<S>& detail::gradient_kernels<false, S>(Kernels); \
    EXTERN template detail::ActivationKernel<S> detail::activation_kernel<S>(Kernels)

#define EIGENGRU_TEST_INSTANTIATIONS_OF_MODE(EXTERN, S, RESET_AFTER) \
    EXTERN template class GruParameters<S, RESET_AFTER>; \
    EXTERN template class ParameterUpdate<S, RESET_AFTER>; \
    EXTERN template class GruCell<S, RESET_AFTER>; \
    EXTERN template class Gru<S, RESET_AFTER>; \
    EXTERN template class detail::EigenBackend<RESET_AFTER, S>; \
    EXTERN template class detail::EigenBackward<RESET_AFTER, S>; \
    EXTERN template void detail::run_on_backend<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const detail::SequenceCall<S>&, detail::Workspace<S>&); \
    EXTERN template void detail::record_on_backend<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const detail::SequenceCall<S>&, detail::Workspace<S>&, \
        const detail::LayerSignature&, Tape<S>&); \
    EXTERN template void detail::run_backward_on_backend<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const detail::BackwardCall<S>&, detail::Workspace<S>&, \
        detail::BackwardWorkspace<S>&); \
    EXTERN template void detail::gru_step<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const detail::Gates<S>&, const detail::Gates<S>&, const S*, \
        const detail::StateMasks<S>&, S*); \
    EXTERN template void detail::gru_row_step<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const S*, const detail::Gates<S>&, const detail::Gates<S>&, const S*, S*); \
    EXTERN template void detail::gru_step_backward<RESET_AFTER, S>( \
        const detail::StepFunction<S>&, const detail::StepGradient<S>&); \
    EXTERN template void detail::add_parameter_gradients<RESET_AFTER, S>(const detail::GradientRows<S>&, GruWeights<S>&)

#define EIGENGRU_TEST_INSTANTIATIONS_OF_LAYERS(EXTERN, S) \
    EXTERN template class MatrixView<S>; \
    EXTERN template class MatrixView<const S>; \
    EXTERN template class SequenceView<S>; \
    EXTERN template class SequenceView<const S>; \
    EXTERN template class Sequence<S>; \
    EXTERN template struct DropoutMasks<S>; \
    EXTERN template struct CallOptions<S>; \
    EXTERN template struct Output<S>; \
    EXTERN template struct OutputView<S>; \
    EXTERN template struct RegularizationLosses<S>; \
    EXTERN template struct OutputGradients<S>; \
    EXTERN template struct Gradients<S>; \
    EXTERN template class GruWeights<S>; \
    EXTERN template class Tape<S>; \
    EIGENGRU_TEST_INSTANTIATIONS_OF_MODE(EXTERN, S, true); \
    EIGENGRU_TEST_INSTANTIATIONS_OF_MODE(EXTERN, S, false); \
    EXTERN template class AnyGru<S>; \
    EXTERN template struct LayerData<S>; \
    EXTERN template class Masking<S>; \
    EXTERN template class DenseWeights<S>; \
    EXTERN template class DenseTape<S>; \
    EXTERN template struct DenseGradients<S>; \
    EXTERN template class Dense<S>; \
    EXTERN template class Dropout<S>; \
    EXTERN template class ActivationLayer<S>; \
    EXTERN template void Activation::apply<S>(MatrixMap<S>) const; \
    EXTERN template void Activation::multiply_derivative<S>( \
        const MatrixMap<const S>&, const MatrixMap<const S>&, MatrixMap<S>) const; \
    EXTERN template void detail::add_product<S>(const MatrixMap<const S>&, const MatrixMap<const S>&, S*, Index); \
    EXTERN template void detail::add_transposed_product<S>( \
        const MatrixMap<const S>&, const MatrixMap<const S>&, MatrixMap<S>); \
    EXTERN template void detail::input_gradient<S>(const detail::GradientRows<S>&, const MatrixMap<const S>&, S*); \
    EXTERN template void detail::fill_scaled<S>( \
        WeightMap<S>, const WeightShape&, const InitializerParameters&, RandomStream&); \
    EXTERN template void detail::fill_truncated_normal<S>(WeightMap<S>, double, double, RandomStream&); \
    EXTERN template void detail::fill_orthogonal<S>(WeightMap<S>, double, RandomStream&); \
    EXTERN template double detail::orthogonal_loss<ConstWeightMap<S>>(const ConstWeightMap<S>&); \
    EXTERN template double detail::orthogonal_loss<Eigen::Transpose<const ConstWeightMap<S>>>( \
        const Eigen::Transpose<const ConstWeightMap<S>>&)

#define EIGENGRU_TEST_INSTANTIATIONS_OF_BIDIRECTIONAL(EXTERN, S, RESET_AFTER) \
    EXTERN template class Bidirectional<S, RESET_AFTER>; \
    EXTERN template detail::ModelShape detail::shape_after<S, RESET_AFTER>( \
        const Bidirectional<S, RESET_AFTER>&, const detail::ModelShape&); \
    EXTERN template void detail::run_layer<S, RESET_AFTER>( \
        Bidirectional<S, RESET_AFTER>&, LayerData<S>&, const detail::ModelRun&); \
    EXTERN template void detail::record_layer<S, RESET_AFTER>( \
        Bidirectional<S, RESET_AFTER>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template SequenceView<const S> detail::layer_backward<S, RESET_AFTER>( \
        Bidirectional<S, RESET_AFTER>&, const detail::LayerTape<S>&, const SequenceView<const S>&, \
        detail::LayerGradients<S>&, ExecutorRef)

#define EIGENGRU_TEST_INSTANTIATIONS_OF_NORMALIZATION(EXTERN, S, LAYER) \
    EXTERN template class detail::NamedWeightsLayer<S, LAYER##Options>; \
    EXTERN template class detail::Normalization<LAYER<S>, S, LAYER##Options>; \
    EXTERN template class LAYER<S>; \
    EXTERN template void detail::record_layer<LAYER<S>, S>( \
        const LAYER<S>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template SequenceView<const S> detail::layer_backward<LAYER<S>, S>( \
        const LAYER<S>&, const detail::LayerTape<S>&, const SequenceView<const S>&, detail::LayerGradients<S>&, ExecutorRef); \
    EXTERN template void detail::step_layer<LAYER<S>, S>(const LAYER<S>&, const detail::ModelStep<S>&) noexcept

#define EIGENGRU_TEST_INSTANTIATIONS_AROUND(EXTERN, S) \
    EXTERN template class NamedWeights<S>; \
    EXTERN template struct NamedGradients<S>; \
    EXTERN template class InputTape<S>; \
    EXTERN template class detail::WeightSet<S>; \
    EXTERN template struct BidirectionalCallOptions<S>; \
    EXTERN template struct BidirectionalOutput<S>; \
    EXTERN template struct BidirectionalOutputView<S>; \
    EXTERN template struct BidirectionalOutputGradients<S>; \
    EXTERN template struct BidirectionalGradients<S>; \
    EXTERN template class BidirectionalTape<S>; \
    EIGENGRU_TEST_INSTANTIATIONS_OF_BIDIRECTIONAL(EXTERN, S, true); \
    EIGENGRU_TEST_INSTANTIATIONS_OF_BIDIRECTIONAL(EXTERN, S, false); \
    EXTERN template class detail::NamedWeightsLayer<S, EmbeddingOptions>; \
    EXTERN template class Embedding<S>; \
    EXTERN template void detail::record_layer<S>( \
        const Embedding<S>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template SequenceView<const S> detail::layer_backward<S>( \
        const Embedding<S>&, const detail::LayerTape<S>&, const SequenceView<const S>&, detail::LayerGradients<S>&, ExecutorRef); \
    EIGENGRU_TEST_INSTANTIATIONS_OF_NORMALIZATION(EXTERN, S, BatchNormalization); \
    EIGENGRU_TEST_INSTANTIATIONS_OF_NORMALIZATION(EXTERN, S, LayerNormalization); \
    EXTERN template class GruStream<S>; \
    EXTERN template GruStream<S>::GruStream(const Gru<S, true>&, const StreamOptions&); \
    EXTERN template GruStream<S>::GruStream(const Gru<S, false>&, const StreamOptions&); \
    EXTERN template class detail::GruStage<S>; \
    EXTERN template class ModelStream<S>

#define EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(EXTERN, S) \
    EXTERN template class ModelTape<S>; \
    EXTERN template class ModelWeights<S>; \
    EXTERN template class ModelGradients<S>; \
    EXTERN template class Sequential<S>; \
    EXTERN template class Optimizer<S>; \
    EXTERN template class Trainer<S>; \
    EXTERN template class detail::FitRun<S>; \
    EXTERN template void detail::record_layer<S, true>(Gru<S, true>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template void detail::record_layer<S, false>(Gru<S, false>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template void detail::record_layer<S>(const Dense<S>&, detail::LayerFlow<S>&, detail::LayerTape<S>&); \
    EXTERN template SequenceView<const S> detail::layer_backward<S, true>( \
        Gru<S, true>&, const detail::LayerTape<S>&, const SequenceView<const S>&, detail::LayerGradients<S>&, ExecutorRef); \
    EXTERN template SequenceView<const S> detail::layer_backward<S, false>( \
        Gru<S, false>&, const detail::LayerTape<S>&, const SequenceView<const S>&, detail::LayerGradients<S>&, ExecutorRef); \
    EXTERN template SequenceView<const S> detail::layer_backward<S>( \
        Dense<S>&, const detail::LayerTape<S>&, const SequenceView<const S>&, detail::LayerGradients<S>&, ExecutorRef); \
    EXTERN template void detail::update_weight<S, detail::SgdRule<S>>( \
        MatrixMap<S>, VectorMap<const S>, const std::array<S*, detail::kMostSlots>&, const detail::GradientClip<S>&, \
        S, const detail::SgdRule<S>&); \
    EXTERN template void detail::update_weight<S, detail::RmspropRule<S>>( \
        MatrixMap<S>, VectorMap<const S>, const std::array<S*, detail::kMostSlots>&, const detail::GradientClip<S>&, \
        S, const detail::RmspropRule<S>&); \
    EXTERN template void detail::update_weight<S, detail::AdamRule<S>>( \
        MatrixMap<S>, VectorMap<const S>, const std::array<S*, detail::kMostSlots>&, const detail::GradientClip<S>&, \
        S, const detail::AdamRule<S>&); \
    EXTERN template double detail::evaluate<S>( \
        detail::TrainStep<S>&, const DataSet<S>&, const detail::BatchPlan&, detail::BatchMemories<S>&, ExecutorRef); \
    EXTERN template void detail::set_learning_rate<S>(std::string_view, Optimizer<S>&, double); \
    EXTERN template void detail::add_model<S>(CheckpointWriter&, const Sequential<S>&); \
    EXTERN template void detail::add_optimizer<S>(CheckpointWriter&, const Optimizer<S>&); \
    EXTERN template detail::LoadedCheckpoint<S> detail::read_checkpoint<S>( \
        const std::string&, const Sequential<S>&, const Optimizer<S>&)
// clang-format on

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_INSTANTIATIONS_OF_KERNELS(extern, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_KERNELS(extern, double);
EIGENGRU_TEST_INSTANTIATIONS_OF_LAYERS(extern, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_LAYERS(extern, double);
EIGENGRU_TEST_INSTANTIATIONS_AROUND(extern, float);
EIGENGRU_TEST_INSTANTIATIONS_AROUND(extern, double);
EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(extern, float);
EIGENGRU_TEST_INSTANTIATIONS_OF_MODELS(extern, double);

}  // namespace eigengru::inline EIGENGRU_ABI
