// SPDX-License-Identifier: MIT
// What a refused call says, for the tests of error messages.
#pragma once

#include <string>

namespace eigengru_test {

/// The text of the Error that f throws, or "nothing was thrown"; another exception passes.
template <class Error, class F>
[[nodiscard]] std::string message_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

}  // namespace eigengru_test
