// SPDX-License-Identifier: MIT
// Whole trainings against Keras: every case of tests/golden/trajectories.golden, replayed by real layers and a Trainer.
#include "eigengru/training/trainer.hpp"

#include "support/golden_math.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace {

using namespace eigengru;
using namespace eigengru_test;

const std::vector<GoldenCase>& trajectories() {
    static const std::vector<GoldenCase> cases =
        load_golden(std::filesystem::path(EIGENGRU_GOLDEN_DIR) / "trajectories.golden");
    return cases;
}

// The model

Constraint optional_constraint(const GoldenCase& golden, const std::string& key) {
    return golden.has_option(key) ? constraint_of(golden, key) : Constraint();
}

GruOptions gru_options(const GoldenCase& golden, const std::string& key) {
    return {.units = static_cast<Index>(golden.size(key + ".units")),
            .activation = activation_of(golden, key + ".activation"),
            .recurrent_activation = activation_of(golden, key + ".recurrent_activation"),
            .use_bias = golden.flag(key + ".use_bias"),
            .kernel_regularizer = regularizer_of(golden, key + ".kernel_regularizer"),
            .recurrent_regularizer = regularizer_of(golden, key + ".recurrent_regularizer"),
            .bias_regularizer = regularizer_of(golden, key + ".bias_regularizer"),
            .activity_regularizer = regularizer_of(golden, key + ".activity_regularizer"),
            .kernel_constraint = optional_constraint(golden, key + ".kernel_constraint"),
            .recurrent_constraint = optional_constraint(golden, key + ".recurrent_constraint"),
            .bias_constraint = optional_constraint(golden, key + ".bias_constraint"),
            .return_sequences = golden.flag(key + ".return_sequences"),
            .go_backwards = golden.flag(key + ".go_backwards"),
            .stateful = golden.flag(key + ".stateful"),
            .zero_output_for_mask = golden.flag(key + ".zero_output_for_mask"),
            .trainable = golden.flag(key + ".trainable")};
}

DenseOptions dense_options(const GoldenCase& golden, const std::string& key) {
    return {.units = static_cast<Index>(golden.size(key + ".units")),
            .activation = activation_of(golden, key + ".activation"),
            .use_bias = golden.flag(key + ".use_bias"),
            .kernel_regularizer = regularizer_of(golden, key + ".kernel_regularizer"),
            .bias_regularizer = regularizer_of(golden, key + ".bias_regularizer"),
            .activity_regularizer = regularizer_of(golden, key + ".activity_regularizer"),
            .kernel_constraint = optional_constraint(golden, key + ".kernel_constraint"),
            .bias_constraint = optional_constraint(golden, key + ".bias_constraint"),
            .trainable = golden.flag(key + ".trainable")};
}

template <class S, class L>
L with_initial_weights(const GoldenCase& golden, std::size_t number, L layer) {
    std::vector<RowMatrix<S>> weights;
    for (const char* name : {".kernel", ".recurrent_kernel", ".bias"})
        if (const std::string key = "initial." + std::to_string(number) + name; golden.has_array(key))
            weights.push_back(matrix_of<S>(golden.array(key)));
    layer.set_weights(weights);
    return layer;
}

template <class S>
Sequential<S> model_of(const GoldenCase& golden) {
    std::vector<typename Sequential<S>::Layer> layers;
    auto features = static_cast<Index>(golden.size("features"));
    for (std::size_t i = 0; i < golden.size("layers"); ++i) {
        const std::string key = "layer." + std::to_string(i);
        const std::string& kind = golden.option(key);
        if (kind == "masking") {
            layers.push_back(Masking<S>({.mask_value = golden.number(key + ".mask_value")}));
            continue;
        }
        if (kind == "dense")
            layers.push_back(with_initial_weights<S>(golden, i, Dense<S>(features, dense_options(golden, key))));
        else if (golden.flag(key + ".reset_after"))
            layers.push_back(with_initial_weights<S>(golden, i, Gru<S, true>(features, gru_options(golden, key))));
        else
            layers.push_back(with_initial_weights<S>(golden, i, Gru<S, false>(features, gru_options(golden, key))));
        features = static_cast<Index>(golden.size(key + ".units"));
    }
    return Sequential<S>(std::move(layers));
}

// Loss and optimiser

