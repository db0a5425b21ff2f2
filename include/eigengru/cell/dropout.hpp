// SPDX-License-Identifier: MIT
// Dropout masks as values: how they are drawn, and what a caller's own must look like.
#pragma once

#include "eigengru/core/random.hpp"
#include "eigengru/model/options.hpp"

#include <cmath>

namespace eigengru::inline EIGENGRU_ABI {

/// Fills a mask: 0 with probability `rate`, else 1 / (1 - rate). The same bits for every scalar type and compiler.
template <RealScalar S>
void draw_dropout_mask(RowMatrix<S>& mask, double rate, RandomStream random) {
    const double threshold = std::floor(rate * 0x1p32);
    const S kept = static_cast<S>(1.0 / (1.0 - rate));
    for (Index i = 0; i < mask.size(); ++i) mask.data()[i] = random.bits() >= threshold ? kept : S(0);
}

namespace detail {

/// One call's masks: with recurrent dropout three for the inputs (where dropped at all) and three for the state,
/// otherwise one for the inputs. Allocates only when a size changes.
template <RealScalar S>
void resize_dropout_masks(DropoutMasks<S>& masks, const GruOptions& options, Index batch, Index features) {
    const bool drops_state = is_dropping(options.recurrent_dropout);
    masks.input.resize(is_dropping(options.dropout) ? (drops_state ? 3 : 1) : 0);
    masks.state.resize(drops_state ? 3 : 0);
    const auto resize = [](RowMatrix<S>& mask, Index rows, Index cols) {
        if (mask.rows() == rows && mask.cols() == cols) return;
        mask.resize(0, 0);  // Eigen frees before it allocates: a failure must leave nothing dangling
        mask.resize(rows, cols);
    };
    for (RowMatrix<S>& mask : masks.input) resize(mask, batch, features);
    for (RowMatrix<S>& mask : masks.state) resize(mask, batch, options.units);
}

/// Draws the masks of call number `call`: a pure function of seed and call. Stream 0 of a seed is that of the
/// initializers.
template <RealScalar S>
void draw_dropout_masks(DropoutMasks<S>& masks, const GruOptions& options, std::uint64_t seed, std::uint64_t call) {
    std::uint64_t stream = 1 + call * 2 * kGates;
    for (RowMatrix<S>& mask : masks.input) draw_dropout_mask(mask, options.dropout, RandomStream(seed, stream++));
    stream = 1 + call * 2 * kGates + kGates;
    for (RowMatrix<S>& mask : masks.state)
        draw_dropout_mask(mask, options.recurrent_dropout, RandomStream(seed, stream++));
}

template <RealScalar S>
void check_dropout_masks(std::string_view where, const DropoutMasks<S>& masks, Index batch, Index features,
                         Index units) {
    const auto check = [where](std::string_view name, const std::vector<RowMatrix<S>>& given, Index rows, Index cols) {
        for (const RowMatrix<S>& mask : given)
            if (mask.rows() != rows || mask.cols() != cols)
                EIGENGRU_THROW(ShapeError, where, ": dropout_masks.", name, " expected shape ", shape_text(rows, cols),
                               ", received ", shape_text(mask.rows(), mask.cols()));
    };
    if (masks.input.size() > 1 && masks.input.size() != 3)
        EIGENGRU_THROW(ShapeError, where, ": dropout_masks.input expected 0, 1 or 3 masks, received ",
                       masks.input.size());
    if (!masks.state.empty() && masks.state.size() != 3)
        EIGENGRU_THROW(ShapeError, where, ": dropout_masks.state expected 0 or 3 masks, received ", masks.state.size());
    check("input", masks.input, batch, features);
    check("state", masks.state, batch, units);
}

/// The masks that a layer draws for itself, call after call.
template <RealScalar S>
class DropoutSource {
public:
    explicit DropoutSource(const std::optional<std::uint64_t>& seed) : seed_(seed ? *seed : random_seed()) {}

    void prepare(const GruOptions& options, Index batch, Index features) {
        resize_dropout_masks(masks_, options, batch, features);
    }

    /// The masks of the present call, or null where nothing is dropped. It stays the present one until next_call().
    [[nodiscard]] const DropoutMasks<S>* draw(const GruOptions& options, Index batch, Index features) {
        if (!is_dropping(options.dropout) && !is_dropping(options.recurrent_dropout)) return nullptr;
        prepare(options, batch, features);
        draw_dropout_masks(masks_, options, seed_, calls_);
        return &masks_;
    }

    /// Those of a call: the ones that it was given, or drawn ones; null where nothing is dropped.
    [[nodiscard]] const DropoutMasks<S>* of_call(const CallOptions<S>& call, const GruOptions& options, Index batch,
                                                 Index features) {
        if (!call.training) return nullptr;
        return call.dropout_masks != nullptr ? call.dropout_masks : draw(options, batch, features);
    }

    /// The present call has used `masks`: where they were drawn here, the next call gets others.
    void next_call(const DropoutMasks<S>* masks) {
        if (masks == &masks_) ++calls_;
    }

    /// How many calls have drawn masks.
    [[nodiscard]] std::uint64_t calls() const { return calls_; }
    void set_calls(std::uint64_t calls) { calls_ = calls; }

    /// What, with the number of the call, decides the masks.
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    void set_seed(std::uint64_t seed) { seed_ = seed; }

    [[nodiscard]] Index bytes() const {
        Index size = 0;
        for (const RowMatrix<S>& mask : masks_.input) size += mask.size();
        for (const RowMatrix<S>& mask : masks_.state) size += mask.size();
        return size * Index(sizeof(S));
    }

private:
    DropoutMasks<S> masks_;
    std::uint64_t seed_;
    std::uint64_t calls_ = 0;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
