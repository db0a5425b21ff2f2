// SPDX-License-Identifier: MIT
// A program built for cuDNN, run with or without a GPU: it asks where a call would run, and runs it there.
#include <eigengru/eigengru.hpp>

#include <cstdio>
#include <vector>

int main() {
    eigengru::Gru<float> layer(3, {.units = 4});
    const std::vector<float> inputs(2 * 5 * 3, 0.5F);
    const eigengru::SequenceView<const float> view(inputs, {2, 5, 3});
    const eigengru::BackendVerdict verdict = layer.explain_backend(view);
    std::puts(verdict.text().c_str());
    const auto y = layer(view);
    return y.last.allFinite() ? 0 : 1;
}
