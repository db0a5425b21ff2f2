// SPDX-License-Identifier: MIT
// The example of Keras's reference page for the GRU layer, call for call. For people who know the Python side:
//
//     inputs = np.random.random((32, 10, 8))
//     gru = keras.layers.GRU(4)
//     output = gru(inputs)
//     gru = keras.layers.GRU(4, return_sequences=True, return_state=True)
//     whole_sequence_output, final_state = gru(inputs)

#include <eigengru/eigengru.hpp>

#include <cstdio>

int main() {
    using namespace eigengru;

    Sequence<float> inputs({32, 10, 8});  // (batch, time, features)
    inputs.matrix() = (RowMatrix<float>::Random(320, 8).array() + 1.0f) / 2.0f;

    Gru<float> gru(8, {.units = 4});
    const Output<float> output = gru(inputs);
    std::printf("output                (%td, %td)\n", output.last.rows(), output.last.cols());

    gru = Gru<float>(8, {.units = 4, .return_sequences = true, .return_state = true});
    const auto [whole_sequence_output, last, final_state] = gru(inputs);
    const Shape3& shape = whole_sequence_output.shape();
    std::printf("whole_sequence_output (%td, %td, %td)\n", shape.batch, shape.time, shape.features);
    std::printf("final_state           (%td, %td)\n", final_state.rows(), final_state.cols());

    const bool is_right = output.last.rows() == 32 && output.last.cols() == 4 && shape == Shape3(32, 10, 4) &&
                          final_state.rows() == 32 && final_state.cols() == 4 && last == final_state;
    std::puts(is_right ? "The shapes are those of the reference page." : "The shapes are wrong.");
    return is_right ? 0 : 1;
}
