// SPDX-License-Identifier: MIT
// Tape: what a forward pass records so that a backward pass can follow.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/core/huge_pages.hpp"
#include "eigengru/core/mask_view.hpp"
#include "eigengru/core/moved_flag.hpp"
#include "eigengru/model/options.hpp"

#include <memory>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

/// What of a layer a tape depends on; the backward pass wants the same.
struct LayerSignature {
    Index features = 0;
    Index units = 0;
    bool reset_after = true;
    bool use_bias = true;
    bool return_sequences = false;
    bool return_state = false;
    bool go_backwards = false;
    bool zero_output_for_mask = false;
    Activation activation = {};
    Activation recurrent_activation = {};
    Regularizer activity_regularizer = {};

    friend bool operator==(const LayerSignature&, const LayerSignature&) = default;
};

[[nodiscard]] inline LayerSignature signature_of(const GruOptions& options, Index features, bool reset_after) {
    return {.features = features,
            .units = options.units,
            .reset_after = reset_after,
            .use_bias = options.use_bias,
            .return_sequences = options.return_sequences,
            .return_state = options.return_state,
            .go_backwards = options.go_backwards,
            .zero_output_for_mask = options.zero_output_for_mask,
            .activation = options.activation,
            .recurrent_activation = options.recurrent_activation,
            .activity_regularizer = options.activity_regularizer};
}

/// Fills a recycled vector or matrix without giving back its memory first, unless the size differs.
template <class T>
void assign_masks(std::vector<T>& to, const std::vector<T>& from) {
    to.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
}

/// What a pass on a device has left there for its backward pass. Copies of a tape share it.
class DeviceRecord {
public:
    DeviceRecord() = default;
    DeviceRecord(const DeviceRecord&) = delete;
    DeviceRecord& operator=(const DeviceRecord&) = delete;
    virtual ~DeviceRecord() = default;

    /// The scalars recorded.
    [[nodiscard]] virtual Index size() const = 0;
};

}  // namespace detail

/// How a tape records.
struct TapeOptions {
    /// 0: everything. k > 0: only the state of every k-th step (rounded up to whole blocks of the input projection);
    /// the backward pass computes the steps between again, with the same bits.
    Index checkpoint_every = 0;
};

/// The record of one forward pass, for layer.forward and layer.backward. A value that owns all it needs, the inputs
/// included; several may be alive at once. Written again, it keeps its memory.
///
/// Size in scalars, with (B, T, F) inputs and U units: B T F + 5 B T U, with checkpoints B T F + B U ceil(T / k); an
/// activity_regularizer adds B U. Besides it holds the mask (B T bytes) and the dropout masks of the pass. The record of
/// a pass on cuDNN lies in the memory of its device, and has the size that cuDNN asks for.
/// Invariant: empty(), or a complete record.
template <RealScalar S>
class Tape {
public:
    using Scalar = S;

    Tape() = default;

    /// Throws: OptionError when checkpoint_every is negative.
    explicit Tape(TapeOptions options) : options_(options) {
        if (options.checkpoint_every < 0)
            EIGENGRU_THROW(OptionError, "Tape: checkpoint_every expected at least 0, received ",
                           options.checkpoint_every);
    }

    /// Whether nothing is recorded (or it was moved away).
    [[nodiscard]] bool empty() const { return !is_recorded_; }
    [[nodiscard]] const TapeOptions& options() const { return options_; }

    /// (batch, time, features) of the recorded inputs.
    [[nodiscard]] const Shape3& shape() const { return shape_; }
    [[nodiscard]] Index units() const { return signature_.units; }

    /// The scalars recorded, masks not counted.
    [[nodiscard]] Index size() const { return empty() ? 0 : on_device_ != nullptr ? on_device_->size() : size_; }

    /// Forgets the record; the memory stays for the next one.
    void clear() { is_recorded_.set(false); }

    /// The rest is for the backends: how the record is written and read.

    /// Makes room for a record, to be filled; `chunk` is the number of steps whose inputs are projected together.
    void start(const detail::LayerSignature& signature, const Shape3& shape, Index chunk, bool keeps_final_state) {
        clear();
        on_device_.reset();
        signature_ = signature;
        shape_ = shape;
        keeps_final_state_ = keeps_final_state;
        const Index every = options_.checkpoint_every;
        segment_ =
            every == 0 ? shape.time : std::min(shape.time, (std::min(every, shape.time) + chunk - 1) / chunk * chunk);
        const Index rows = shape.batch * shape.time;
        states_ = rows * shape.features;
        gates_ = states_ + shape.batch * signature.units * (has_gates() ? shape.time : checkpoints());
        final_state_ = gates_ + (has_gates() ? rows * detail::kSlots * signature.units : 0);
        size_ = final_state_ + (keeps_final_state ? shape.batch * signature.units : 0);
        if (values_.size() < size_) detail::resize_large(values_, size_);
    }

