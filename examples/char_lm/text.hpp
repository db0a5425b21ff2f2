// SPDX-License-Identifier: MIT
// What the character model is trained on: a text as numbers, its last tenth held out, and cut into parallel streams.
#pragma once

#include <eigengru/eigengru.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace char_lm {

using eigengru::Index;
using Codes = std::span<const unsigned char>;

inline constexpr const char* kNoText = ": no text is there; examples/run.sh char_lm writes it (see char_lm/README.md)";

/// A text whose characters are numbered from 0. The first nine tenths are for training, the rest is held out.
class Text {
public:
    explicit Text(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        if (text.size() < 1000) throw std::runtime_error(path.string() + kNoText);
        alphabet_ = text;
        std::sort(alphabet_.begin(), alphabet_.end());
        alphabet_.erase(std::unique(alphabet_.begin(), alphabet_.end()), alphabet_.end());
        for (const char c : text) codes_.push_back(code_of(c));
    }

    [[nodiscard]] Index symbols() const { return static_cast<Index>(alphabet_.size()); }
    [[nodiscard]] char symbol(Index code) const { return alphabet_[static_cast<std::size_t>(code)]; }
    [[nodiscard]] unsigned char code_of(char symbol) const {
        return static_cast<unsigned char>(std::ranges::lower_bound(alphabet_, symbol) - alphabet_.begin());
    }

    [[nodiscard]] Codes training() const { return Codes(codes_).first(codes_.size() / 10 * 9); }
    [[nodiscard]] Codes held_out() const { return Codes(codes_).subspan(codes_.size() / 10 * 9); }

private:
    std::string alphabet_;
    std::vector<unsigned char> codes_;
};

/// A piece of text as parallel streams: row b goes on where row b - 1 ends. Inputs are one-hot, targets the next codes.
struct Streams {
    Streams(Index rows, Index time, Index symbols) : x({rows, time, symbols}), y({rows, time, 1}) {}

    /// How many characters a fill() takes.
    [[nodiscard]] Index size() const { return y.size(); }

    /// From `first` on.
    void fill(Codes text, Index first) {
        x.matrix().setZero();
        for (Index i = 0; i < size(); ++i) {
            const auto at = static_cast<std::size_t>(first + i);
            x.matrix()(i, text[at]) = 1.0f;
            y.matrix()(i, 0) = text[at + 1];
        }
    }

    eigengru::Sequence<float> x, y;
};

}  // namespace char_lm
