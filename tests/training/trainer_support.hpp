// SPDX-License-Identifier: MIT
// What the tests of training share: small data, small models, all their weights, and a loop written out by hand.
#pragma once

#include "eigengru/training/trainer.hpp"

#include <atomic>
#include <utility>
#include <vector>

namespace eigengru_test {

/// Inputs (samples, time, 3) and targets (samples, time, 2) or (samples, 1, 2), drawn from a seed.
template <class S>
struct SmallData {
    explicit SmallData(eigengru::Index samples, eigengru::Index time, bool has_sequences = true, std::uint64_t seed = 1)
        : x({samples, time, 3}), y({samples, has_sequences ? time : 1, 2}) {
        eigengru::RandomStream random(seed, 0);
        for (auto* values : {&x, &y})
            for (eigengru::Index i = 0; i < values->size(); ++i) values->data()[i] = static_cast<S>(random.normal());
    }

    eigengru::Sequence<S> x, y;
};

struct SmallModelOptions {
    bool stateful = false;
    bool return_sequences = true;
    double dropout = 0.0;
};

/// Gru (4 units), Dropout, Dense (2 units): always the same weights.
template <class S>
eigengru::Sequential<S> small_model(SmallModelOptions o = {}) {
    using namespace eigengru;
    return Sequential<S>({Gru<S>(3, {.units = 4,
                                     .kernel_regularizer = "l2",
                                     .dropout = o.dropout,
                                     .recurrent_dropout = o.dropout / 2,
                                     .seed = 11,
                                     .return_sequences = o.return_sequences,
                                     .stateful = o.stateful}),
                          Dropout<S>({.rate = o.dropout, .seed = 12}), Dense<S>(4, {.units = 2, .seed = 13})});
}

template <class S>
std::vector<S> weights_of(eigengru::Sequential<S>& model) {
    std::vector<S> weights;
    model.update_variables([&](const eigengru::Variable<S>& v) {
        weights.insert(weights.end(), v.values.data(), v.values.data() + v.values.size());
    });
    return weights;
}

/// The state that the first layer of small_model() carries.
template <class S>
eigengru::RowMatrix<S> state_of(eigengru::Sequential<S>& model) {
    return std::get<eigengru::Gru<S>>(model.layer(0)).state();
}

/// One update as anybody would write it with the pieces; returns the loss.
template <class S>
double manual_step(eigengru::Sequential<S>& model, const eigengru::Loss& loss, eigengru::Optimizer<S>& optimizer,
                   const eigengru::DataSet<S>& batch) {
    using namespace eigengru;
    ModelTape<S> tape;
    const SequenceView<const S> outputs = model.forward(batch.x, {.mask = batch.mask, .training = true}, tape);
    Sequence<S> d(outputs.shape());
    const S value = loss.value_and_gradient(batch.y, outputs, {batch.sample_weight, tape.mask()}, d);
    const S total = value + model.regularization_loss() + tape.activity_loss();
    const ModelGradients<S> gradients = model.backward(tape, d);
    optimizer.step(model, gradients.parameters.flat());
    return static_cast<double>(total);
}

/// Some samples, one after the other, and some of their steps, as a view.
template <class S>
eigengru::SequenceView<const S> part_of(const eigengru::Sequence<S>& all, eigengru::Index first, eigengru::Index count,
                                        eigengru::Index first_step = 0, eigengru::Index steps = -1) {
    const eigengru::Shape3& shape = all.shape();
    return {all.view().row(first, first_step),
            {count, steps < 0 ? shape.time : steps, shape.features},
            {shape.time * shape.features, shape.features}};
}

/// Sets a flag after so many batches.
class StopAfter : public eigengru::Callback {
public:
    StopAfter(eigengru::Index batches, std::atomic<bool>& flag) : left_(batches), flag_(&flag) {}
    void on_batch_end(eigengru::TrainingRun&) override {
        if (--left_ == 0) flag_->store(true);
    }

private:
    eigengru::Index left_;
    std::atomic<bool>* flag_;
};

/// A training that a test of callbacks makes up.
class FakeRun : public eigengru::TrainingRun {
public:
    [[nodiscard]] const eigengru::TrainingStatus& status() const override { return now; }
    [[nodiscard]] std::vector<double> weights() override { return held; }
    void set_weights(std::span<const double> weights) override { held.assign(weights.begin(), weights.end()); }
    void set_learning_rate(double rate) override { now.learning_rate = rate; }
    void reset_state() override {}
    void stop() override { is_ended = true; }
    void request_checkpoint(const std::string& path) override { requested.push_back(path); }

    eigengru::TrainingStatus now;
    std::vector<double> held{0.0};
    bool is_ended = false;
    std::vector<std::filesystem::path> requested;
};

}  // namespace eigengru_test
