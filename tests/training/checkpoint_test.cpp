// SPDX-License-Identifier: MIT
#include "eigengru/training/checkpoint.hpp"

#include "support/modes.hpp"
#include "support/scratch_files.hpp"
#include "training/trainer_support.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace {

using namespace eigengru;
using namespace eigengru_test;

/// A stateful model with dropout and an optimiser, some steps into a training.
template <class S>
struct Trained {
    explicit Trained(int steps)
        : model(small_model<S>({.stateful = true, .dropout = 0.4})), optimizer(Adam{.amsgrad = true}) {
        for (int i = 0; i < steps; ++i) step();
    }

    double step() { return manual_step<S>(model, "mse", optimizer, {data.x, data.y}); }

    SmallData<S> data{3, 4};
    Sequential<S> model;
    Optimizer<S> optimizer;
};

template <class S>
class CheckpointOf : public testing::Test {};
TYPED_TEST_SUITE(CheckpointOf, eigengru_test::Scalars, );

TYPED_TEST(CheckpointOf, GoesOnBitForBitInALoopOfOnesOwn) {
    const ScratchFolder folder;
    Trained<TypeParam> straight(3), other(0);
    const CheckpointExtras extras{.counters = {{"step", 3}}, .numbers = {{"best", {0.1, 2}}}};
    save_checkpoint(folder / "a", straight.model, straight.optimizer, extras);
    EXPECT_EQ(load_checkpoint(folder / "a", other.model, other.optimizer), extras);
    EXPECT_EQ(weights_of(other.model), weights_of(straight.model));
    EXPECT_EQ(state_of(other.model), state_of(straight.model));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(other.step(), straight.step());
    EXPECT_EQ(weights_of(other.model), weights_of(straight.model));
    EXPECT_EQ(other.optimizer.iterations(), 6);
}

TYPED_TEST(CheckpointOf, OfTheBeginningGoesBackThere) {
    const ScratchFolder folder;
    Trained<TypeParam> trained(2), fresh(0);
    save_checkpoint(folder / "a", fresh.model, fresh.optimizer);
    load_checkpoint(folder / "a", trained.model, trained.optimizer);
    EXPECT_EQ(state_of(trained.model).rows(), 0);
    EXPECT_EQ(trained.optimizer.iterations(), 0);
    EXPECT_EQ(trained.step(), fresh.step());
}

TYPED_TEST(CheckpointOf, WeightsAloneNeedNoOptimizer) {
    const ScratchFolder folder;
    Trained<TypeParam> trained(2);
    save_checkpoint(folder / "a", trained.model, trained.optimizer);
    Sequential<TypeParam> model = small_model<TypeParam>();
    load_checkpoint_weights(folder / "a", model);
    EXPECT_EQ(weights_of(model), weights_of(trained.model));
}

TYPED_TEST(CheckpointOf, EveryRecipeIsFoundAgain) {
    const ScratchFolder folder;
    const std::vector<Optimizer<TypeParam>> optimizers{SGD{},
                                                       SGD{.momentum = 0.9, .nesterov = true},
                                                       RMSprop{.momentum = 0.5, .centered = true},
                                                       Adam{},
                                                       AdamW{},
                                                       Adam{.learning_rate = ExponentialDecay{0.1, 10, 0.5}},
                                                       SGD{.learning_rate = CosineDecay{0.1, 10}, .clipnorm = 0.1}};
    for (const Optimizer<TypeParam>& recipe : optimizers) {
        Trained<TypeParam> trained(0), other(0);
        trained.optimizer = other.optimizer = recipe;
        (void)trained.step();
        save_checkpoint(folder / "a", trained.model, trained.optimizer);
        load_checkpoint(folder / "a", other.model, other.optimizer);
        EXPECT_EQ(other.optimizer.learning_rate(), trained.optimizer.learning_rate());
        (void)trained.step();
        (void)other.step();
        EXPECT_EQ(weights_of(other.model), weights_of(trained.model));
    }
}

TEST(Checkpoint, TakesAConstantLearningRateFromTheFile) {
    const ScratchFolder folder;
    Sequential<double> model = small_model<double>();
    Optimizer<double> saved = Adam{.learning_rate = 0.1}, optimizer = Adam{.learning_rate = 0.2};
    save_checkpoint(folder / "a", model, saved);
    load_checkpoint(folder / "a", model, optimizer);
    EXPECT_EQ(optimizer.learning_rate(), 0.1);
}

TEST(Checkpoint, StateOfALayerThatIsNotStatefulIsLeftAlone) {
    const ScratchFolder folder;
    Trained<float> trained(1);
    save_checkpoint(folder / "a", trained.model, trained.optimizer);
    Sequential<float> model = small_model<float>({.dropout = 0.4});
    load_checkpoint(folder / "a", model, trained.optimizer);
    EXPECT_EQ(state_of(model).rows(), 0);
}

