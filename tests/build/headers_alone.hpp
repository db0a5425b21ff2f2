// SPDX-License-Identifier: MIT
// Libraries that take most of the time where each header compiles alone, read once for all of a part. (That a header
// forgot to include one of them, or what they include themselves, does not show there.)
#pragma once

#include <Eigen/Core>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#if defined(EIGENGRU_TEST_JSON)
#include <nlohmann/json.hpp>

namespace eigengru_test {

/// What the readers and writers use of it is instantiated here too.
template <class Json, class Other>
void use_json(const std::string& text) {
    const auto every_event = [](int, typename Json::parse_event_t, const Json&) { return true; };
    Json json = Json::parse(text, every_event, false);
    json["a"] = Other(json).dump();
    static_cast<void>(json == json || json == "a" || json == 1);
}

inline void use_both_kinds_of_json(const std::string& text) {
    use_json<nlohmann::json, nlohmann::ordered_json>(text);
    use_json<nlohmann::ordered_json, nlohmann::json>(text);
}

}  // namespace eigengru_test
#endif
