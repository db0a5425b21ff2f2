// SPDX-License-Identifier: MIT
// The layer's call as a contender.
#pragma once

#include "views.hpp"

namespace eigengru_bench {

/// A call, or a step of a stateful layer.
template <class S, bool ResetAfter>
class Inference : public Contender {
public:
    explicit Inference(const Problem& p)
        : layer_(make_layer<S, ResetAfter>(p)),
          inputs_(inputs_of<S>(p)),
          outputs_(outputs_of<S>(p)),
          threads_(p),
          kernels_(eigengru::detail::resolved<S>("benchmark", kernels_of(p.isa), p.units, false)) {
        layer_.prepare(p.batch, p.time);
    }

    void run() override {
        layer_.call(inputs_, {.executor = threads_.executor(), .kernels = kernels_}, {.sequences = outputs_});
    }

    [[nodiscard]] const char* isa() const override { return name_of(kernels_).data(); }

private:
    eigengru::Gru<S, ResetAfter> layer_;
    SequenceView<const S> inputs_;
    SequenceView<S> outputs_;
    Threads threads_;
    eigengru::Kernels kernels_;
};

}  // namespace eigengru_bench
