// SPDX-License-Identifier: MIT
// ModelStream: a whole model that takes its inputs step by step as they arrive.
#pragma once

#include "eigengru/layer/stream_stage.hpp"

#include <span>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// A frozen copy of a Sequential that carries the states of `rows` streams from step to step.
///
///     ModelStream<float> stream(model);                // a copy: later changes of the model do not reach it
///     stream.step(x, y);                               // x: features, y: units of the last layer
///     stream.process(x, y, 64);                        // 64 steps at once: x (64, features), y (64, units)
///
///     ModelStream<float> streams(model, {.rows = 32}); // 32 streams side by side: x (32, features), y (32, units)
///
/// After the steps 0 to t it gives what the model gives for the sequence 0 to t: the output at t where it returns
/// sequences, else its output. Masks of Masking and Embedding count as there: a masked step leaves the states of its
/// row as they were. Every layer must go forwards: no Bidirectional, no go_backwards. Dropout plays no part.
///
/// What is noexcept allocates nothing, takes no lock and calls nothing of the system: it may run in a real-time thread.
/// (A custom activation must keep to that as well.) One thread at a time uses a stream; copies are independent.
///
/// Differs from Keras: a state of less than 1e-30 (double: 1e-290) becomes 0. See cell/flush.hpp.
template <RealScalar S>
class ModelStream {
public:
    using Scalar = S;

    /// Throws: OptionError that names a layer which needs the end of its inputs, or for kernels that this processor
    /// does not run; ShapeError for rows below 1 and for a model of layers that take any number of features.
    explicit ModelStream(const Sequential<S>& model, const StreamOptions& options = {}) : rows_(options.rows) {
        if (rows_ < 1) EIGENGRU_THROW(ShapeError, "ModelStream: rows expected at least 1, received ", rows_);
        features_ = units_ = model.features();
        if (features_ == 0)
            EIGENGRU_THROW(ShapeError, "ModelStream: expected a layer that knows its features, received none");
        bool has_mask = false;
        for (const auto& layer : model.layers()) std::visit([&](const auto& l) { add(l, options, has_mask); }, layer);
        for (std::vector<S>& half : between_) half.resize(size(rows_ * width_));
        is_used_.resize(size(rows_));
    }

    /// One step of every row: x (rows, features), y (rows, units), one row after the other. Where y is null only the
    /// states go on. x and y are different memory. False where x holds what is no id of the model's Embedding; then
    /// nothing has changed.
    bool step(const S* x, S* y) noexcept {
        if (!are_ids(x, 1)) return false;
        run(x, y);
        return true;
    }

    /// The same, with sizes that are checked: others end the program, since a step cannot throw.
    bool step(std::span<const S> x, std::span<S> y) noexcept {
        check_sizes("ModelStream::step", x.size(), y.size(), 1);
        return step(x.data(), y.data());
    }

    /// `steps` steps: x (steps, rows, features), y (steps, rows, units) or null. False, and nothing has changed, where
    /// one of them is refused.
    bool process(const S* x, S* y, Index steps) noexcept {
        if (!are_ids(x, steps)) return false;
        for (Index t = 0; t < steps; ++t)
            run(x + t * rows_ * features_, y != nullptr ? y + t * rows_ * units_ : nullptr);
        return true;
    }

    /// The same, with sizes that are checked: x says how many steps there are.
    bool process(std::span<const S> x, std::span<S> y) noexcept {
        const Index steps = static_cast<Index>(x.size()) / (rows_ * features_);
        check_sizes("ModelStream::process", x.size(), y.size(), steps);
        return process(x.data(), y.data(), steps);
    }

    /// Every row begins anew.
    void reset() noexcept {
        for_each_gru([](auto& gru) { gru.reset(); });
    }

    /// One row begins anew. False where there is none.
    bool reset(Index row) noexcept {
        if (row < 0 || row >= rows_) return false;
        for_each_gru([row](auto& gru) { gru.reset(row); });
        return true;
    }

