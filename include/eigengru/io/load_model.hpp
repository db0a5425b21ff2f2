// SPDX-License-Identifier: MIT
// load_model, load_any_gru, load_gru: for whoever does not know, or does not care, what wrote a file.
//
// Keras's files and state dicts of PyTorch are always known; ONNX files in programs that are built with eigengru::onnx.
#pragma once

#include "eigengru/io/file_format.hpp"
#include "eigengru/io/keras_load.hpp"
#include "eigengru/io/safetensors.hpp"

#if defined(EIGENGRU_ONNX)
#include "eigengru/io/onnx.hpp"
#endif

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

// Units that know other formats may be linked to one program: what they instantiate has other names.
#if defined(EIGENGRU_ONNX)
inline namespace with_onnx {

template <RealScalar S>
[[nodiscard]] Sequential<S> onnx_file_model(std::string_view function, const std::filesystem::path& path) {
    return onnx_model<S>(open_onnx(function, path));
}
template <RealScalar S>
[[nodiscard]] AnyGru<S> onnx_file_gru(std::string_view function, const std::filesystem::path& path,
                                      std::string_view node) {
    return onnx_gru<S>(open_onnx(function, path), node);
}
#else
inline namespace without_onnx {

[[noreturn]] inline void no_onnx(std::string_view function, const std::filesystem::path& path) {
    EIGENGRU_THROW(FormatError, function, ": ", path.string(),
                   ": is an ONNX model, which this program cannot read: it was built without eigengru::onnx");
}
template <RealScalar S>
[[nodiscard]] Sequential<S> onnx_file_model(std::string_view function, const std::filesystem::path& path) {
    no_onnx(function, path);
}
template <RealScalar S>
[[nodiscard]] AnyGru<S> onnx_file_gru(std::string_view function, const std::filesystem::path& path, std::string_view) {
    no_onnx(function, path);
}
#endif

/// The model in a file of any kind. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] Sequential<S> any_model(std::string_view function, const std::filesystem::path& path,
                                      const TorchOptions& torch) {
    switch (format_of(path, Where(eigengru::detail::text(function, ": ", path.string())))) {
        case FileFormat::safetensors: return torch_model<S>(open_safetensors(function, path), torch);
        case FileFormat::onnx: return onnx_file_model<S>(function, path);
        default: return load_keras_model<S>(function, path, nullptr);
    }
}

/// One GRU of a file of any kind. Throws: FormatError.
template <RealScalar S>
[[nodiscard]] AnyGru<S> any_gru(std::string_view function, const std::filesystem::path& path, std::string_view layer) {
    switch (format_of(path, Where(eigengru::detail::text(function, ": ", path.string())))) {
        case FileFormat::safetensors:
            return torch_single_gru<S>(open_safetensors(function, path), {.gru = std::string(layer)});
        case FileFormat::onnx: return onnx_file_gru<S>(function, path, layer);
        default: return read_any_gru<S>(function, path, layer);
    }
}

}  // inline namespace

}  // namespace detail

#if defined(EIGENGRU_ONNX)
inline namespace with_onnx {
#else
inline namespace without_onnx {
#endif

/// The model in a file, whatever wrote it: see load_keras_model, load_safetensors_model, load_onnx_model. The first
/// bytes decide, not the name. `torch` is what a state dict does not say; the other formats do not look at it.
///
///     Sequential<float> model = io::load_model<float>("model.keras");     // or .h5, .safetensors, .onnx
///
/// Throws: FormatError, also for a file of another kind, which says what is known.
template <RealScalar S = float>
[[nodiscard]] Sequential<S> load_model(const std::filesystem::path& path, const TorchOptions& torch = {}) {
    return detail::any_model<S>("io::load_model", path, torch);
}

/// One GRU of a file, by its name, or, where none is given, the only one (of Keras's files the first); with either
/// mode. What else the file holds does not matter. See load_keras_gru, load_safetensors_gru and load_onnx_gru.
/// Throws: FormatError.
template <RealScalar S = float>
[[nodiscard]] AnyGru<S> load_any_gru(const std::filesystem::path& path, std::string_view layer = "") {
    return detail::any_gru<S>("io::load_any_gru", path, layer);
}

/// The same where the mode is known. Throws: FormatError, which names the other mode when that is what the file has.
template <RealScalar S = float, bool ResetAfter = true>
[[nodiscard]] Gru<S, ResetAfter> load_gru(const std::filesystem::path& path, std::string_view layer = "") {
    AnyGru<S> gru = detail::any_gru<S>("io::load_gru", path, layer);
    if (auto* found = gru.template get_if<ResetAfter>()) return std::move(*found);
    const std::string_view scalar = std::same_as<S, float> ? "float" : "double";
    Where(eigengru::detail::text("io::load_gru: ", path.string()))
        .fail("layer \"", gru.options().name, "\" has reset_after = ", !ResetAfter, "; use load_gru<", scalar, ", ",
              !ResetAfter, "> or load_any_gru<", scalar, ">");
}

}  // inline namespace

}  // namespace eigengru::inline EIGENGRU_ABI::io
