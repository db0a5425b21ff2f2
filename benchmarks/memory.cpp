// SPDX-License-Identifier: MIT
// What the layer asks of the heap: allocations of a call and of a training step after the first, and the scratch memory
// that it keeps, which must not grow with time.
#include "support/allocation_counter.hpp"

#include <eigengru/eigengru.hpp>

#include <iomanip>
#include <iostream>

namespace {

using eigengru::Gru;
using eigengru::Index;
using eigengru::Sequence;

struct Size {
    Index batch, units;
    Index time = 100;
};

std::size_t call_allocations(Gru<float>& layer, const Size& size) {
    const Sequence<float> inputs({size.batch, size.time, size.units});
    Sequence<float> outputs({size.batch, size.time, size.units});
    const eigengru_test::AllocationCount counter;
    layer.call(inputs, {}, {.sequences = outputs});
    return counter.count();
}

std::size_t training_allocations(Gru<float>& layer, const Size& size) {
    const Sequence<float> inputs({size.batch, size.time, size.units});
    Sequence<float> outputs({size.batch, size.time, size.units});
    eigengru::Tape<float> tape;
    eigengru::Gradients<float> gradients;
    const auto step = [&] {
        layer.forward(inputs, {.training = true}, tape, {.sequences = outputs});
        layer.backward(std::move(tape), {.sequences = outputs}, gradients);
    };
    step();
    const eigengru_test::AllocationCount counter;
    step();
    return counter.count();
}

Index workspace_kib(const Size& size, Index time) {
    Gru<float> layer(size.units, {.units = size.units, .recurrent_initializer = "zeros", .return_sequences = true});
    layer.prepare(size.batch, time);
    return (layer.workspace_bytes() + 1023) / 1024;
}

void print(const Size& size) {
    Gru<float> layer(size.units, {.units = size.units, .recurrent_initializer = "zeros", .return_sequences = true});
    layer.prepare(size.batch, size.time);
    const Index weights = (layer.parameters().flat().size() * Index(sizeof(float)) + 1023) / 1024;
    std::cout << std::setw(6) << size.batch << std::setw(6) << size.units << std::setw(14) << weights << std::setw(16)
              << workspace_kib(size, 1000) << std::setw(16) << workspace_kib(size, 100000);
    if (eigengru_test::kAllocationCounterWorks)
        std::cout << std::setw(14) << call_allocations(layer, size) << std::setw(14)
                  << training_allocations(layer, size);
    std::cout << std::endl;
}

}  // namespace

int main() {
    std::cout << "Weights and scratch memory (packed weights included) in KiB; heap allocations after the first time "
                 "(aim: 0).\n"
              << std::setw(6) << "batch" << std::setw(6) << "units" << std::setw(14) << "weights" << std::setw(16)
              << "T = 1000" << std::setw(16) << "T = 100000" << std::setw(14) << "of a call" << std::setw(14)
              << "of training" << std::endl;
    for (const Index units : {Index(64), Index(256)})
        for (const Index batch : {Index(1), Index(32), Index(256)}) print({batch, units});
}
