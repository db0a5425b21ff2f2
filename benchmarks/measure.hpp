// SPDX-License-Identifier: MIT
// One cell: the library, its roof and its peers on one problem, checked and then timed.
#pragma once

#include "contenders/roof.hpp"
#include "problem_data.hpp"
#include "report.hpp"

namespace eigengru_bench {

struct Peer {
    std::string name;
    MakeContender* make;
};

/// The roof of a cell: the shortest time that the measured limits allow, those of a core for each thread. All products as multiply-adds at the peak, but
/// the recurrent kernel is read in each step, and the kernel too where each step has to wait for its inputs.
class Roof {
public:
    Roof(const Problem& p, std::vector<Named>& contenders) : problem_(p), first_(contenders.size()) {
        if (p.workload == Workload::activation) return;
        const std::int64_t rows = p.units + (reads_kernel() ? p.features : 0);
        bytes_ = static_cast<std::size_t>(rows * 3 * p.units * (p.is_double != 0 ? 8 : 4));
        contenders.push_back({"multiply-adds", make_multiply_adds(p)});
        contenders.push_back({"read", make_read(p, bytes_)});
        is_measured_ = contenders.back().contender != nullptr;
        if (!is_measured_) contenders.resize(first_);
    }

    /// The share of it that `ours` reaches; NaN where it is not measured.
    [[nodiscard]] double share(const std::vector<Times>& times, const Times& ours) const {
        if (!is_measured_) return std::nan("");
        std::vector<double> shares;
        for (std::size_t i = 0; i < ours.size(); ++i)
            shares.push_back(microseconds(times[first_][i], times[first_ + 1][i]) / problem_.threads / ours[i]);
        return spread_of(std::move(shares)).median;
    }

private:
    [[nodiscard]] bool reads_kernel() const {
        return problem_.workload == Workload::step || problem_.workload == Workload::streaming;
    }

    [[nodiscard]] double microseconds(double multiply_adds, double reads) const {
        const Problem& p = problem_;
        const double read = reads / static_cast<double>(read_passes(bytes_));
        const double per_product = multiply_adds / kMultiplyAdds * static_cast<double>(p.batch * 3 * p.units);
        const double input = per_product * static_cast<double>(p.features);
        const double recurrent = per_product * static_cast<double>(p.units);
        const auto steps = static_cast<double>(p.time);
        if (p.workload == Workload::training) return 3 * steps * (input + recurrent);
        if (reads_kernel()) return steps * std::max(input + recurrent, read);
        return steps * (input + std::max(recurrent, read));
    }

    Problem problem_;
    std::size_t first_, bytes_ = 0;
    bool is_measured_ = false;
};

/// The library on this problem first, then those of its peers that do it too and compute the same.
template <class S>
std::vector<Named> make_contenders(MakeContender* make_ours, const std::vector<Peer>& peers, ProblemData<S>& data) {
    const Problem& problem = data.problem();
    const int calls = problem.workload == Workload::step ? 3 : 1;
    std::vector<Named> contenders;
    contenders.push_back({"eigengru", make_ours(problem)});
    const Results<S> expected = data.results_of(*contenders[0].contender, calls);
    for (const Peer& peer : peers) {
        ContenderPointer contender = peer.make(problem);
        if (contender == nullptr) continue;
        check_all(peer.name, problem, expected, data.results_of(*contender, calls));
        contenders.push_back({peer.name, std::move(contender)});
    }
    return contenders;
}

/// Checks, times and reports one cell.
template <class S>
void measure(const Problem& sizes, MakeContender* make_ours, const std::vector<Peer>& peers, Report& report) {
    if (!report.is_wanted(sizes)) return;
    ProblemData<S> data(sizes);
    const Problem& problem = data.problem();
    std::vector<Named> contenders = make_contenders(make_ours, peers, data);
    const std::size_t peers_end = contenders.size();
    const Roof roof(problem, contenders);
    Effort effort;
    if (report.options.is_quick) effort.seconds = 0.002;
    if (problem.threads > 1) effort = {.seconds = 0.02, .has_threads = true};  // see has_threads
    const std::vector<Times> times = time_all(contenders, effort);
    report.begin(problem, contenders[0].contender->isa(), times[0], roof.share(times, times[0]));
    for (std::size_t i = 1; i < peers_end; ++i) report.add(contenders[i].name, times[i]);
    std::cout << std::endl;
}

/// Eigen held to the same instructions.
[[nodiscard]] inline EigenContenders eigen_for([[maybe_unused]] const Options& options) {
#if defined(EIGENGRU_BENCH_AVX2)
    if (options.isa == "avx2") return make_eigen_avx2();
#endif
    return make_eigen_native();
}

/// oneDNN, if it was there when this was built.
inline void add_onednn([[maybe_unused]] std::vector<Peer>& peers) {
#if defined(EIGENGRU_BENCH_ONEDNN)
    peers.push_back({"oneDNN", make_onednn});
#endif
}

}  // namespace eigengru_bench
