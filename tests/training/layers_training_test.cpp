// SPDX-License-Identifier: MIT
// Every layer around the GRU in training: gradients of a whole model, optimiser, frozen layers, statistics.

#include "eigengru/training/gradient_check.hpp"
#include "eigengru/training/trainer.hpp"
#include "support/random_sequence.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;

/// Ids with padding to one number a row.
template <class S>
Sequential<S> words_model(bool is_frozen = false) {
    return Sequential<S>(
        {Embedding<S>({.input_dim = 5, .output_dim = 3, .embeddings_regularizer = "l2", .mask_zero = true, .seed = 1}),
         Bidirectional<S>(3,
                          {.units = 3,
                           .kernel_regularizer = "l2",
                           .activity_regularizer = "l2",
                           .seed = 2,
                           .return_sequences = true},
                          {.merge = Merge::mul, .trainable = !is_frozen}),
         BatchNormalization<S>(3, {.gamma_regularizer = "l1"}), LayerNormalization<S>(3, {.epsilon = 0.1}),
         Gru<S, false>(3, {.units = 2, .seed = 3}), Dense<S>(2, {.units = 1, .seed = 4})});
}

template <class S>
Sequence<S> padded_ids() {
    Sequence<S> ids({4, 3, 1});
    ids.matrix() << 1, 2, 3, 4, 1, 0, 3, 0, 0, 2, 2, 4;
    return ids;
}

TEST(LayersInTraining, GradientsAreTheSlopesOfTheLoss) {
    Sequential<double> model = words_model<double>();
    const Sequence<double> ids = padded_ids<double>(), d = random_sequence<double>({4, 1, 1});
    ModelTape<double> tape;
    (void)model.forward(ids, {}, tape);
    const ModelGradients<double> g = model.backward(tape, d);
    const auto loss = [&](Sequential<double>& m) {
        ModelTape<double> again;
        const double outputs = m.forward(ids, {}, again).step(0).cwiseProduct(d.matrix()).sum();
        return outputs + m.regularization_loss() + again.activity_loss();
    };
    const GradientCheckReport report = check_gradients(model, loss, g.parameters.flat());
    EXPECT_TRUE(report.passed) << report.text();
    EXPECT_EQ(report.entries, model.count_params());
}

TEST(LayersInTraining, TrainedModelLearnsAndKeepsWhatIsNotTrained) {
    Sequential<float> model = words_model<float>(true);
    const auto frozen = std::get<Bidirectional<float>>(model.layers()[1]).get_weights();
    const auto norm = std::get<BatchNormalization<float>>(model.layers()[2]).get_weights();
    const Sequence<float> ids = padded_ids<float>();
    Sequence<float> y({4, 1, 1});
    y.matrix() << 0.9F, 0.7F, 1.1F, 0.8F;
    Trainer<float> trainer(model, Loss::mean_squared_error(), Adam{.learning_rate = 0.05});
    const double first = trainer.train_step(ids, y);
    double last = first;
    for (int i = 0; i < 50; ++i) last = trainer.train_step(ids, y);
    EXPECT_LT(last, 0.5 * first);
    EXPECT_EQ(std::get<Bidirectional<float>>(model.layers()[1]).get_weights(), frozen);
    const auto trained = std::get<BatchNormalization<float>>(model.layers()[2]).get_weights();
    EXPECT_NE(trained[0], norm[0]);
    EXPECT_EQ(trained[2], norm[2]);
    EXPECT_EQ(trained[3], norm[3]);
}

}  // namespace
}  // namespace eigengru_test
