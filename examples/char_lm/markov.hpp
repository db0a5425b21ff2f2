// SPDX-License-Identifier: MIT
// The rival: the Markov model of order 2, which knows the two characters before.
#pragma once

#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace char_lm {

/// P(c | a, b) = (count(abc) + k) / (count(ab) + k symbols), counted on the training text.
class Markov {
public:
    explicit Markov(const Text& text) : symbols_(static_cast<std::size_t>(text.symbols())) {
        triples_.resize(symbols_ * symbols_ * symbols_);
        pairs_.resize(symbols_ * symbols_);
        const Codes codes = text.training();
        for (std::size_t i = 2; i < codes.size(); ++i) {
            ++triples_[pair(codes, i) * symbols_ + codes[i]];
            ++pairs_[pair(codes, i)];
        }
    }

    /// exp of the mean of -log P, for the k of these that suits this text best: to the rival's advantage.
    [[nodiscard]] double perplexity(Codes codes) const {
        double best = static_cast<double>(symbols_);
        for (const double k : {0.01, 0.03, 0.1, 0.3, 1.0}) best = std::min(best, perplexity(codes, k));
        return best;
    }

private:
    [[nodiscard]] double perplexity(Codes codes, double k) const {
        double sum = 0.0;
        for (std::size_t i = 2; i < codes.size(); ++i)
            sum -= std::log((triples_[pair(codes, i) * symbols_ + codes[i]] + k) /
                            (pairs_[pair(codes, i)] + k * static_cast<double>(symbols_)));
        return std::exp(sum / static_cast<double>(codes.size() - 2));
    }

    [[nodiscard]] std::size_t pair(Codes codes, std::size_t i) const { return codes[i - 2] * symbols_ + codes[i - 1]; }

    std::size_t symbols_;
    std::vector<double> triples_, pairs_;
};

}  // namespace char_lm
