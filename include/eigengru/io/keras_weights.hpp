// SPDX-License-Identifier: MIT
// The weights of Keras layers from HDF5, each checked against the shape that its layer has before anything is read.
#pragma once

#include "eigengru/io/hdf5_file.hpp"
#include "eigengru/layer/dense.hpp"
#include "eigengru/layer/gru.hpp"

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// (2, 18) or (18): a shape as NumPy shows it.
[[nodiscard]] inline std::string shape_text(const std::vector<Index>& shape) {
    std::string text;
    for (const Index size : shape) text += eigengru::detail::text(text.empty() ? "" : ", ", size);
    return "(" + text + ")";
}

/// The weights of one layer: the data sets 0, 1, ... of a group.
class WeightGroup {
public:
    WeightGroup(const Hdf5File& file, std::string path) : file_(&file), path_(std::move(path)) {}

    /// The next weight. A first size of 0 stands for any.
    /// Throws: FormatError when it is missing, or has another shape.
    void next(std::string_view what, std::vector<Index> shape, std::string_view hint = "") {
        sets_.push_back(file_->dataset(eigengru::detail::text(path_, "/", sets_.size())));
        const Hdf5Dataset& set = sets_.back();
        if (shape.front() == 0) shape.front() = set.shape().front();
        if (set.shape() != shape)
            set.where().fail(what, " expected shape ", shape_text(shape), ", received ", shape_text(set.shape()), hint);
    }

    /// The values of all of them. Throws: FormatError when the group holds one more, or they cannot be read.
    template <RealScalar S>
    [[nodiscard]] std::vector<RowMatrix<S>> read() const {
        const std::string beyond = eigengru::detail::text(path_, "/", sets_.size());
        if (file_->has(beyond)) file_->where().in(beyond).fail("expected ", sets_.size(), " weights, received more");
        std::vector<RowMatrix<S>> weights;
        for (const Hdf5Dataset& set : sets_) weights.push_back(set.template read<S>());
        return weights;
    }

private:
    const Hdf5File* file_;
    std::string path_;
    std::vector<Hdf5Dataset> sets_;
};

/// kernel, recurrent_kernel and, with use_bias, bias. Features of 0 stand for as many as the kernel has rows.
/// Throws: FormatError.
template <RealScalar S>
[[nodiscard]] std::vector<RowMatrix<S>> gru_weights(const Hdf5File& file, const std::string& group,
                                                    const GruConfig& config) {
    WeightGroup weights(file, "layers/" + group + "/cell/vars");
    const Index units = config.options.units;
    const Index width = kGates * units;
    weights.next("kernel", {config.features, width});
    weights.next("recurrent_kernel", {units, width});
    if (config.options.use_bias && config.reset_after)
        weights.next("bias", {2, width}, " (a vector means reset_after = false)");
    else if (config.options.use_bias)
        weights.next("bias", {width}, " (a matrix means reset_after = true)");
    return weights.read<S>();
}

/// kernel and, with use_bias, bias. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] std::vector<RowMatrix<S>> dense_weights(const Hdf5File& file, const std::string& group, Index features,
                                                      const DenseOptions& options) {
    WeightGroup weights(file, "layers/" + group + "/vars");
    weights.next("kernel", {features, options.units});
    if (options.use_bias) weights.next("bias", {options.units});
    return weights.read<S>();
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
