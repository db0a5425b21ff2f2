// SPDX-License-Identifier: MIT
// The sizes that streaming contenders are compiled for.
#pragma once

#include "contender.hpp"

#include <type_traits>
#include <utility>

namespace eigengru_bench {

template <int Features, int Units>
struct FixedSize {
    static constexpr int kFeatures = Features, kUnits = Units;
};

/// Calls function(size) with the one of Sizes that the problem has; null without.
template <class... Sizes, class Function>
ContenderPointer with_one_of(const Problem& p, const Function& function) {
    ContenderPointer result;
    const auto attempt = [&](auto size) {
        if (p.features == size.kFeatures && p.units == size.kUnits) result = function(size);
    };
    (attempt(Sizes()), ...);
    return result;
}

/// Streams of floats, reset after.
template <class Function>
ContenderPointer with_fixed_size(const Problem& p, const Function& function) {
    if (p.workload != Workload::streaming || p.is_double != 0 || p.reset_after == 0) return nullptr;
    return with_one_of<FixedSize<1, 8>, FixedSize<1, 16>, FixedSize<1, 24>, FixedSize<1, 32>, FixedSize<1, 40>,
                       FixedSize<1, 64>, FixedSize<8, 8>, FixedSize<8, 16>, FixedSize<16, 32>, FixedSize<16, 64>>(
        p, function);
}

}  // namespace eigengru_bench
