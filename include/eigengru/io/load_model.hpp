// SPDX-License-Identifier: MIT
// load_model: the model in a file, whatever wrote it.
#pragma once

#include "eigengru/io/keras_load.hpp"

namespace eigengru::inline EIGENGRU_ABI::io {

/// The model in a file: see load_keras_model.
/// Throws: FormatError.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_model(const std::filesystem::path& path) {
    return detail::load_keras_model<S>("io::load_model", path, nullptr);
}

}  // namespace eigengru::inline EIGENGRU_ABI::io
