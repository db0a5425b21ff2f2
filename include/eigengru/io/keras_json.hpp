// SPDX-License-Identifier: MIT
// JSON as Keras writes it, and JsonObject: its objects, read with words for what is wrong. nlohmann-json parses.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace eigengru::inline EIGENGRU_ABI::io {

using Json = nlohmann::json;

/// The largest config.json that is read (a layer takes about 2 KiB of it), and how deep its brackets may nest.
inline constexpr std::uint64_t kMostJsonBytes = std::uint64_t{1} << 22;
inline constexpr int kMostJsonDepth = 64;

namespace detail {

/// The name of a number that JSON does not have, empty for all others. Python writes such names; nlohmann-json knows
/// neither them nor numbers beyond the range of a double.
[[nodiscard]] inline std::string_view non_finite_name(const std::string& word) {
    if (word == "NaN") return "NaN";
    if (word == "Infinity" || word == "-Infinity") return word == "Infinity" ? "Infinity" : "-Infinity";
    const bool is_number = word.find_first_not_of("+-.eE0123456789") == std::string::npos;
    const double value = is_number ? std::strtod(word.c_str(), nullptr) : 0.0;
    if (std::isfinite(value)) return "";
    return value > 0.0 ? "Infinity" : "-Infinity";
}

/// The same JSON, numbers that are not finite written as strings, so that what is said of them can name their layer.
[[nodiscard]] inline std::string with_quoted_non_finite(const Bytes& json) {
    std::string result;
    std::string word;
    bool is_string = false;
    bool is_escaped = false;
    const auto finish_word = [&] {
        const std::string_view name = non_finite_name(word);
        result += name.empty() ? word : eigengru::detail::text("\"", name, "\"");
        word.clear();
    };
    for (const unsigned char byte : json) {
        const char c = static_cast<char>(byte);
        if (!is_string && (std::isalnum(byte) != 0 || c == '+' || c == '-' || c == '.')) {
            word += c;
            continue;
        }
        if (!word.empty()) finish_word();
        if (c == '"' && !is_escaped) is_string = !is_string;
        is_escaped = is_string && c == '\\' && !is_escaped;
        result += c;
    }
    if (!word.empty()) finish_word();
    return result;
}

/// Throws: FormatError when the bytes are no JSON, or nest deeper than kMostJsonDepth.
[[nodiscard]] inline Json parse_json(const Bytes& bytes, const Where& where) {
    bool is_too_deep = false;
    const auto watch_depth = [&](int depth, Json::parse_event_t, const Json&) {
        is_too_deep = is_too_deep || depth > kMostJsonDepth;
        return !is_too_deep;
    };
    Json json = Json::parse(with_quoted_non_finite(bytes), watch_depth, false);
    if (is_too_deep) where.fail("expected brackets that nest at most ", kMostJsonDepth, " deep");
    if (json.is_discarded()) where.fail("is not valid JSON");
    return json;
}

/// A value as it may stand in a message.
[[nodiscard]] inline std::string shown(const Json& json) {
    constexpr std::size_t most = 60;
    if (json.is_object()) return "an object";
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > most) text.replace(most, std::string::npos, "...");
    return text;
}

}  // namespace detail

/// Whether a class of that module is Keras's own; tf_keras is what Keras 2 is called beside Keras 3.
[[nodiscard]] inline bool is_keras_module(std::string_view module) {
    for (const std::string_view home : {"keras", "tf_keras"})
        if (module == home || (module.starts_with(home) && module[home.size()] == '.')) return true;
    return false;
}

/// An object in a JSON document that outlives it. Every reader says, when it fails: where, the key, what was expected
/// and what stands there. A value of null counts as missing, and what is missing has Keras's default.
class JsonObject {
public:
    /// Throws: FormatError when it is no object.
    JsonObject(const Json& json, Where where) : json_(&json), where_(std::move(where)) {
        if (!json.is_object()) where_.fail("expected an object, received ", detail::shown(json));
    }

