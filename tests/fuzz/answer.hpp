// SPDX-License-Identifier: MIT
// What the readers for the fuzzers share: errors as answers, and one call of a model.
#pragma once

#include "eigengru/core/error.hpp"
#include "eigengru/layer/sequential.hpp"

namespace eigengru_fuzz {

/// Calls f; an error in the file is an answer.
template <class F>
void answer(const F& f) {
    try {
        f();
    } catch (const eigengru::FormatError&) {
        return;
    }
}

/// The number of features of the first layer that has one, 1 otherwise.
inline eigengru::Index features_of(const eigengru::Sequential<float>& model) {
    for (const auto& layer : model.layers()) {
        const eigengru::Index features = std::visit(
            [](const auto& l) -> eigengru::Index {
                if constexpr (requires { l.features(); })
                    return l.features();
                else
                    return 0;
            },
            layer);
        if (features > 0) return features;
    }
    return 1;
}

/// One call with zeros.
inline void call_once(eigengru::Sequential<float> model) {
    const eigengru::Sequence<float> inputs({1, 2, features_of(model)});
    static_cast<void>(model.predict(inputs));
}

}  // namespace eigengru_fuzz
