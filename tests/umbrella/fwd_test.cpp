// SPDX-License-Identifier: MIT
// fwd.hpp alone: its names can be declared with, and are those that the definitions have.
#include "eigengru/fwd.hpp"

#include <gtest/gtest.h>

namespace {

/// What a header of a user's would say; nothing here needs a definition.
struct Holder {
    eigengru::Gru<float, true>* gru = nullptr;
    eigengru::Gru<double, false>* other = nullptr;
    eigengru::GruCell<float, true>* cell = nullptr;
    eigengru::GruOptions* options = nullptr;
    eigengru::GruConfig* config = nullptr;
    eigengru::CallOptions<float>* call = nullptr;
    eigengru::DropoutMasks<float>* masks = nullptr;
    eigengru::Output<float>* output = nullptr;
    eigengru::OutputView<float>* output_view = nullptr;
    eigengru::RegularizationLosses<float>* losses = nullptr;
    eigengru::GruParameters<float, true>* parameters = nullptr;
    eigengru::ParameterUpdate<float, true>* update = nullptr;
    eigengru::Sequence<float>* sequence = nullptr;
    eigengru::SequenceView<const float>* view = nullptr;
    eigengru::MatrixView<const float>* matrix = nullptr;
    eigengru::MaskView* mask = nullptr;
    eigengru::IndexListView* list = nullptr;
    eigengru::Shape3* shape = nullptr;
    eigengru::Activation* activation = nullptr;
    eigengru::Initializer* initializer = nullptr;
    eigengru::Regularizer* regularizer = nullptr;
    eigengru::Constraint* constraint = nullptr;
    eigengru::CudnnMode* mode = nullptr;
    eigengru::BackendVerdict* verdict = nullptr;
    eigengru::Tape<float>* tape = nullptr;
    eigengru::OutputGradients<float>* output_gradients = nullptr;
    eigengru::Gradients<float>* gradients = nullptr;
    eigengru::GruWeights<float>* weights = nullptr;
    eigengru::Variable<float>* variable = nullptr;
    eigengru::DenseWeights<float>* dense_weights = nullptr;
    eigengru::DenseTape<float>* dense_tape = nullptr;
    eigengru::DenseGradients<float>* dense_gradients = nullptr;
    eigengru::ModelTape<float>* model_tape = nullptr;
    eigengru::ModelWeights<float>* model_weights = nullptr;
    eigengru::ModelGradients<float>* model_gradients = nullptr;
    eigengru::Bidirectional<float, true>* both = nullptr;
    eigengru::BidirectionalOptions* both_options = nullptr;
    eigengru::BidirectionalCallOptions<float>* both_call = nullptr;
    eigengru::BidirectionalOutput<float>* both_output = nullptr;
    eigengru::BidirectionalTape<float>* both_tape = nullptr;
    eigengru::BidirectionalGradients<float>* both_gradients = nullptr;
    eigengru::Embedding<float>* embedding = nullptr;
    eigengru::BatchNormalization<float>* batch_normalization = nullptr;
    eigengru::LayerNormalization<float>* layer_normalization = nullptr;
    eigengru::NamedWeights<float>* named_weights = nullptr;
    eigengru::InputTape<float>* input_tape = nullptr;
    eigengru::ModelStream<float>* model_stream = nullptr;
    eigengru::Loss* loss = nullptr;
    eigengru::LearningRate* learning_rate = nullptr;
    eigengru::Optimizer<float>* optimizer = nullptr;
    eigengru::Trainer<float>* trainer = nullptr;
};

using Train = void (*)(eigengru::Gru<float, true>& layer, const eigengru::GruOptions& options);

TEST(ForwardDeclarations, CanBeDeclaredWith) {
    EXPECT_EQ(Holder().gru, nullptr);
    EXPECT_EQ(Train(), nullptr);
}

}  // namespace

#include "eigengru/eigengru.hpp"

namespace {

TEST(ForwardDeclarations, AreTheTypesOfTheLibrary) {
    eigengru::Gru<float> gru(2, {.units = 3});
    eigengru::GruCell<float> cell(2, {.units = 3});
    Holder holder{.gru = &gru, .cell = &cell};
    EXPECT_EQ(holder.gru->units(), holder.cell->units());
}

}  // namespace
