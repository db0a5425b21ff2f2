// SPDX-License-Identifier: MIT
// The weights of Keras layers from HDF5, each checked against the shape that its layer has before anything is read.
#pragma once

#include "eigengru/io/hdf5_file.hpp"
#include "eigengru/io/keras_recurrent.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// (2, 18) or (18): a shape as NumPy shows it.
[[nodiscard]] inline std::string shape_text(const std::vector<Index>& shape) {
    std::string text;
    for (const Index size : shape) text += eigengru::detail::text(text.empty() ? "" : ", ", size);
    return "(" + text + ")";
}

/// The weights of one layer: the data sets 0, 1, ... of a group, or those of a list of names.
class WeightGroup {
public:
    WeightGroup(const Hdf5File& file, std::string path) : file_(&file), path_(std::move(path)) {}

    /// The names must end as the weights are called.
    WeightGroup(const Hdf5File& file, std::string path, std::vector<std::string> names)
        : file_(&file), path_(std::move(path)), names_(std::move(names)) {}

    /// The next weight. A first size of 0 stands for any.
    /// Throws: FormatError when it is missing, or has another shape.
    void next(std::string_view what, std::vector<Index> shape, std::string_view hint = "") {
        sets_.push_back(file_->dataset(next_path(what)));
        const Hdf5Dataset& set = sets_.back();
        if (shape.front() == 0) shape.front() = set.shape().front();
        if (set.shape() != shape)
            set.where().fail(what, " expected shape ", shape_text(shape), ", received ", shape_text(set.shape()), hint);
    }

    /// The values of all of them. Throws: FormatError when the group holds one more.
    template <RealScalar S>
    [[nodiscard]] std::vector<RowMatrix<S>> read() const {
        const bool has_more =
            names_ ? names_->size() > sets_.size() : file_->has(eigengru::detail::text(path_, "/", sets_.size()));
        if (has_more) file_->where().in(path_).fail("expected ", sets_.size(), " weights, received more");
        std::vector<RowMatrix<S>> weights;
        for (const Hdf5Dataset& set : sets_) weights.push_back(set.template read<S>());
        return weights;
    }

    /// How many bytes of the file they take.
    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const Hdf5Dataset& set : sets_) sum += set.bytes();
        return sum;
    }

private:
    [[nodiscard]] std::string next_path(std::string_view what) const {
        if (!names_) return eigengru::detail::text(path_, "/", sets_.size());
        if (sets_.size() == names_->size())
            file_->where().in(path_).fail("expected a weight ", what, ", received none");
        const std::string& name = (*names_)[sets_.size()];
        const std::string_view whole = std::string_view(name).substr(0, name.rfind(':'));
        if (whole.substr(whole.rfind('/') + 1) != what)
            file_->where().in(path_).fail("expected a weight ", what, ", received \"", name, "\"");
        return path_ + "/" + name;
    }

    const Hdf5File* file_;
    std::string path_;
    std::optional<std::vector<std::string>> names_;
    std::vector<Hdf5Dataset> sets_;
};

/// kernel, recurrent_kernel and, with use_bias, bias. Features of 0 stand for as many as the kernel has rows.
/// Throws: FormatError.
inline void check_gru_weights(WeightGroup& weights, const GruConfig& config) {
    const Index units = config.options.units;
    const Index width = kGates * units;
    weights.next("kernel", {config.features, width});
    weights.next("recurrent_kernel", {units, width});
    if (config.options.use_bias && config.reset_after)
        weights.next("bias", {2, width}, " (a vector means reset_after = false)");
    else if (config.options.use_bias)
        weights.next("bias", {width}, " (a matrix means reset_after = true)");
}

/// The weights of a GRU from those of a CuDNNGRU: of each gate's kernel cuDNN has the transpose, which Keras stores in
/// the shape of the kernel; the bias is one vector of 6 units.
template <RealScalar S>
void from_cudnn_order(std::vector<RowMatrix<S>>& weights) {
    for (std::size_t i = 0; i < 2; ++i) {
        const RowMatrix<S> given = weights[i];
        const Index rows = given.rows();
        const Index units = given.cols() / kGates;
        for (Index gate = 0; gate < kGates; ++gate) {
            const RowMatrix<S> block = given.middleCols(gate * units, units);
            weights[i].middleCols(gate * units, units) =
                Eigen::Map<const RowMatrix<S>>(block.data(), units, rows).transpose();
        }
    }
    const RowMatrix<S> bias = weights[2];
    weights[2] = Eigen::Map<const RowMatrix<S>>(bias.data(), 2, bias.cols() / 2);
}

/// The same for a GRU of a file, which may be a CuDNNGRU.
inline void check_keras_gru_weights(WeightGroup& weights, const KerasGru& gru) {
    if (!gru.has_cudnn_order) return check_gru_weights(weights, gru.config);
    const Index units = gru.config.options.units;
    weights.next("kernel", {gru.config.features, kGates * units});
    weights.next("recurrent_kernel", {units, kGates * units});
    weights.next("bias", {2 * kGates * units});
}

inline void check_dense_weights(WeightGroup& weights, Index features, const DenseOptions& options) {
    weights.next("kernel", {features, options.units});
    if (options.use_bias) weights.next("bias", {options.units});
}

inline void check_embedding_weights(WeightGroup& weights, const EmbeddingOptions& options) {
    weights.next("embeddings", {options.input_dim, options.output_dim});
}

/// gamma and beta as there are, then those of a BatchNormalization.
template <class Options>
void check_normalization_weights(WeightGroup& weights, Index features, const Options& options) {
    constexpr bool has_statistics = std::same_as<Options, BatchNormalizationOptions>;
    bool has_gamma = options.scale;
    bool has_beta = options.center;
    if constexpr (!has_statistics) {
        has_gamma = has_gamma || options.rms_scaling;
        has_beta = has_beta && !options.rms_scaling;
    }
    if (has_gamma) weights.next("gamma", {features});
    if (has_beta) weights.next("beta", {features});
    if (!has_statistics) return;
    weights.next("moving_mean", {features});
    weights.next("moving_variance", {features});
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
