// SPDX-License-Identifier: MIT
// UniqueNames: names for the layers of a file, where no two may have the same one.
#pragma once

#include "eigengru/core/error.hpp"

#include <set>
#include <string>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Gives each layer its name, with a number behind it where another layer has that name: gru, gru_1, gru_2.
class UniqueNames {
public:
    [[nodiscard]] std::string next(const std::string& name) {
        std::string result = name;
        for (int i = 1; !taken_.insert(result).second; ++i) result = eigengru::detail::text(name, "_", i);
        return result;
    }

private:
    std::set<std::string> taken_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
