// SPDX-License-Identifier: MIT
// The weights of the small layers (Embedding and the normalisations): named matrices in one buffer, and what Keras does
// to each of them.
#pragma once

#include "eigengru/core/random.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/initializer.hpp"
#include "eigengru/math/regularizer.hpp"
#include "eigengru/model/output.hpp"
#include "eigengru/model/variable.hpp"
#include "eigengru/model/weight_blocks.hpp"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Named row-major matrices of one width, one below the other in one buffer: the weights of a layer, or their
/// gradients.
template <RealScalar S>
class NamedWeights {
public:
    struct Entry {
        std::string_view name;  ///< a literal of the layer
        Index rows;

        friend bool operator==(const Entry&, const Entry&) = default;
    };

    NamedWeights() = default;

    /// Zeros. Throws: ShapeError.
    NamedWeights(std::vector<Entry> entries, Index width) : entries_(std::move(entries)), width_(width) {
        Index rows = 0;
        for (const Entry& entry : entries_) rows += entry.rows;
        values_.setZero(detail::checked_size("NamedWeights", {rows, width}));
    }

    /// Zeros of the sizes of another one. Allocates only when they change.
    void reset_as(const NamedWeights& other) {
        if (width_ != other.width_ || entries_ != other.entries_) *this = other;
        values_.setZero();
    }

    [[nodiscard]] std::size_t count() const { return entries_.size(); }
    [[nodiscard]] Index size() const { return values_.size(); }
    [[nodiscard]] VectorMap<const S> flat() const& EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }
    [[nodiscard]] VectorMap<S> flat() & EIGENGRU_LIFETIMEBOUND { return {values_.data(), values_.size()}; }

    /// By position; in Keras's order.
    [[nodiscard]] const Entry& entry(std::size_t i) const { return entries_[i]; }
    [[nodiscard]] MatrixMap<const S> map(std::size_t i) const& EIGENGRU_LIFETIMEBOUND {
        return map_in(values_.data(), i);
    }
    [[nodiscard]] MatrixMap<S> map(std::size_t i) & EIGENGRU_LIFETIMEBOUND { return map_in(values_.data(), i); }

    /// By name: `find("gamma")`. Throws: OptionError for a weight that the layer does not have.
    [[nodiscard]] MatrixMap<const S> find(std::string_view name) const& EIGENGRU_LIFETIMEBOUND {
        return map(position(name));
    }
    [[nodiscard]] MatrixMap<S> find(std::string_view name) & EIGENGRU_LIFETIMEBOUND { return map(position(name)); }

private:
    template <class T>
    [[nodiscard]] MatrixMap<T> map_in(T* data, std::size_t i) const {
        for (std::size_t before = 0; before < i; ++before) data += entries_[before].rows * width_;
        return {data, entries_[i].rows, width_, Eigen::OuterStride<>(width_)};
    }

    [[nodiscard]] std::size_t position(std::string_view name) const {
        std::vector<std::string_view> names;
        for (std::size_t i = 0; i < count(); ++i) {
            if (entries_[i].name == name) return i;
            names.push_back(entries_[i].name);
        }
        EIGENGRU_THROW(OptionError, "NamedWeights::find: expected one of ", detail::quoted_list(names), ", received \"",
                       name, "\"");
    }

    std::vector<Entry> entries_;
    Index width_ = 0;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
};

namespace detail {

/// What Keras does to one weight.
struct WeightRules {
    std::string_view name;
    Index rows = 1;
    WeightRank rank = WeightRank::vector;
    Initializer initializer = {};
    Regularizer regularizer = {};
    Constraint constraint = {};
    bool is_statistic = false;  ///< never trained: a moving mean or variance
};

/// The weights of a layer with their rules. What it does is what the layers' calls of the same names promise.
template <RealScalar S>
class WeightSet {
public:
    /// Zeros; the rules are checked. `layer` is a literal, the name of the class. Throws: ShapeError, OptionError.
    WeightSet(std::string_view layer, Index width, std::vector<WeightRules> rules)
        : layer_(layer), weights_(entries_of(rules), width), rules_(std::move(rules)) {
        for (const WeightRules& rule : rules_) {
            const auto what = [&](const char* kind) { return text(layer, ": ", rule.name, kind); };
            rule.initializer.check({rule.rows, width, rule.rank}, what("_initializer"));
            rule.regularizer.check(rule.rank, what("_regularizer"));
            rule.constraint.check(rule.rank, what("_constraint"));
        }
    }

    void initialize(std::uint64_t seed) {
        for (std::size_t i = 0; i < rules_.size(); ++i)
            rules_[i].initializer.fill(weights_.map(i), rules_[i].rank, seed + i);
    }

    [[nodiscard]] const NamedWeights<S>& weights() const EIGENGRU_LIFETIMEBOUND { return weights_; }
    [[nodiscard]] NamedWeights<S>& weights() EIGENGRU_LIFETIMEBOUND { return weights_; }