    /// All that the next step depends on, (rows, state_size()): what set_state() takes, of this model or a copy.
    [[nodiscard]] RowMatrix<S> state() const {
        RowMatrix<S> state(rows_, state_size());
        Index col = 0;
        for_each_gru([&](const auto& gru) {
            gru.get_state(state.middleCols(col, gru.state_size()));
            col += gru.state_size();
        });
        return state;
    }

    /// Throws: ShapeError, and nothing has changed.
    void set_state(MatrixView<const S> values) {
        detail::check_shape("ModelStream::set_state", "state", values, rows_, state_size());
        const MatrixMap<const S> state = values.map();
        Index col = 0;
        for_each_gru([&](auto& gru) {
            gru.set_state(state.middleCols(col, gru.state_size()));
            col += gru.state_size();
        });
    }

    [[nodiscard]] Index state_size() const noexcept {
        Index count = 0;
        for_each_gru([&](const auto& gru) { count += gru.state_size(); });
        return count;
    }

    [[nodiscard]] Index rows() const noexcept { return rows_; }
    [[nodiscard]] Index features() const noexcept { return features_; }
    /// Of the last layer.
    [[nodiscard]] Index units() const noexcept { return units_; }

private:
    /// A layer and the width of what it puts out.
    struct Stage {
        detail::StreamStage<S> layer;
        Index units;
    };

    static std::size_t size(Index count) { return static_cast<std::size_t>(count); }

    template <class L>
    void add(const L& layer, const StreamOptions& options, bool& has_mask) {
        std::optional<detail::StreamStage<S>> stage = detail::stream_stage<S>(layer, options, has_mask);
        if constexpr (requires { layer.units(); }) units_ = layer.units();
        width_ = std::max(width_, units_);
        if (stage) stages_.push_back({std::move(*stage), units_});
    }

    template <class F>
    void for_each_gru(const F& f) {
        for (Stage& stage : stages_)
            if (auto* gru = std::get_if<detail::GruStage<S>>(&stage.layer)) f(*gru);
    }
    template <class F>
    void for_each_gru(const F& f) const {
        for (const Stage& stage : stages_)
            if (const auto* gru = std::get_if<detail::GruStage<S>>(&stage.layer)) f(*gru);
    }

    [[nodiscard]] bool are_ids(const S* x, Index steps) const noexcept {
        const auto* embedding = stages_.empty() ? nullptr : std::get_if<Embedding<S>>(&stages_.front().layer);
        return embedding == nullptr ||
               std::all_of(x, x + steps * rows_, [embedding](S id) { return embedding->is_id(id); });
    }

    /// From stage to stage through two buffers in turns, the last one into y.
    void run(const S* x, S* y) noexcept {
        std::fill(is_used_.begin(), is_used_.end(), static_cast<unsigned char>(true));
        Index features = features_;
        for (std::size_t i = 0; i < stages_.size(); ++i) {
            const bool is_last = i + 1 == stages_.size();
            S* const to = is_last && y != nullptr ? y : between_[i % 2].data();
            const detail::ModelStep<S> step{rows_, features, x, to, is_used_.data()};
            std::visit([&](auto& layer) { step_layer(layer, step); }, stages_[i].layer);
            x = to;
            features = stages_[i].units;
        }
        if (stages_.empty() && y != nullptr) std::copy_n(x, rows_ * features_, y);
    }

    void check_sizes(std::string_view where, std::size_t x, std::size_t y, Index steps) const {
        if (x != size(steps * rows_ * features_))
            EIGENGRU_THROW(ShapeError, where, ": x expected ", steps * rows_ * features_, " elements, received ", x);
        if (y != size(steps * rows_ * units_))
            EIGENGRU_THROW(ShapeError, where, ": y expected ", steps * rows_ * units_, " elements, received ", y);
    }

    Index rows_;
    Index features_ = 0, units_ = 0, width_ = 0;  // of x, of y, and the widest between
    std::vector<Stage> stages_;
    std::vector<S> between_[2];
    std::vector<unsigned char> is_used_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
