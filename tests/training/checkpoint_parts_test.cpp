// SPDX-License-Identifier: MIT
#include "eigengru/training/checkpoint_parts.hpp"

#include "eigengru/training/checkpoint.hpp"
#include "support/scratch_files.hpp"

#include <gtest/gtest.h>

namespace eigengru_test {
namespace {

using namespace eigengru;
using Lines = std::vector<std::string>;

// Whole checkpoints, and damaged ones, are tested in checkpoint_test.cpp.

Sequential<float> small_model(Index units = 2) {
    return Sequential<float>({Masking<float>(), Gru<float, false>(1, {.units = units, .use_bias = false, .seed = 1}),
                              Dense<float>(units, {.units = 1, .seed = 2})});
}

TEST(CheckpointParts, AModelIsItsLayersAndWeightsInLines) {
    const Lines expected{"layer 0: Masking \"masking\"",
                         "layer 1: GRU (reset_after = false) \"gru\"",
                         "layer 1: GRU (reset_after = false) \"gru\" kernel (1, 6)",
                         "layer 1: GRU (reset_after = false) \"gru\" recurrent_kernel (2, 6)",
                         "layer 2: Dense \"dense\"",
                         "layer 2: Dense \"dense\" kernel (2, 1)",
                         "layer 2: Dense \"dense\" bias (1, 1)"};
    EXPECT_EQ(eigengru::detail::model_lines(small_model()), expected);
}

/// Every layer that has weights or states of an uncommon kind.
Sequential<float> model_of_many(std::uint64_t seed) {
    return Sequential<float>(
        {Embedding<float>({.input_dim = 4, .output_dim = 2, .seed = seed}),
         Bidirectional<float, false>(
             2, {.units = 2, .use_bias = false, .seed = seed, .return_sequences = true, .stateful = true}),
         BatchNormalization<float>(4, {.scale = false, .moving_mean_initializer = "uniform"}),
         LayerNormalization<float>(4, {.gamma_initializer = "uniform"})});
}

TEST(CheckpointParts, EachWeightHasALine) {
    const Lines expected{
        "layer 0: Embedding \"embedding\"",
        "layer 0: Embedding \"embedding\" embeddings (4, 2)",
        "layer 1: Bidirectional (reset_after = false) \"bidirectional\"",
        "layer 1: Bidirectional (reset_after = false) \"bidirectional\" forward_layer/kernel (2, 6)",
        "layer 1: Bidirectional (reset_after = false) \"bidirectional\" forward_layer/recurrent_kernel "
        "(2, 6)",
        "layer 1: Bidirectional (reset_after = false) \"bidirectional\" backward_layer/kernel (2, 6)",
        "layer 1: Bidirectional (reset_after = false) \"bidirectional\" backward_layer/recurrent_kernel "
        "(2, 6)",
        "layer 2: BatchNormalization \"batch_normalization\"",
        "layer 2: BatchNormalization \"batch_normalization\" beta (1, 4)",
        "layer 2: BatchNormalization \"batch_normalization\" moving_mean (1, 4)",
        "layer 2: BatchNormalization \"batch_normalization\" moving_variance (1, 4)",
        "layer 3: LayerNormalization \"layer_normalization\"",
        "layer 3: LayerNormalization \"layer_normalization\" gamma (1, 4)",
        "layer 3: LayerNormalization \"layer_normalization\" beta (1, 4)"};
    EXPECT_EQ(eigengru::detail::model_lines(model_of_many(1)), expected);
}

TEST(CheckpointParts, AModelOfManyLayersIsReadBackWithItsStates) {
    const ScratchFolder folder;
    Sequential<float> model = model_of_many(1), other = model_of_many(2);
    Optimizer<float> optimizer = Adam{};
    const Sequence<float> ids({1, 3, 1});
    (void)model.predict(ids);
    save_checkpoint(folder / "a.ckpt", model, optimizer);
    load_checkpoint(folder / "a.ckpt", other, optimizer);
    EXPECT_EQ(other.predict(ids).matrix(), model.predict(ids).matrix());
    EXPECT_EQ(std::get<BatchNormalization<float>>(other.layers()[2]).get_weights(),
              std::get<BatchNormalization<float>>(model.layers()[2]).get_weights());
}

TEST(CheckpointParts, LinesAreSplitWhereTheyWereJoined) {
    EXPECT_EQ(eigengru::detail::split_lines("a\nb c\n"), (Lines{"a", "b c"}));
    EXPECT_EQ(eigengru::detail::split_lines("a\nb"), (Lines{"a", "b"}));
    EXPECT_EQ(eigengru::detail::split_lines(""), Lines());
}

TEST(CheckpointParts, AModelIsReadBackOrRefusedByName) {
    const ScratchFolder folder;
    const Sequential<float> model = small_model();
    CheckpointWriter writer;
    eigengru::detail::add_model(writer, model);
    writer.write(folder / "a.ckpt");
    const CheckpointReader reader(folder / "a.ckpt");
    Sequential<float> same = small_model();
    same.update_variables([](const Variable<float>& v) { MatrixMap<float>(v.values).setZero(); });
    eigengru::detail::CheckpointModel<float>(reader, "Test", same).apply(same);
    EXPECT_EQ(std::get<Dense<float>>(same.layers()[2]).kernel(), std::get<Dense<float>>(model.layers()[2]).kernel());
    EXPECT_EQ(format_error_of([&] { eigengru::detail::CheckpointModel<float>(reader, "Test", small_model(3)); }),
              "Test: expected layer 1: GRU (reset_after = false) \"gru\" kernel (1, 9), received layer 1: GRU "
              "(reset_after = false) \"gru\" kernel (1, 6)");
}

TEST(CheckpointParts, AnOptimizerIsReadBack) {
    const ScratchFolder folder;
    Optimizer<float> optimizer = Adam{.learning_rate = 0.5};
    Dense<float> dense(2, {.units = 1});
    optimizer.step(dense, Eigen::VectorXf::Ones(3).eval());
    CheckpointWriter writer;
    eigengru::detail::add_optimizer(writer, optimizer);
    writer.write(folder / "a.ckpt");
    const CheckpointReader reader(folder / "a.ckpt");
    const Optimizer<float> read =
        eigengru::detail::read_optimizer<float>(reader, "Test", Optimizer<float>(Adam{.learning_rate = 0.5}), 3);
    EXPECT_EQ(read.iterations(), 1);
    EXPECT_EQ(read.slots()[1].values, optimizer.slots()[1].values);
}

}  // namespace
}  // namespace eigengru_test
