// SPDX-License-Identifier: MIT
// The library's two classes for streams: FixedGru, and GruStream for sizes known at run time.
#include "streaming_sizes.hpp"
#include "views.hpp"

namespace eigengru_bench {
namespace {

using eigengru::FixedGru;
using eigengru::GruStream;

template <class Size>
class Fixed : public Contender {
public:
    explicit Fixed(const Problem& p) : problem_(p), gru_(make_layer<float, true>(p), kernels_of(p.isa)) {}

    void run() override {
        const auto* x = static_cast<const float*>(problem_.inputs);
        auto* y = static_cast<float*>(problem_.outputs);
        gru_.reset();
        for (std::int64_t t = 0; t < problem_.time; ++t, x += Size::kFeatures, y += Size::kUnits) {
            const auto state = gru_.step(std::span<const float, Size::kFeatures>(x, Size::kFeatures));
            std::copy(state.begin(), state.end(), y);
        }
    }

    [[nodiscard]] const char* isa() const override { return eigengru::name_of(gru_.kernels()).data(); }

private:
    Problem problem_;
    FixedGru<float, Size::kFeatures, Size::kUnits> gru_;
};

class Stream : public Contender {
public:
    explicit Stream(const Problem& p)
        : problem_(p), stream_(make_layer<float, true>(p), {.kernels = kernels_of(p.isa)}) {}

    void run() override {
        stream_.reset();
        stream_.process(static_cast<const float*>(problem_.inputs), static_cast<float*>(problem_.outputs),
                        problem_.time);
    }

private:
    Problem problem_;
    GruStream<float> stream_;
};

}  // namespace

ContenderPointer EIGENGRU_BENCH_MAKE(fixed)(const Problem& problem) {
    return with_fixed_size(problem, [&]<class Size>(Size) { return std::make_unique<Fixed<Size>>(problem); });
}

ContenderPointer EIGENGRU_BENCH_MAKE(stream)(const Problem& problem) {
    return problem.workload == Workload::streaming ? std::make_unique<Stream>(problem) : nullptr;
}

}  // namespace eigengru_bench
