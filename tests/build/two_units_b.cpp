// SPDX-License-Identifier: MIT
#include <eigengru/eigengru.hpp>

eigengru::Gru<float> make_layer_in_the_other_unit();
eigengru::Output<float> call_in_the_other_unit(eigengru::Gru<float>& layer, const eigengru::RowMatrix<float>& inputs);

eigengru::Gru<float> make_layer_in_the_other_unit() {
    return {3, {.units = 4}};
}

eigengru::Output<float> call_in_the_other_unit(eigengru::Gru<float>& layer, const eigengru::RowMatrix<float>& inputs) {
    return layer(inputs);
}
