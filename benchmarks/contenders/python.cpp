// SPDX-License-Identifier: MIT
// What peers/python_peers.py loads by ctypes: the library and the roof, without a copy of anything in the timed path.
#include "contender.hpp"
#include "roof.hpp"

#include <string_view>

using eigengru_bench::Contender;
using eigengru_bench::ContenderPointer;
using eigengru_bench::Problem;

extern "C" {

/// "eigengru", "multiply-adds" or "read": then so many bytes. Null where there is none.
EIGENGRU_BENCH_EXPORT void* bench_make(const char* name, const Problem* problem, std::size_t bytes) {
    const std::string_view wanted = name;
    ContenderPointer made = wanted == "eigengru"        ? eigengru_bench::make_eigengru_plain(*problem)
                            : wanted == "multiply-adds" ? eigengru_bench::make_multiply_adds(*problem)
                                                        : eigengru_bench::make_read(*problem, bytes);
    return made.release();
}

EIGENGRU_BENCH_EXPORT void bench_run(void* contender, long calls) {
    for (long i = 0; i < calls; ++i) static_cast<Contender*>(contender)->run();
}

EIGENGRU_BENCH_EXPORT void bench_give_results(void* contender) {
    static_cast<Contender*>(contender)->give_results();
}

EIGENGRU_BENCH_EXPORT const char* bench_isa(const void* contender) {
    return static_cast<const Contender*>(contender)->isa();
}

EIGENGRU_BENCH_EXPORT void bench_delete(void* contender) {
    delete static_cast<Contender*>(contender);
}

EIGENGRU_BENCH_EXPORT long bench_read_passes(std::size_t bytes) {
    return eigengru_bench::read_passes(bytes);
}
EIGENGRU_BENCH_EXPORT long bench_multiply_adds() {
    return eigengru_bench::kMultiplyAdds;
}
}
