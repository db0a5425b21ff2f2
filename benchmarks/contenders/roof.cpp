// SPDX-License-Identifier: MIT
// The two limits of a processor core, measured as contenders beside the others, since its clock moves: multiply-adds a
// second, and bytes read a second from the cache that holds so many.
#include "roof.hpp"

#include "views.hpp"

namespace eigengru_bench {

/// A block of every instruction set's reading loop: 8 vectors of 16 floats.
inline constexpr long kReadBlock = 128;

}  // namespace eigengru_bench

namespace eigengru::inline EIGENGRU_ABI::detail {

using eigengru_bench::kMultiplyAdds;

}  // namespace eigengru::inline EIGENGRU_ABI::detail

#define EIGENGRU_TARGET_SOURCE "contenders/roof_loops.hpp"
#include <eigengru/core/for_each_target.hpp>

namespace eigengru_bench {
namespace {

using eigengru::Kernels;

/// What nobody reads, so that the loops are not left out.
volatile double sink = 0;

template <class S>
struct Loops {
    S (*multiply_adds)();
    S (*read_all)(const S* from, long count, long passes);
};

/// Null for kernels whose multiply-adds are whatever the program is compiled for.
template <class S>
Loops<S> loops_of(const Problem& problem) {
    [[maybe_unused]] const Kernels kernels = eigengru::detail::resolved("benchmark", kernels_of(problem.isa));
#if EIGENGRU_HAS_X86_TARGETS
    if (kernels == Kernels::avx512)
        return {eigengru::detail::avx512::multiply_adds<S>, eigengru::detail::avx512::read_all<S>};
    if (kernels == Kernels::avx2)
        return {eigengru::detail::avx2::multiply_adds<S>, eigengru::detail::avx2::read_all<S>};
#endif
    return {nullptr, nullptr};
}

template <class S>
class MultiplyAdds : public Contender {
public:
    explicit MultiplyAdds(const Loops<S>& loops) : loops_(loops) {}
    void run() override { sink = static_cast<double>(loops_.multiply_adds()); }

private:
    Loops<S> loops_;
};

template <class S>
class Read : public Contender {
public:
    Read(const Loops<S>& loops, std::size_t bytes)
        : loops_(loops),
          memory_((bytes / sizeof(S) + kReadBlock - 1) / kReadBlock * kReadBlock),
          passes_(read_passes(bytes)) {}
    void run() override {
        sink = static_cast<double>(loops_.read_all(memory_.data(), static_cast<long>(memory_.size()), passes_));
    }

private:
    Loops<S> loops_;
    eigengru::detail::AlignedVector<S> memory_;
    long passes_;
};

}  // namespace

ContenderPointer make_multiply_adds(const Problem& problem) {
    return with_types(problem, [&]<class S>(S, auto) -> ContenderPointer {
        const Loops<S> loops = loops_of<S>(problem);
        if (loops.multiply_adds == nullptr) return nullptr;
        return std::make_unique<MultiplyAdds<S>>(loops);
    });
}

ContenderPointer make_read(const Problem& problem, std::size_t bytes) {
    return with_types(problem, [&]<class S>(S, auto) -> ContenderPointer {
        const Loops<S> loops = loops_of<S>(problem);
        if (loops.read_all == nullptr) return nullptr;
        return std::make_unique<Read<S>>(loops, bytes);
    });
}

}  // namespace eigengru_bench
