// SPDX-License-Identifier: MIT
// What the values with Keras names share (activations, initializers, regularizers, constraints): tables of names, the
// look-up in them, and the checks of their parameters.
#pragma once

#include "eigengru/core/error.hpp"

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// What a name converts from: anything with a string_view in it, but not a null pointer literal.
template <class T>
concept NameLike = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;

/// One row of a table of names. A kind may have several names; the first one in the table is the one it prints.
template <class Kind>
struct NamedKind {
    std::string_view name;
    Kind kind{};
};

/// Specialised for every enum with Keras names: `what` begins an error message, `table` is an array of NamedKind.
template <class Kind>
struct KerasNames;

namespace detail {

/// The first name of a kind; empty when the table has none.
template <class Kind, std::size_t N>
[[nodiscard]] constexpr std::string_view name_of_kind(Kind kind, const std::array<NamedKind<Kind>, N>& table) {
    for (const NamedKind<Kind>& row : table)
        if (row.kind == kind) return row.name;
    return {};
}

/// The kind that a name stands for; the case of letters counts, as in Keras.
///
/// Throws: OptionError that lists the first name of each kind:
/// `Constraint: expected one of "max_norm", "non_neg", "unit_norm", "min_max_norm", received "foo"`.
template <class Kind, std::size_t N>
[[nodiscard]] Kind kind_by_name(std::string_view what, std::string_view name,
                                const std::array<NamedKind<Kind>, N>& table) {
    std::vector<std::string_view> known;
    for (const NamedKind<Kind>& row : table) {
        if (row.name == name) return row.kind;
        if (row.name == name_of_kind(row.kind, table)) known.push_back(row.name);
    }
    EIGENGRU_THROW(OptionError, what, ": expected one of ", quoted_list(known), ", received \"", name, "\"");
}

template <class Kind>
[[nodiscard]] Kind kind_by_name(std::string_view name) {
    return kind_by_name(KerasNames<Kind>::what, name, KerasNames<Kind>::table);
}

template <class Kind>
[[nodiscard]] constexpr std::string_view name_of_kind(Kind kind) {
    return name_of_kind(kind, KerasNames<Kind>::table);
}

/// Throws: OptionError when the value is NaN or infinite.
inline void check_finite(std::string_view what, double value) {
    if (!std::isfinite(value)) EIGENGRU_THROW(OptionError, what, " expected a finite number, received ", value);
}

/// Throws: OptionError when the value is NaN, infinite or negative.
inline void check_non_negative(std::string_view what, double value) {
    if (!std::isfinite(value) || value < 0.0)
        EIGENGRU_THROW(OptionError, what, " expected a finite number of at least 0, received ", value);
}

}  // namespace detail

/// An enum value that also converts from its Keras name: `.mode = FanMode::fan_out` or `.mode = "fan_out"`.
template <class Kind>
class Named {
public:
    constexpr Named(Kind kind) : kind_(kind) {}

    /// Throws: OptionError for an unknown name.
    template <NameLike T>
    Named(const T& name) : kind_(detail::kind_by_name<Kind>(std::string_view(name))) {}

    [[nodiscard]] constexpr Kind kind() const { return kind_; }
    [[nodiscard]] constexpr std::string_view name() const { return detail::name_of_kind(kind_); }

    friend constexpr bool operator==(const Named&, const Named&) = default;

private:
    Kind kind_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