// Refusals: nothing has changed

/// How many rows all layers carry.
template <class S>
Index carried_rows(const Sequential<S>& model) {
    Index rows = 0;
    eigengru::detail::for_each_layer(model, [&]<class L>(std::size_t, const L& layer) {
        if constexpr (eigengru::detail::GruLayer<L>) rows += layer.state().rows();
    });
    return rows;
}

/// What a checkpoint of `trained` says when it is loaded into `model` and `optimizer`, which must stay as they are.
template <class S>
std::string refusal_of(Sequential<S> model, std::type_identity_t<Optimizer<S>> optimizer = Adam{.amsgrad = true},
                       const std::function<void(const std::filesystem::path&)>& change = {}) {
    const ScratchFolder folder;
    Trained<float> trained(2);
    save_checkpoint(folder / "a", trained.model, trained.optimizer, {.counters = {{"n", 1}}});
    if (change) change(folder / "a");
    const std::vector<S> before = weights_of(model);
    const std::string message = format_error_of([&] { load_checkpoint(folder / "a", model, optimizer); });
    EXPECT_EQ(weights_of(model), before);
    EXPECT_EQ(optimizer.iterations(), 0);
    EXPECT_EQ(carried_rows(model), 0);
    const std::string where = "load_checkpoint: " + (folder / "a").string() + ": ";
    return message.starts_with(where) ? message.substr(where.size()) : message;
}

Sequential<float> same_model() {
    return small_model<float>({.stateful = true, .dropout = 0.4});
}

TEST(Checkpoint, NamesTheLayerThatDiffers) {
    const Dropout<float> dropout({.rate = 0.4, .seed = 12});
    const auto gru = [](Index features, Index units, const char* name) {
        return Gru<float>(features, {.units = units,
                                     .dropout = 0.4,
                                     .recurrent_dropout = 0.2,
                                     .seed = 11,
                                     .return_sequences = true,
                                     .stateful = true,
                                     .name = name});
    };
    EXPECT_EQ(refusal_of(Sequential<float>({gru(3, 4, "other"), dropout, Dense<float>(4, {.units = 2})})),
              "expected layer 0: GRU \"other\", received layer 0: GRU \"gru\"");
    EXPECT_EQ(refusal_of(Sequential<float>({gru(3, 5, "gru"), dropout, Dense<float>(5, {.units = 2})})),
              "expected layer 0: GRU \"gru\" kernel (3, 15), received layer 0: GRU \"gru\" kernel (3, 12)");
    EXPECT_EQ(refusal_of(Sequential<float>({gru(3, 4, "gru"), Dense<float>(4, {.units = 2})})),
              "expected layer 1: Dense \"dense\", received layer 1: Dropout \"dropout\"");
    EXPECT_EQ(refusal_of(Sequential<float>({gru(3, 4, "gru"), dropout})),
              "expected no more layers, received layer 2: Dense \"dense\"");
    EXPECT_EQ(refusal_of(Sequential<float>({gru(3, 4, "gru"), dropout, Dense<float>(4, {.units = 2}), dropout})),
              "expected layer 3: Dropout \"dropout\", received no more layers");
    EXPECT_EQ(refusal_of(Sequential<float>(
                  {Gru<float, false>(3, {.units = 4, .return_sequences = true}), Dense<float>(4, {.units = 2})})),
              "expected layer 0: GRU (reset_after = false) \"gru\", received layer 0: GRU \"gru\"");
}

TEST(Checkpoint, NamesTheOptimizerThatDiffers) {
    EXPECT_EQ(
        refusal_of(same_model(), SGD{}),
        "expected the optimizer SGD(momentum=0, nesterov=false, weight_decay=none, clipnorm=none, clipvalue=none, "
        "global_clipnorm=none), received Adam(beta_1=0.9, beta_2=0.999, epsilon=1e-07, amsgrad=true, "
        "weight_decay=none, clipnorm=none, clipvalue=none, global_clipnorm=none)");
    EXPECT_TRUE(refusal_of(same_model(), Adam{.beta_1 = 0.8, .amsgrad = true})
                    .starts_with("expected the optimizer Adam(beta_1=0.8, "));
    EXPECT_EQ(refusal_of(same_model(), Adam{.learning_rate = CosineDecay{0.1, 10}, .amsgrad = true}),
              "the optimizer's learning rate expected the same schedule, received another one");
}

