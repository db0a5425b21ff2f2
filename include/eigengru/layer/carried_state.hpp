// SPDX-License-Identifier: MIT
// CarriedState: what a stateful layer keeps from call to call.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/core/mask_view.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// A state (batch, units), or none yet: then batch() is 0. Its memory stays when the batch size is forgotten. A call
/// writes the next one beside it, so that a call that fails leaves it as it was.
template <RealScalar S>
class CarriedState {
public:
    explicit CarriedState(Index units) : values_(0, units), next_(0, units) {}

    [[nodiscard]] Index batch() const { return batch_; }
    [[nodiscard]] Index bytes() const { return (values_.size() + next_.size()) * Index(sizeof(S)); }

    /// Makes room for a first state of that batch size.
    void prepare(Index batch) {
        if (batch_ == 0 && values_.rows() < batch) values_ = RowMatrix<S>(batch, values_.cols());
        if (next_.rows() < values_.rows()) next_ = RowMatrix<S>(values_.rows(), values_.cols());
    }

    [[nodiscard]] MatrixMap<const S> state() const EIGENGRU_LIFETIMEBOUND {
        return block(values_.data(), batch_, values_.cols());
    }

    /// What a call begins with: the initial state that it was given, or this one.
    [[nodiscard]] MatrixView<const S> starting_state(const MatrixView<const S>& given) const EIGENGRU_LIFETIMEBOUND {
        return given.is_present() || batch_ == 0 ? given : MatrixView<const S>(state());
    }

    /// Where a call writes the state of a batch that prepare() has made room for; set_batch() makes it the state.
    [[nodiscard]] S* room() { return next_.data(); }
    void set_batch(Index batch) {
        values_.swap(next_);
        batch_ = batch;
    }

    void set(const MatrixView<const S>& state) {
        prepare(state.rows());
        values_.topRows(state.rows()) = state.map();
        batch_ = state.rows();
    }

    void reset() { values_.setZero(); }

    /// Throws: ShapeError for a row that is not there.
    void reset(const IndexListView& rows) {
        for (Index i = 0; i < rows.size(); ++i) {
            if (rows[i] >= 0 && rows[i] < batch_) continue;
            EIGENGRU_THROW(ShapeError, "Gru::reset_state: rows[", i, "] expected ",
                           batch_ > 0 ? text("0 to ", batch_ - 1) : std::string("none before the first call"),
                           ", received ", rows[i]);
        }
        for (Index i = 0; i < rows.size(); ++i) values_.row(rows[i]).setZero();
    }

    void clear() { batch_ = 0; }

private:
    RowMatrix<S> values_, next_;
    Index batch_ = 0;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