    /// The same for a record on a device, which is no longer that of other tapes.
    void start_on_device(const detail::LayerSignature& signature, const Shape3& shape,
                         std::shared_ptr<detail::DeviceRecord> record) {
        clear();
        signature_ = signature;
        shape_ = shape;
        on_device_ = std::move(record);
    }

    /// The record on a device, or null.
    [[nodiscard]] const std::shared_ptr<detail::DeviceRecord>& on_device() const { return on_device_; }

    /// Copies the mask in processing order; absent means none.
    template <class IsUsed>
    void record_mask(bool has_mask, const IsUsed& is_used) {
        has_mask_ = has_mask;
        if (!has_mask) return;
        mask_.resize(static_cast<std::size_t>(shape_.batch * shape_.time));
        for (Index b = 0; b < shape_.batch; ++b)
            for (Index step = 0; step < shape_.time; ++step)
                mask_[static_cast<std::size_t>(b * shape_.time + step)] = is_used(b, step) ? 1 : 0;
    }

    void record_dropout(const DropoutMasks<S>* masks) {
        has_dropout_ = masks != nullptr;
        if (!has_dropout_) return;
        detail::assign_masks(dropout_.input, masks->input);
        detail::assign_masks(dropout_.state, masks->state);
    }

    void record_kernels(Kernels kernels) { kernels_ = kernels; }

    void finish() { is_recorded_.set(true); }

    [[nodiscard]] const detail::LayerSignature& signature() const { return signature_; }
    [[nodiscard]] MaskView mask() const {
        return has_mask_ ? MaskView(mask_.data(), shape_.batch, shape_.time) : MaskView();
    }
    [[nodiscard]] const DropoutMasks<S>* dropout() const { return has_dropout_ ? &dropout_ : nullptr; }

    /// Which kernels computed the pass: a segment that is computed again must have the same bits.
    [[nodiscard]] Kernels kernels() const { return kernels_; }

    /// Steps between two recorded states: all steps without checkpoints.
    [[nodiscard]] Index segment() const { return segment_; }
    [[nodiscard]] bool has_gates() const { return options_.checkpoint_every == 0; }
    [[nodiscard]] bool keeps_final_state() const { return keeps_final_state_; }

    /// Inputs [step][row][feature] in processing order, zeros at masked steps, before dropout.
    [[nodiscard]] S* inputs() { return values_.data(); }
    [[nodiscard]] const S* inputs() const { return values_.data(); }

    /// The state before a step: any step, or with checkpoints the first of a segment. One follows the other.
    [[nodiscard]] S* state(Index step) { return values_.data() + state_offset(step); }
    [[nodiscard]] const S* state(Index step) const { return values_.data() + state_offset(step); }

    /// The gates of step after step, [step][row][z | r | m | c] without gaps; not with checkpoints.
    [[nodiscard]] S* gates() { return values_.data() + gates_; }
    [[nodiscard]] const S* gates() const { return values_.data() + gates_; }

    [[nodiscard]] S* final_state() { return values_.data() + final_state_; }
    [[nodiscard]] const S* final_state() const { return values_.data() + final_state_; }

private:
    [[nodiscard]] Index checkpoints() const { return (shape_.time + segment_ - 1) / segment_; }

    [[nodiscard]] Index state_offset(Index step) const {
        return states_ + (has_gates() ? step : step / segment_) * shape_.batch * signature_.units;
    }

    TapeOptions options_;
    detail::MovedFlag is_recorded_;
    bool has_mask_ = false;
    bool has_dropout_ = false;
    bool keeps_final_state_ = false;
    Kernels kernels_ = Kernels::eigen;
    detail::LayerSignature signature_;
    Shape3 shape_;
    Index segment_ = 0;
    Index states_ = 0;
    Index gates_ = 0;
    Index final_state_ = 0;
    Index size_ = 0;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
    std::vector<unsigned char> mask_;
    DropoutMasks<S> dropout_;
    std::shared_ptr<detail::DeviceRecord> on_device_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