Loss loss_of(const GoldenCase& golden) {
    const std::string& name = golden.option("loss");
    const std::string& reduction = golden.option("reduction");
    auto p = golden.numbers_below("loss");
    const CrossentropyOptions crossentropy{p["from_logits"] != 0.0, p["label_smoothing"], reduction};
    if (name == "mean_squared_error") return Loss::mean_squared_error({reduction});
    if (name == "mean_absolute_error") return Loss::mean_absolute_error({reduction});
    if (name == "huber") return Loss::huber({p.at("delta"), reduction});
    if (name == "binary_crossentropy") return Loss::binary_crossentropy(crossentropy);
    if (name == "categorical_crossentropy") return Loss::categorical_crossentropy(crossentropy);
    if (name == "sparse_categorical_crossentropy")
        return Loss::sparse_categorical_crossentropy({.from_logits = p["from_logits"] != 0.0, .reduction = reduction});
    throw std::invalid_argument("golden case " + golden.name + ": loss \"" + name + "\" is not known here");
}

LearningRate learning_rate_of(const GoldenCase& golden) {
    if (!golden.has_option("schedule")) return golden.number("optimizer.learning_rate");
    auto p = golden.numbers_below("schedule");
    const double initial = p.at("initial_learning_rate");
    const auto steps = static_cast<std::int64_t>(p.at("decay_steps"));
    if (golden.option("schedule") == "exponential_decay")
        return ExponentialDecay{initial, steps, p.at("decay_rate"), p["staircase"] != 0.0};
    CosineDecay cosine{.initial_learning_rate = initial, .decay_steps = steps, .alpha = p["alpha"]};
    if (p.contains("warmup_target")) cosine.warmup_target = p["warmup_target"];
    cosine.warmup_steps = static_cast<std::int64_t>(p["warmup_steps"]);
    return cosine;
}

template <class S>
Optimizer<S> optimizer_of(const GoldenCase& golden) {
    const LearningRate rate = learning_rate_of(golden);
    auto p = golden.numbers_below("optimizer");
    const auto optional = [&](const char* key) { return p.contains(key) ? std::optional(p[key]) : std::nullopt; };
    const auto common = [&](auto recipe) {
        recipe.learning_rate = rate;
        recipe.clipnorm = optional("clipnorm");
        recipe.clipvalue = optional("clipvalue");
        recipe.global_clipnorm = optional("global_clipnorm");
        if (p.contains("weight_decay")) recipe.weight_decay = p["weight_decay"];
        return recipe;
    };
    const auto adam = [&](auto recipe) {
        if (p.contains("beta_1")) recipe.beta_1 = p["beta_1"];
        if (p.contains("beta_2")) recipe.beta_2 = p["beta_2"];
        if (p.contains("epsilon")) recipe.epsilon = p["epsilon"];
        recipe.amsgrad = p["amsgrad"] != 0.0;
        return recipe;
    };
    const std::string& name = golden.option("optimizer");
    if (name == "sgd") return common(SGD{.momentum = p["momentum"], .nesterov = p["nesterov"] != 0.0});
    if (name == "adam") return common(adam(Adam{}));
    if (name == "adamw") return common(adam(AdamW{}));
    if (name != "rmsprop") throw std::invalid_argument("golden case " + golden.name + ": optimizer " + name);
    RMSprop rmsprop{.momentum = p["momentum"], .centered = p["centered"] != 0.0};
    if (p.contains("rho")) rmsprop.rho = p["rho"];
    if (p.contains("epsilon")) rmsprop.epsilon = p["epsilon"];
    return common(rmsprop);
}

// The data, (batches, ...), as views of one batch

template <class S>
class Batches {
public:
    explicit Batches(const GoldenCase& golden)
        : count_(golden.size("batches")),
          batch_(golden.size("batch")),
          inputs_(golden.array("inputs").as<S>()),
          targets_(golden.array("targets").as<S>()) {
        if (golden.has_array("sample_weight")) weights_ = golden.array("sample_weight").as<S>();
        const std::size_t rank = golden.array("targets").dims.size();
        const bool is_sparse = golden.option("loss").starts_with("sparse");
        is_sequence_ = rank == (is_sparse ? 3U : 4U);
        time_ = golden.size("time");
    }

    [[nodiscard]] SequenceView<const S> x(std::size_t update) const { return view(inputs_, update, time_); }
    [[nodiscard]] SequenceView<const S> y(std::size_t update) const {
        return view(targets_, update, is_sequence_ ? time_ : 1);
    }
    [[nodiscard]] StepOptions<S> options(std::size_t update) const {
        if (weights_.empty()) return {};
        const std::size_t size = weights_.size() / count_;
        return {.sample_weight = {weights_.data() + update % count_ * size, batch_, size / batch_}};
    }

private:
    [[nodiscard]] SequenceView<const S> view(const std::vector<S>& values, std::size_t update, std::size_t time) const {
        const std::size_t size = values.size() / count_;
        return {values.data() + update % count_ * size, Shape3(batch_, time, size / batch_ / time)};
    }

