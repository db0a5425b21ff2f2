// SPDX-License-Identifier: MIT
// The four exceptions, the one way to throw them, and the text of a message: where, what, expected, received.
#pragma once

#include "eigengru/core/config.hpp"

#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI {

/// A size or shape that does not fit: `Gru::operator(): inputs have 7 features, the layer was built for 8`.
class ShapeError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// An option outside its range, or a name that nobody knows (the message lists the known ones).
class OptionError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// A backend was demanded that cannot run this call; the message lists every reason.
class BackendError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A file that is missing, damaged, or holds something this library does not know.
class FormatError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Called with the message instead of throwing, where exceptions are switched off. It must not return.
using FailureHandler = void (*)(const char* message);

namespace detail {

inline void print_and_abort(const char* message) {
    std::fprintf(stderr, "eigengru: %s\n", message);
    std::abort();
}

inline FailureHandler& failure_handler() {
    static FailureHandler handler = &print_and_abort;
    return handler;
}

inline void append(std::string& text, std::string_view part) {
    text += part;
}

template <std::integral I>
void append(std::string& text, I part) {
    if constexpr (std::same_as<I, bool>)
        text += part ? "true" : "false";
    else
        text += std::to_string(part);
}

template <std::floating_point F>
void append(std::string& text, F part) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.9g", static_cast<double>(part));
    text += digits;
}

/// The parts written one after the other: `text("expected ", 3, ", received ", n)`. Types of the library bring their
/// own `append`.
template <class... Parts>
[[nodiscard]] std::string text(const Parts&... parts) {
    std::string result;
    (append(result, parts), ...);
    return result;
}

/// `"a", "b", "c"`: the known names, for a message.
template <class Range>
[[nodiscard]] std::string quoted_list(const Range& names) {
    std::string result;
    for (const auto& name : names) {
        append(result, result.empty() ? "\"" : ", \"");
        append(result, std::string_view(name));
        append(result, "\"");
    }
    return result;
}

}  // namespace detail

/// Replaces what happens to an error where exceptions are switched off (default: print and abort).
/// Returns the handler that was there before.
inline FailureHandler set_failure_handler(FailureHandler handler) {
    const FailureHandler before = detail::failure_handler();
    detail::failure_handler() = handler != nullptr ? handler : &detail::print_and_abort;
    return before;
}

}  // namespace eigengru::inline EIGENGRU_ABI
