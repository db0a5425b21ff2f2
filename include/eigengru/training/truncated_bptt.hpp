// SPDX-License-Identifier: MIT
// How a data set is cut into batches and, for truncated backpropagation through time, into windows; the order of the
// samples; and the memory into which a batch is gathered.
#pragma once

#include "eigengru/core/random.hpp"
#include "eigengru/training/fit_options.hpp"
#include "eigengru/training/layer_states.hpp"

#include <map>
#include <numeric>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Uniform in [0, bound), without bias.
[[nodiscard]] inline std::uint64_t uniform_below(RandomStream& random, std::uint64_t bound) {
    const std::uint64_t rest = (std::numeric_limits<std::uint64_t>::max() % bound + 1) % bound;  // of 2^64
    while (true) {
        const std::uint64_t high = random.bits();
        const std::uint64_t draw = (high << 32) | random.bits();
        if (draw <= std::numeric_limits<std::uint64_t>::max() - rest) return draw % bound;
    }
}

/// The samples' order in an epoch, a pure function of seed and epoch: Fisher and Yates's shuffle.
inline void shuffle_samples(std::vector<Index>& order, std::uint64_t seed, Index epoch) {
    std::iota(order.begin(), order.end(), Index{0});
    RandomStream random(seed, static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[uniform_below(random, i)]);
}

/// One batch's window: rows of the order, steps of time.
struct BatchPart {
    Index first_row = 0;
    Index rows = 0;
    Index first_step = 0;
    Index steps = 0;

    /// A batch whose sequences begin.
    [[nodiscard]] bool is_first_window() const { return first_step == 0; }
};

/// A data set's batches, one after the other, and the windows of each, one after the other.
struct BatchPlan {
    Index samples = 0;
    Index time = 0;
    Index batch_size = 1;
    Index window = 0;  ///< 0: all of time

    [[nodiscard]] Index windows() const { return window > 0 ? (time + window - 1) / window : 1; }
    [[nodiscard]] Index size() const { return (samples + batch_size - 1) / batch_size * windows(); }

    [[nodiscard]] BatchPart part(Index i) const {
        const Index row = i / windows() * batch_size;
        const Index step = i % windows() * window;
        return {row, std::min(batch_size, samples - row), step, window > 0 ? std::min(window, time - step) : time};
    }
};

/// What one batch needs from its data to its gradients. Kept from epoch to epoch, it allocates once.
template <RealScalar S>
struct BatchMemory {
    Sequence<S> x = {};
    Sequence<S> y = {};
    Mask mask = {};
    RowMatrix<S> sample_weight = {};
    ModelTape<S> tape = {};
    Sequence<S> d_outputs = {};
    ModelGradients<S> gradients = {};

    [[nodiscard]] DataSet<S> data() const {
        return {x, y, mask.size() > 0 ? MaskView(mask) : MaskView(),
                sample_weight.size() > 0 ? MatrixView<const S>(sample_weight) : MatrixView<const S>()};
    }
};

/// One memory for each size of batch: the last batch and the last window may be smaller.
template <RealScalar S>
class BatchMemories {
public:
    [[nodiscard]] BatchMemory<S>& of(const BatchPart& part) { return memories_[{part.rows, part.steps}]; }

private:
    std::map<std::pair<Index, Index>, BatchMemory<S>> memories_;
};

/// Copies the samples order[part.first_row] ... and their steps. What has a single step, as the target of a model that
/// gives up the time axis, is not cut.
template <RealScalar S>
void gather(const DataSet<S>& data, const std::vector<Index>& order, const BatchPart& part, BatchMemory<S>& into) {
    const Index time = data.x.shape().time;
    const auto copy = [&](const SequenceView<const S>& from, Sequence<S>& to) {
        const bool is_cut = from.shape().time == time;
        to.resize({part.rows, is_cut ? part.steps : from.shape().time, from.shape().features});
        for (Index b = 0; b < part.rows; ++b)
            to.sequence(b) = from.sequence(order[static_cast<std::size_t>(part.first_row + b)])
                                 .middleRows(is_cut ? part.first_step : 0, to.shape().time);
    };
    copy(data.x, into.x);
    copy(data.y, into.y);
    const bool has_mask = data.mask.is_present();
    into.mask.resize(has_mask ? part.rows : 0, has_mask ? part.steps : 0);
    const bool has_weight = data.sample_weight.is_present();
    const bool is_weight_cut = has_weight && data.sample_weight.cols() == time;
    into.sample_weight.resize(has_weight ? part.rows : 0, is_weight_cut ? part.steps : has_weight ? 1 : 0);
    for (Index b = 0; b < part.rows; ++b) {
        const Index sample = order[static_cast<std::size_t>(part.first_row + b)];
        for (Index t = 0; t < into.mask.cols(); ++t) into.mask(b, t) = data.mask(sample, part.first_step + t);
        for (Index t = 0; t < into.sample_weight.cols(); ++t)
            into.sample_weight(b, t) = data.sample_weight(sample, is_weight_cut ? part.first_step + t : 0);
    }
}

