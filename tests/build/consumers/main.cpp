// SPDX-License-Identifier: MIT
// What a stranger's first program does, for each way to add Eigengru to a project.
#include <eigengru/eigengru.hpp>

#include <cstdio>

int main() {
    eigengru::Gru<float> layer(3, {.units = 4});
    const eigengru::RowMatrix<float> inputs = eigengru::RowMatrix<float>::Constant(5, 3, 0.5f);
    const eigengru::Output<float> output = layer(inputs);
    std::printf("%d x %d\n", static_cast<int>(output.last.rows()), static_cast<int>(output.last.cols()));
    return output.last.rows() == 1 && output.last.cols() == 4 && output.last.allFinite() ? 0 : 1;
}