    std::size_t count_, batch_, time_ = 0;
    std::vector<S> inputs_, targets_, weights_;
    bool is_sequence_ = false;
};

// The differences

/// The largest difference of the model's weights to those that stand below `prefix`.
template <class S>
double weight_difference(const GoldenCase& golden, const Sequential<S>& model, const std::string& prefix) {
    double largest = 0.0;
    eigengru::detail::for_each_layer(model, [&](std::size_t i, const auto& layer) {
        eigengru::detail::for_each_weight(layer, [&](std::string_view name, const RowMatrix<S>& values) {
            const std::string key = prefix + "." + std::to_string(i) + "." + std::string(name);
            const RowMatrix<double> expected = matrix_of<double>(golden.array(key));
            const double difference = (values.template cast<double>() - expected).cwiseAbs().maxCoeff();
            largest = std::isnan(difference) ? HUGE_VAL : std::max(largest, difference);
        });
    });
    return largest;
}

struct Differences {
    double losses = 0.0, early = 0.0, final = 0.0;     // to Keras
    double formula_losses = 0.0, formula_final = 0.0;  // family default: to the equations with unrounded numbers
};

template <class S>
Differences replay(const GoldenCase& golden) {
    Sequential<S> model = model_of<S>(golden);
    Trainer<S> trainer(model, loss_of(golden), optimizer_of<S>(golden));
    const Batches<S> batches(golden);
    const bool has_formula = golden.has_array("formula.losses");
    Differences worst;
    for (std::size_t update = 0; update < golden.size("updates"); ++update) {
        if (update == 10) worst.early = weight_difference(golden, model, "after_10");
        const double loss = trainer.train_step(batches.x(update), batches.y(update), batches.options(update));
        worst.losses = std::max(worst.losses, std::abs(loss - golden.array("losses").values.at(update)));
        if (has_formula)
            worst.formula_losses =
                std::max(worst.formula_losses, std::abs(loss - golden.array("formula.losses").values.at(update)));
    }
    worst.final = weight_difference(golden, model, "final");
    if (has_formula) worst.formula_final = weight_difference(golden, model, "formula.final");
    return worst;
}

TEST(Trajectory, FileHasItsCases) {
    EXPECT_EQ(trajectories().size(), 81U);
}

TEST(Trajectory, DoubleIsKerasTrainingInLossesAndWeights) {
    Differences all;
    double rounded = 0.0;
    for (const GoldenCase& golden : trajectories()) {
        const Differences d = replay<double>(golden);
        const double tolerance = golden.number("tolerance");
        const double worst = std::max({d.losses, d.early, d.final});
        EXPECT_LE(worst, tolerance) << golden.name << ": losses " << d.losses << ", after 10 " << d.early << ", final "
                                    << d.final;
        EXPECT_LE(std::max(d.formula_losses, d.formula_final), 1e-9) << golden.name;
        if (golden.option("family") != "exact") {
            rounded = std::max(rounded, worst);
            all.formula_losses = std::max(all.formula_losses, d.formula_losses);
            all.formula_final = std::max(all.formula_final, d.formula_final);
            continue;
        }
        all.losses = std::max(all.losses, d.losses);
        all.early = std::max(all.early, d.early);
        all.final = std::max(all.final, d.final);
    }
    std::cout << "worst in double: losses " << all.losses << ", weights after 10 updates " << all.early << ", after 50 "
              << all.final << "; of the formula: losses " << all.formula_losses << ", weights " << all.formula_final
              << "; where Keras rounds to float32 " << rounded << "\n";
}

TEST(Trajectory, FloatIsAsCloseAsKerasInFloat) {
    double worst = 0.0, worst_ratio = 0.0;
    for (const GoldenCase& golden : trajectories()) {
        const double difference = replay<float>(golden).final;
        const double keras = golden.number("float32_error");
        EXPECT_LE(difference, 10.0 * keras + 1e-6) << golden.name << ", Keras in float " << keras;
        worst = std::max(worst, difference);
        worst_ratio = std::max(worst_ratio, difference / keras);
    }
    std::cout << "worst in float: " << worst << ", worst ratio to Keras's own float error " << worst_ratio << "\n";
}

}  // namespace
