// SPDX-License-Identifier: MIT
// What the figures depend on: the processor, its limits, compiler and flags.
#pragma once

#include "contenders/roof.hpp"
#include "report.hpp"

#include <Eigen/Core>

namespace eigengru_bench {

namespace detail {

/// Units of work a nanosecond, the median of some rounds.
inline double rate(ContenderPointer contender, double work) {
    std::vector<Named> one;
    one.push_back({"", std::move(contender)});
    return work / 1000 / spread_of(time_all(one, {})[0]).median;
}

inline void print_limits(const Problem& p) {
    std::cout << (p.is_double != 0 ? "double" : "float ") << ": " << std::setprecision(4)
              << rate(make_multiply_adds(p), 2.0 * kMultiplyAdds) << " GFLOP/s in multiply-adds";
    for (const std::size_t kib : {24UL, 512UL, 8192UL, 262144UL})
        std::cout << "; "
                  << rate(make_read(p, kib << 10),
                          static_cast<double>(kib << 10) * static_cast<double>(read_passes(kib << 10)))
                  << " GB/s from " << kib << " KiB";
    std::cout << std::endl;
}

}  // namespace detail

inline void print_machine(const Options& options) {
    std::string cpu = "unknown CPU", line;
    for (std::ifstream info("/proc/cpuinfo"); std::getline(info, line);)
        if (line.starts_with("model name")) cpu = line.substr(line.find(':') + 2);
#if defined(__clang__)
    constexpr const char* compiler = __VERSION__;
#else
    constexpr const char* compiler = "g++ " __VERSION__;
#endif
    std::cout << cpu << "; " << compiler << " " << EIGENGRU_BENCH_FLAGS << "; Eigen " << EIGEN_WORLD_VERSION << "."
              << EIGEN_MAJOR_VERSION << "." << EIGEN_MINOR_VERSION << "; kernels "
              << name_of(eigengru::detail::resolved("--isa", kernels_named(options.isa)))
              << ". A ratio is the peer's time / the library's: above 1 the library is faster.\n";
    for (const bool is_double : {false, true}) {
        Problem p;
        p.is_double = is_double;
        p.isa = options.isa.c_str();
        if (make_multiply_adds(p) == nullptr)
            std::cout << "The roof of the kernels " << options.isa << " is not measured.\n";
        else
            detail::print_limits(p);
    }
#if !defined(EIGENGRU_BENCH_ONEDNN)
    std::cout << "skipped: oneDNN (Debian's libdnnl-dev) was not found\n";
#endif
}

}  // namespace eigengru_bench
