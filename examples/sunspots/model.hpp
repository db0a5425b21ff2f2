// SPDX-License-Identifier: MIT
// The model of the sunspots example, as train.py builds it, and the two ways to forecast with it.
#pragma once

#include "series.hpp"

#include <eigengru/eigengru.hpp>

#include <cstdint>
#include <variant>

namespace sunspots {

using namespace eigengru;

/// The model of train.py before its training.
[[nodiscard]] inline Sequential<float> random_model(std::uint64_t seed) {
    const Regularizer penalty = Regularizer::l2(3e-4);
    return Sequential<float>({Gru<float>(1, {.units = 24,
                                             .kernel_regularizer = penalty,
                                             .recurrent_regularizer = penalty,
                                             .seed = seed,
                                             .return_sequences = true}),
                              Dense<float>(24, {.units = 1, .kernel_regularizer = penalty, .seed = seed + 100})});
}

/// One step ahead, in normalised units: over all years at once, where the output of a year is the forecast of the next.
[[nodiscard]] inline std::vector<double> forecast_all(Sequential<float>& model, const Series& series) {
    const std::vector<float> y = series.normalised<float>();
    const Sequence<float> outputs = model.predict(SequenceView<const float>(y.data(), {1, y.size() - 1, 1}));
    return {outputs.data(), outputs.data() + outputs.size()};
}

/// The model year by year, the state carried along by hand.
class YearByYear {
public:
    explicit YearByYear(const Sequential<float>& model)
        : gru_(std::get<Gru<float>>(model.layers()[0])), head_(std::get<Dense<float>>(model.layers()[1])) {}

    float step(float input) {
        const Output<float> out = gru_(SequenceView<const float>(&input, {1, 1, 1}), {.initial_state = state_});
        state_ = out.state;
        return head_(out.last)(0, 0);
    }

private:
    Gru<float> gru_;
    Dense<float> head_;
    RowMatrix<float> state_ = RowMatrix<float>::Zero(1, gru_.units());
};

}  // namespace sunspots
