// SPDX-License-Identifier: MIT
// Whether anybody watches: for what is only drawn on a terminal.
#pragma once

#include "eigengru/core/config.hpp"

#include <cstdio>

#if defined(_WIN32)
#include <io.h>
#elif __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Whether a file is a terminal; false where the system cannot tell.
[[nodiscard]] inline bool is_terminal(std::FILE* file) {
#if defined(_WIN32)
    return ::_isatty(::_fileno(file)) != 0;
#elif __has_include(<unistd.h>)
    return ::isatty(::fileno(file)) != 0;
#else
    static_cast<void>(file);
    return false;
#endif
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
