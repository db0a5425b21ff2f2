// SPDX-License-Identifier: MIT
// What a training of the character model shows: a sample of its writing, a table and a picture.
#pragma once

#include "../picture.hpp"
#include "markov.hpp"
#include "text.hpp"

#include <eigengru/training/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace char_lm {

/// What the model writes after `start`, character by character; its GRU carries the state. Likely characters are
/// preferred a little: the temperature is 0.8.
[[nodiscard]] inline std::string sample(eigengru::Sequential<float> model, const Text& text, std::string written,
                                        std::size_t length, std::uint64_t seed) {
    using namespace eigengru;
    RandomStream random(seed, 0);
    Sequence<float> x({1, 1, text.symbols()});
    model.clear_state();
    for (std::size_t read = 0; written.size() < length; ++read) {
        x.matrix().setZero();
        x(0, 0, text.code_of(written[read])) = 1.0f;
        const Sequence<float> logits = model.predict(x);
        if (read + 1 < written.size()) continue;
        const float largest = logits.matrix().maxCoeff();
        std::vector<double> sums;  // of the likelihoods of the symbols so far
        for (Index i = 0; i < text.symbols(); ++i)
            sums.push_back(std::exp((logits(0, 0, i) - largest) / 0.8) + (sums.empty() ? 0.0 : sums.back()));
        const auto drawn = std::ranges::upper_bound(sums, random.uniform() * sums.back()) - sums.begin();
        written += text.symbol(std::min<Index>(drawn, text.symbols() - 1));
    }
    return written;
}

/// A line and a sample after each epoch, a CSV file with all of them, and the picture of that.
class Report {
public:
    Report(const std::string& name, const Text& text, bool goes_on)
        : name_(name), text_(text), markov_(Markov(text).perplexity(text.held_out())) {
        if (!goes_on) std::ofstream(name_ + ".csv") << "epoch,characters,loss,perplexity,markov\n";
    }

    /// The held-out perplexity, as a part of the Markov model's.
    [[nodiscard]] double ratio() const { return perplexity_ / markov_; }

    void start(Index updates, double held_out_loss) {
        perplexity_ = std::exp(held_out_loss);
        std::printf("%td characters, %td of them different; held-out perplexity after %td updates: %.3f\n",
                    std::ssize(text_.training()) + std::ssize(text_.held_out()), text_.symbols(), updates, perplexity_);
    }

    void add(const eigengru::EpochResult& result, Index characters, const eigengru::Sequential<float>& model) {
        const Index epoch = result.epoch + 1;
        perplexity_ = std::exp(result.val_loss.value());
        std::printf("epoch %td   loss %.4f   held-out perplexity %.3f, %.2f of the Markov model's %.3f\n", epoch,
                    result.loss, perplexity_, ratio(), markov_);
        std::printf("%s\n\n", sample(model, text_, "And ", 300, static_cast<std::uint64_t>(epoch)).c_str());
        std::fflush(stdout);
        std::ofstream(name_ + ".csv", std::ios::app) << epoch << ',' << characters << ',' << result.loss << ','
                                                     << perplexity_ << ',' << markov_ << '\n';
    }

    void draw() const {
        picture::draw(name_ + ".png",
                      "set datafile separator ','\nset title 'Perplexity per character on the held-out tenth'\n"
                      "set xlabel 'million characters read'\nset ylabel 'perplexity'\n"
                      "set xrange [0:*]\nset yrange [0:*]\nset grid\n"
                      "plot '" + name_ + ".csv' using ($2/1e6):5 with lines lw 2 dt 2 lc rgb '#dd181f' "
                      "title 'Markov, order 2', "
                      "'' using ($2/1e6):4 with linespoints lw 2 pt 7 lc rgb '#0060ad' title 'GRU'\n");
    }

private:
    std::string name_;
    const Text& text_;
    double markov_;
    double perplexity_ = 0.0;
};

}  // namespace char_lm