    template <class Update>
    void update_variables(std::string_view layer, bool is_trainable, Update& update) {
        for (std::size_t i = 0; i < rules_.size(); ++i)
            update(Variable<S>{layer, rules_[i].name, weights_.map(i), is_trainable && !rules_[i].is_statistic});
    }

    /// Throws: ShapeError, and nothing has changed. A vector may come in either orientation.
    void set_weights(const MatrixView<const S>* given, std::size_t count) {
        const std::string where = text(layer_, "::set_weights");
        if (count != rules_.size())
            EIGENGRU_THROW(ShapeError, where, ": expected ", rules_.size(), " weights, received ", count);
        for (std::size_t i = 0; i < count; ++i) {
            const auto& to = std::as_const(weights_).map(i);
            if (rules_[i].rank == WeightRank::vector && is_column_of(given[i], to.cols())) continue;
            check_shape(where, rules_[i].name, given[i], to.rows(), to.cols());
        }
        for (std::size_t i = 0; i < count; ++i) copy_bias(given[i], weights_.map(i));
    }

    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        std::vector<RowMatrix<S>> result;
        for (std::size_t i = 0; i < rules_.size(); ++i) result.emplace_back(weights_.map(i));
        return result;
    }

    void apply_constraints() {
        for (std::size_t i = 0; i < rules_.size(); ++i) rules_[i].constraint.apply(weights_.map(i), rules_[i].rank);
    }

    /// The sum of the regularizers' losses, all as that of a kernel.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        RegularizationLosses<S> losses;
        for (std::size_t i = 0; i < rules_.size(); ++i)
            losses.kernel += rules_[i].regularizer.loss(weights_.map(i), rules_[i].rank);
        return losses;
    }

    void add_regularizer_gradients(NamedWeights<S>& into) const {
        for (std::size_t i = 0; i < rules_.size(); ++i)
            rules_[i].regularizer.add_gradient(weights_.map(i), rules_[i].rank, S(1), into.map(i));
    }

private:
    static std::vector<typename NamedWeights<S>::Entry> entries_of(const std::vector<WeightRules>& rules) {
        std::vector<typename NamedWeights<S>::Entry> entries;
        for (const WeightRules& rule : rules) entries.push_back({rule.name, rule.rows});
        return entries;
    }

    std::string_view layer_;  // a literal
    NamedWeights<S> weights_;
    std::vector<WeightRules> rules_;
};

/// What the layers with named weights share: their options and weights, and how these are read and changed.
template <RealScalar S, class O>
class NamedWeightsLayer {
public:
    using Scalar = S;

    [[nodiscard]] const O& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }
    [[nodiscard]] Index count_params() const { return parameters().size(); }

    /// Read-only: .find("gamma"), .flat(). Writing goes through update_parameters, set_weights or a loader.
    [[nodiscard]] const NamedWeights<S>& parameters() const& EIGENGRU_LIFETIMEBOUND { return weights_.weights(); }
    const NamedWeights<S>& parameters() const&& = delete;

    /// Calls `update(p)` with the weights writable: `[](auto& p) { p.find("gamma").setOnes(); }`.
    template <class Update>
    void update_parameters(Update&& update) {
        std::forward<Update>(update)(weights_.weights());
    }

    /// Calls `update(variable)` for each weight in Keras's order: see Variable.
    template <class Update>
    void update_variables(Update&& update) {
        weights_.update_variables(name(), options_.trainable, update);
    }

    /// In Keras's order, a vector in either orientation. Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) {
        weights_.set_weights(weights.begin(), weights.size());
    }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        const std::vector<MatrixView<const S>> views(weights.begin(), weights.end());
        weights_.set_weights(views.data(), views.size());
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const { return weights_.get_weights(); }

    /// Applies the constraints to the weights of a trainable layer, as an optimiser does after its step.
    void apply_constraints() {
        if (options_.trainable) weights_.apply_constraints();
    }

    /// The regularizers' losses for the present weights, as `kernel`; in Keras of a trainable layer alone.
    [[nodiscard]] RegularizationLosses<S> losses() const {
        return options_.trainable ? weights_.losses() : RegularizationLosses<S>();
    }

protected:
    /// `weights_of(options)` is a WeightSet of zeros.
    template <class WeightsOf>
    NamedWeightsLayer(O options, const WeightsOf& weights_of)
        : options_(std::move(options)), weights_(weights_of(options_)) {}

    void initialize() { weights_.initialize(options_.seed ? *options_.seed : random_seed()); }

    void add_regularizer_gradients(NamedWeights<S>& into) const {
        if (options_.trainable) weights_.add_regularizer_gradients(into);
    }

private:
    O options_;
    WeightSet<S> weights_;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI
