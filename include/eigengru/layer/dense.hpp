// SPDX-License-Identifier: MIT
// Dense: y = activation(x kernel + bias), as keras.layers.Dense; the head that most GRU models end with.
#pragma once

#include "eigengru/cell/product.hpp"
#include "eigengru/core/random.hpp"
#include "eigengru/core/sequence.hpp"
#include "eigengru/fwd.hpp"
#include "eigengru/math/activation.hpp"
#include "eigengru/math/constraint.hpp"
#include "eigengru/math/initializer.hpp"
#include "eigengru/math/regularizer.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Dense, in its order, and a seed for initializers that have none.
struct DenseOptions {
    Index units = 0;
    Activation activation = {};
    bool use_bias = true;
    Initializer kernel_initializer = "glorot_uniform";
    Initializer bias_initializer = "zeros";
    Regularizer kernel_regularizer = {};  ///< regularizers and constraints are kept for training
    Regularizer bias_regularizer = {};
    Regularizer activity_regularizer = {};
    Constraint kernel_constraint = {};
    Constraint bias_constraint = {};
    std::string name = "dense";
    bool trainable = true;
    std::optional<std::uint64_t> seed = {};

    friend bool operator==(const DenseOptions&, const DenseOptions&) = default;
};

/// keras.layers.Dense: y = activation(x kernel + bias) with kernel (features, units) and bias (1, units), applied to each
/// row of a matrix or to each time step of a batch of sequences.
///
///     Dense<float> head(16, {.units = 1});
///     RowMatrix<float> forecast = head(gru(inputs).last);
template <RealScalar S>
class Dense {
public:
    using Scalar = S;

    /// Throws: ShapeError, OptionError.
    Dense(Index features, DenseOptions options) : options_(validated(std::move(options), features)), features_(features) {
        const std::uint64_t seed = options_.seed ? *options_.seed : random_seed();
        detail::checked_size("Dense", {features, units()});  // so that the sum below cannot overflow
        values_.setZero(detail::checked_size("Dense", {features + (options_.use_bias ? 1 : 0), units()}));
        options_.kernel_initializer.fill(rows<S>(values_.data(), features_), WeightRank::matrix, seed);
        if (options_.use_bias) options_.bias_initializer.fill(rows<S>(bias_data(), 1), WeightRank::vector, seed + 1);
    }

    [[nodiscard]] const DenseOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }
    [[nodiscard]] Index features() const { return features_; }
    [[nodiscard]] Index units() const { return options_.units; }
    [[nodiscard]] Index count_params() const { return values_.size(); }

    [[nodiscard]] MatrixMap<const S> kernel() const& EIGENGRU_LIFETIMEBOUND {
        return rows<const S>(values_.data(), features_);
    }
    [[nodiscard]] MatrixMap<const S> bias() const& EIGENGRU_LIFETIMEBOUND {
        return rows<const S>(values_.data() + features_ * units(), options_.use_bias ? 1 : 0);
    }

    /// kernel and, with use_bias, bias (a vector in either orientation). Throws: ShapeError, and nothing has changed.
    void set_weights(std::initializer_list<MatrixView<const S>> weights) { set(weights.begin(), weights.size()); }
    void set_weights(const std::vector<RowMatrix<S>>& weights) {
        const std::vector<MatrixView<const S>> views(weights.begin(), weights.end());
        set(views.data(), views.size());
    }
    [[nodiscard]] std::vector<RowMatrix<S>> get_weights() const {
        std::vector<RowMatrix<S>> weights{kernel()};
        if (options_.use_bias) weights.emplace_back(bias());
        return weights;
    }

    /// Each row of (rows, features) to (rows, units). Throws: ShapeError.
    template <class D>
    [[nodiscard]] RowMatrix<S> operator()(const Eigen::DenseBase<D>& inputs) const {
        const MatrixView<const S> view(inputs);
        check_features(view.cols());
        RowMatrix<S> outputs(view.rows(), units());
        apply(view.map(), as_rows(outputs));
        return outputs;
    }

    /// Each time step of (batch, time, features) to (batch, time, units). Throws: ShapeError.
    [[nodiscard]] Sequence<S> operator()(SequenceView<const S> inputs) const {
        const Shape3& shape = inputs.shape();
        check_features(shape.features);
        Sequence<S> outputs({shape.batch, shape.time, units()});
        for (Index b = 0; b < shape.batch; ++b) apply(inputs.sequence(b), outputs.sequence(b));
        return outputs;
    }

private:
    static DenseOptions validated(DenseOptions options, Index features) {
        if (features < 1) EIGENGRU_THROW(ShapeError, "Dense: features expected at least 1, received ", features);
        if (options.units < 1) EIGENGRU_THROW(OptionError, "Dense: units expected at least 1, received ", options.units);
        options.kernel_initializer.check({features, options.units}, "Dense: kernel_initializer");
        options.bias_initializer.check({1, options.units, WeightRank::vector}, "Dense: bias_initializer");
        options.bias_regularizer.check(WeightRank::vector, "Dense: bias_regularizer");
        options.kernel_constraint.check(WeightRank::matrix, "Dense: kernel_constraint");
        options.bias_constraint.check(WeightRank::vector, "Dense: bias_constraint");
        return options;
    }

    template <class T>
    [[nodiscard]] MatrixMap<T> rows(T* data, Index count) const {
        return {data, count, units(), Eigen::OuterStride<>(units())};
    }

    [[nodiscard]] S* bias_data() { return values_.data() + features_ * units(); }

    [[nodiscard]] MatrixMap<S> as_rows(RowMatrix<S>& m) const { return rows<S>(m.data(), m.rows()); }

    void check_features(Index received) const {
        if (received != features_)
            EIGENGRU_THROW(ShapeError, "Dense::operator(): inputs have ", received, " features, the layer was built for ",
                           features_);
    }

    void apply(MatrixMap<const S> x, MatrixMap<S> y) const {
        if (options_.use_bias)
            for (Index r = 0; r < y.rows(); ++r) y.row(r) = bias().row(0);
        else
            y.setZero();
        detail::add_product<S>(x, kernel(), y.data(), y.outerStride());
        options_.activation.template apply<S>(y);
    }

    void set(const MatrixView<const S>* given, std::size_t count) {
        const std::size_t expected = options_.use_bias ? 2 : 1;
        if (count != expected)
            EIGENGRU_THROW(ShapeError, "Dense::set_weights: expected ", expected, " weights, received ", count);
        check("kernel", given[0], features_, units());
        const bool is_column = options_.use_bias && given[1].cols() == 1 && given[1].rows() == units();
        if (options_.use_bias && !is_column) check("bias", given[1], 1, units());
        rows<S>(values_.data(), features_) = given[0].map();
        if (!options_.use_bias) return;
        for (Index u = 0; u < units(); ++u) bias_data()[u] = is_column ? given[1](u, 0) : given[1](0, u);
    }

    static void check(std::string_view what, const MatrixView<const S>& given, Index rows, Index cols) {
        if (given.rows() != rows || given.cols() != cols)
            EIGENGRU_THROW(ShapeError, "Dense::set_weights: ", what, " expected shape ", detail::shape_text(rows, cols),
                           ", received ", detail::shape_text(given.rows(), given.cols()));
    }

    DenseOptions options_;
    Index features_;
    Eigen::Matrix<S, Eigen::Dynamic, 1> values_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
