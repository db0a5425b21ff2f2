// SPDX-License-Identifier: MIT
// Random configurations and numbers that are the same with every standard library.
#pragma once

#include "eigengru/core/types.hpp"

#include <cstddef>
#include <iterator>
#include <random>
#include <vector>

namespace eigengru_test {

class Draw {
public:
    explicit Draw(unsigned seed) : engine_(seed) {}

    double real(double low, double high) { return low + (high - low) * static_cast<double>(engine_() >> 8) * 0x1p-24; }
    eigengru::Index size(eigengru::Index low, eigengru::Index high) {
        return low + static_cast<eigengru::Index>(engine_()) % (high - low + 1);
    }
    bool one_in(eigengru::Index n) { return size(1, n) == 1; }

    template <class Range>
    const auto& one_of(const Range& range) {
        return range[static_cast<std::size_t>(size(0, static_cast<eigengru::Index>(std::size(range)) - 1))];
    }

    template <class S>
    std::vector<S> values(eigengru::Index count, double limit) {
        std::vector<S> result(static_cast<std::size_t>(count));
        for (S& value : result) value = static_cast<S>(real(-limit, limit));
        return result;
    }

    eigengru::RowMatrix<double> matrix(eigengru::Index rows, eigengru::Index cols, double limit = 1.0) {
        eigengru::RowMatrix<double> result(rows, cols);
        for (eigengru::Index i = 0; i < result.size(); ++i) result.data()[i] = real(-limit, limit);
        return result;
    }

    eigengru::RowMatrix<double> dropout_mask(eigengru::Index rows, eigengru::Index cols) {
        eigengru::RowMatrix<double> result(rows, cols);
        for (eigengru::Index i = 0; i < result.size(); ++i) result.data()[i] = one_in(3) ? 0.0 : 1.5;
        return result;
    }

private:
    std::mt19937 engine_;
};

}  // namespace eigengru_test