/// Throws: ShapeError unless the parts of a data set fit together.
template <RealScalar S>
void check_data_set(std::string_view where, const DataSet<S>& data) {
    const Shape3& x = data.x.shape();
    const Shape3& y = data.y.shape();
    if (!data.x.is_present() || x.batch < 1 || x.time < 1)
        EIGENGRU_THROW(ShapeError, where, ": x expected at least 1 sample of at least 1 step, received ",
                       data.x.is_present() ? text("the shape ", x) : std::string("none"));
    if (!data.y.is_present() || y.batch != x.batch || (y.time != x.time && y.time != 1))
        EIGENGRU_THROW(ShapeError, where, ": y expected ", x.batch, " samples of 1 or ", x.time, " steps, received ",
                       data.y.is_present() ? text("the shape ", y) : std::string("none"));
    const MaskView& mask = data.mask;
    if (mask.is_present() && (mask.batch() != x.batch || mask.time() != x.time))
        EIGENGRU_THROW(ShapeError, where, ": mask expected ", shape_text(x.batch, x.time), ", received ",
                       shape_text(mask.batch(), mask.time()));
    const MatrixView<const S>& weight = data.sample_weight;
    if (weight.is_present() && (weight.rows() != x.batch || (weight.cols() != 1 && weight.cols() != x.time)))
        EIGENGRU_THROW(ShapeError, where, ": sample_weight expected ", shape_text(x.batch, 1), " or ",
                       shape_text(x.batch, x.time), ", received ", shape_text(weight.rows(), weight.cols()));
}

/// Throws: OptionError for what windows cannot be: they need layers that carry their state forwards.
template <RealScalar S>
void check_window(std::string_view where, const Sequential<S>& model, const DataSet<S>& data, Index window) {
    if (window < 0) EIGENGRU_THROW(OptionError, where, ": window expected at least 0, received ", window);
    if (window == 0) return;
    if (data.y.shape().time != data.x.shape().time)
        EIGENGRU_THROW(ShapeError, where, ": window expected targets of ", data.x.shape().time, " steps, received ",
                       data.y.shape().time);
    for_each_part_of(model, [&]<class L>(std::size_t, const L& layer) {
        if constexpr (GruLayer<L>)
            if (!layer.options().stateful || layer.options().go_backwards)
                EIGENGRU_THROW(OptionError, where, ": window expected stateful layers that do not go backwards, ",
                               "received layer \"", layer.name(), "\"");
    });
}

/// Throws: OptionError; ShapeError for batches of several sizes where states are carried from batch to batch.
template <RealScalar S>
void check_plan(std::string_view where, const Sequential<S>& model, const BatchPlan& plan) {
    if (plan.batch_size < 1)
        EIGENGRU_THROW(OptionError, where, ": batch_size expected at least 1, received ", plan.batch_size);
    if (plan.window == 0 && plan.samples > plan.batch_size && plan.samples % plan.batch_size != 0 && is_stateful(model))
        EIGENGRU_THROW(ShapeError, where, ": a stateful model expected batches of one size, received ", plan.samples,
                       " samples for a batch_size of ", plan.batch_size);
}

/// Throws: ShapeError; OptionError for a reset within a window.
inline void check_resets(std::string_view where, const MaskView& resets, const BatchPlan& plan) {
    if (!resets.is_present()) return;
    if (resets.batch() != plan.samples || resets.time() != plan.time)
        EIGENGRU_THROW(ShapeError, where, ": resets expected ", shape_text(plan.samples, plan.time), ", received ",
                       shape_text(resets.batch(), resets.time()));
    const Index window = plan.window > 0 ? plan.window : plan.time;
    for (Index i = 0; i < resets.batch(); ++i)
        for (Index t = 0; t < resets.time(); ++t)
            if (resets(i, t) && t % window != 0)
                EIGENGRU_THROW(OptionError, where, ": resets expected only at the first step of a window of ", window,
                               ", received step ", t, " of sample ", i);
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