TEST(Checkpoint, RefusesAnotherScalar) {
    EXPECT_TRUE(refusal_of(small_model<double>({.stateful = true, .dropout = 0.4}), Adam{.amsgrad = true})
                    .ends_with(": block \"weights/0/kernel\" expected f64, it holds f32"));
}

TEST(Checkpoint, RefusesDamageAnywhereAndChangesNothing) {
    Bytes bytes;
    (void)refusal_of(same_model(), Adam{}, [&](const auto& path) { bytes = bytes_of(path); });
    ASSERT_GT(bytes.size(), 1000U);
    for (std::size_t at = 0; at < bytes.size(); at += 97) {
        const std::string message = refusal_of(same_model(), Adam{.amsgrad = true}, [&](const auto& path) {
            Bytes damaged = bytes_of(path);
            damaged[at] ^= 0x10;
            write_bytes(path, damaged);
        });
        EXPECT_TRUE(message.starts_with("CheckpointReader: ")) << at << ": " << message;
    }
    EXPECT_TRUE(refusal_of(same_model(), Adam{.amsgrad = true}, [&](const auto& path) {
                    std::filesystem::resize_file(path, bytes.size() / 2);
                }).starts_with("CheckpointReader: "));
}

/// A file with the blocks of another but one, which is left out or holds these values.
template <class T>
void replace_block(const std::filesystem::path& path, const std::string& replaced, const std::vector<T>& values) {
    const CheckpointReader reader(path);
    CheckpointWriter writer;
    for (const std::string& name : reader.names()) {
        if (name == replaced)
            writer.add(name, std::span<const T>(values));
        else if (name == "model" || name == "optimizer")
            writer.add_text(name, reader.text(name));
        else if (name.starts_with("weights") || name.starts_with("state") || name.starts_with("optimizer/slots"))
            writer.add(name, std::span<const float>(reader.values<float>(name)));
        else if (name == "optimizer/rates")
            writer.add(name, std::span<const double>(reader.values<double>(name)));
        else
            writer.add(name, std::span<const std::int64_t>(reader.values<std::int64_t>(name)));
    }
    writer.write(path);
}

TEST(Checkpoint, RefusesValuesThatCannotBe) {
    const auto refusal = [](const std::string& block, const auto& values) {
        return refusal_of(same_model(), Adam{.amsgrad = true},
                          [&](const auto& path) { replace_block(path, block, values); });
    };
    EXPECT_EQ(refusal("state/0", std::vector<float>(6)),
              "block \"state/0\" expected rows of 4 units, received 6 elements");
    EXPECT_EQ(refusal("optimizer/iterations", std::vector<std::int64_t>{-1}), "the optimizer has done -1 iterations");
    EXPECT_EQ(refusal("optimizer/slots/velocity", std::vector<float>(3)),
              "slot \"velocity\" of the optimizer expected 118 elements, received 3");
    EXPECT_EQ(refusal("optimizer/iterations", std::vector<std::int64_t>{0}),
              "slot \"momentum\" of the optimizer expected 0 elements, received 118");
    EXPECT_EQ(refusal("optimizer/rates", std::vector<double>{-1.0}),
              "the optimizer's learning rate expected a constant, received another one");
    EXPECT_EQ(refusal("optimizer/rates", std::vector<double>{0.1, 0.2}),
              "the optimizer's learning rate expected a constant, received another one");
    EXPECT_TRUE(refusal("dropout/calls", std::vector<std::int64_t>{1})
                    .ends_with("\"dropout/calls\" expected 3 elements, it has 1"));
    EXPECT_TRUE(
        refusal("counter/n", std::vector<std::int64_t>{}).ends_with("\"counter/n\" expected 1 elements, it has 0"));
}

TEST(Checkpoint, LayersWithoutASeedGoOnWithTheSameMasks) {
    const ScratchFolder folder;
    const auto model = [] {
        return Sequential<float>(
            {Gru<float>(3, {.units = 4, .dropout = 0.5, .recurrent_dropout = 0.5}), Dropout<float>({.rate = 0.5})});
    };
    const SmallData<float> data(8, 4);
    Sequential<float> first = model(), second = model();
    Optimizer<float> optimizer = SGD{};
    (void)first(data.x, {.training = true});
    save_checkpoint(folder / "a", first, optimizer);
    load_checkpoint(folder / "a", second, optimizer);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(first(data.x, {.training = true}).matrix(), second(data.x, {.training = true}).matrix());
}

TEST(Checkpoint, FolderThatIsNotThereIsAnError) {
    const ScratchFolder folder;
    EXPECT_TRUE(format_error_of([&] {
                    save_checkpoint(folder / "no" / "a", small_model<float>(), Optimizer<float>(SGD{}));
                }).starts_with("CheckpointWriter::write: "));
}

}  // namespace