    JsonObject(const Json&& json, Where where) = delete;

    [[nodiscard]] const Where& where() const { return where_; }

    /// Whether the key is there, be it null.
    [[nodiscard]] bool has(std::string_view key) const { return json_->contains(std::string(key)); }

    /// The value, nullptr when it is missing or null.
    [[nodiscard]] const Json* find(std::string_view key) const {
        const auto found = json_->find(std::string(key));
        return found == json_->end() || found->is_null() ? nullptr : &*found;
    }

    [[nodiscard]] bool flag(std::string_view key, bool otherwise) const {
        const Json* value = find(key);
        if (value == nullptr) return otherwise;
        if (!value->is_boolean()) fail(key, "true or false", *value);
        return value->get<bool>();
    }

    [[nodiscard]] double number(std::string_view key, double otherwise) const {
        return find(key) == nullptr ? otherwise : number(key);
    }

    [[nodiscard]] double number(std::string_view key) const {
        const Json& value = required(key, "a number");
        if (value.is_number()) return value.get<double>();
        if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
        if (value == "Infinity") return std::numeric_limits<double>::infinity();
        if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
        fail(key, "a number", value);
    }

    /// A size from 1 to 2^31 - 1.
    [[nodiscard]] Index size(std::string_view key) const { return size(required(key, "a size"), key); }

    [[nodiscard]] Index size(const Json& value, std::string_view key) const {
        constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
        const bool is_size = value.is_number_integer() && value >= 1 && value <= most;
        if (!is_size) fail(key, "a whole number from 1 to 2147483647", value);
        return value.get<Index>();
    }

    [[nodiscard]] std::string string(std::string_view key) const {
        const Json& value = required(key, "a string");
        if (!value.is_string()) fail(key, "a string", value);
        return value.get<std::string>();
    }

    /// A seed: a whole number, or a generator of Keras's that has one. Negative ones wrap around.
    [[nodiscard]] std::optional<std::uint64_t> seed(std::string_view key) const {
        const Json* value = find(key);
        if (value != nullptr && value->is_object()) return object(key).object("config").seed("seed");
        if (value == nullptr) return std::nullopt;
        if (!value->is_number_integer()) fail(key, "a whole number", *value);
        return value->is_number_unsigned() ? value->get<std::uint64_t>()
                                           : static_cast<std::uint64_t>(value->get<std::int64_t>());
    }

    [[nodiscard]] JsonObject object(std::string_view key) const { return {required(key, "an object"), where_.in(key)}; }

    [[nodiscard]] const Json& array(std::string_view key) const {
        const Json& value = required(key, "a list");
        if (!value.is_array()) fail(key, "a list", value);
        return value;
    }

    void allow_only(std::initializer_list<std::string_view> known) const {
        allow_only(std::span(known.begin(), known.size()));
    }

    /// What is not in the list must be null or false: then whatever it means is switched off.
    /// Throws: FormatError that names the key.
    void allow_only(std::span<const std::string_view> known) const {
        for (const auto& [key, value] : json_->items()) {
            const bool is_off = value.is_null() || value == false;
            if (!is_off && std::ranges::find(known, key) == known.end())
                where_.fail("argument \"", key, "\" = ", detail::shown(value), " is not known");
        }
    }

    /// Every key with its value.
    [[nodiscard]] auto items() const { return json_->items(); }

    [[noreturn]] void fail(std::string_view key, std::string_view expected, const Json& received) const {
        where_.fail(key, " expected ", expected, ", received ", detail::shown(received));
    }

private:
    [[nodiscard]] const Json& required(std::string_view key, std::string_view expected) const {
        const Json* value = find(key);
        if (value == nullptr) where_.fail(key, " expected ", expected, ", received none");
        return *value;
    }

    const Json* json_;
    Where where_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
