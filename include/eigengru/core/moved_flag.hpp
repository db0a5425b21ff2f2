// SPDX-License-Identifier: MIT
// MovedFlag: a flag for values that must know when their contents were moved away.
#pragma once

#include "eigengru/core/config.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// A bool that goes along with a move and leaves false behind, so that its owner needs no special members of its own.
class MovedFlag {
public:
    MovedFlag() = default;
    MovedFlag(const MovedFlag&) = default;
    MovedFlag& operator=(const MovedFlag&) = default;
    MovedFlag(MovedFlag&& other) noexcept : is_set_(std::exchange(other.is_set_, false)) {}
    MovedFlag& operator=(MovedFlag&& other) noexcept {
        is_set_ = std::exchange(other.is_set_, false);
        return *this;
    }
    ~MovedFlag() = default;

    void set(bool value) { is_set_ = value; }
    [[nodiscard]] explicit operator bool() const { return is_set_; }

private:
    bool is_set_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
