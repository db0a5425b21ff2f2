// SPDX-License-Identifier: MIT
// An activation of the library on a block of values.
#include "views.hpp"

namespace eigengru_bench {
namespace {

template <class S>
class Apply : public Contender {
public:
    explicit Apply(const Problem& p)
        : inputs_(inputs_of<S>(p)), outputs_(outputs_of<S>(p)), activation_(p.activation) {}

    void run() override {
        auto block = outputs_.step(0);
        block = inputs_.step(0);
        activation_.apply<S>(block);
    }

    [[nodiscard]] const char* isa() const override { return "portable"; }

private:
    SequenceView<const S> inputs_;
    SequenceView<S> outputs_;
    eigengru::Activation activation_;
};

}  // namespace

ContenderPointer EIGENGRU_BENCH_MAKE(activation)(const Problem& problem) {
    return with_types(problem,
                      [&]<class S>(S, auto) -> ContenderPointer { return std::make_unique<Apply<S>>(problem); });
}

}  // namespace eigengru_bench
