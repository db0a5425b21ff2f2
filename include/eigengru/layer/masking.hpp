// SPDX-License-Identifier: MIT
// Masking: derives the mask from a value that fills padded steps, as keras.layers.Masking.
#pragma once

#include "eigengru/layer/layer_data.hpp"

#include <cmath>
#include <string>
#include <utility>

namespace eigengru::inline EIGENGRU_ABI {

/// The constructor arguments of keras.layers.Masking.
struct MaskingOptions {
    double mask_value = 0.0;  ///< a step is masked where every feature has this value
    std::string name = "masking";
};

/// keras.layers.Masking: a step is used where any feature differs from mask_value; masked inputs become 0.
template <RealScalar S>
class Masking {
public:
    /// Throws: OptionError when mask_value is not finite.
    explicit Masking(MaskingOptions options = {}) : options_(std::move(options)) {
        if (!std::isfinite(options_.mask_value))
            EIGENGRU_THROW(OptionError, "Masking: mask_value expected a finite number, received ", options_.mask_value);
    }

    [[nodiscard]] const MaskingOptions& options() const { return options_; }
    [[nodiscard]] const std::string& name() const { return options_.name; }

    /// (batch, time, features) to the same shape, with the mask. A mask that came in is replaced, as in Keras.
    void operator()(LayerData<S>& data) const { apply(data.values, data.mask); }

    /// The same for the parts: values in place, mask out.
    void apply(Sequence<S>& values, Mask& mask) const {
        const Shape3& shape = values.shape();
        const S value = static_cast<S>(options_.mask_value);
        mask.resize(shape.batch, shape.time);
        for (Index b = 0; b < shape.batch; ++b) {
            MatrixMap<S> sequence = values.sequence(b);
            for (Index t = 0; t < shape.time; ++t) {
                mask(b, t) = (sequence.row(t).array() != value).any();
                if (!mask(b, t)) sequence.row(t).setZero();
            }
        }
    }

private:
    MaskingOptions options_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
