// SPDX-License-Identifier: MIT
// The strings of an attribute of an HDF5 file: of fixed length in the attribute itself, or of any length in a heap.
#pragma once

#include "eigengru/io/hdf5_messages.hpp"

#include <utility>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The parts of an attribute message, where each begins.
struct Hdf5Attribute {
    std::string_view name;
    std::uint64_t type = 0;
    std::uint64_t space = 0;
    std::uint64_t data = 0;
    std::uint64_t end = 0;
};

/// Throws: FormatError.
[[nodiscard]] inline Hdf5Attribute parse_attribute(const Hdf5Numbers& file, const Hdf5Message& message) {
    const std::uint64_t version = file.number(message.at, 1);
    if (version < 1 || version > 3) file.damaged(message.at);
    const auto padded = [&](std::uint64_t size) { return version == 1 ? (size + 7) / 8 * 8 : size; };
    const std::uint64_t name_size = file.number(message.at + 2, 2);
    const std::uint64_t name = message.at + (version == 3 ? 9 : 8);
    Hdf5Attribute attribute;
    attribute.name = file.text(name, name_size);
    attribute.type = name + padded(name_size);
    attribute.space = attribute.type + padded(file.number(message.at + 4, 2));
    attribute.data = attribute.space + padded(file.number(message.at + 6, 2));
    attribute.end = message.at + message.size;
    constexpr std::uint64_t is_shared = 2;
    if (attribute.data > attribute.end || (version > 1 && file.number(message.at + 1, 1) != 0) ||
        (message.flags & is_shared) != 0)
        file.damaged(message.at);
    attribute.name = attribute.name.substr(0, attribute.name.find('\0'));
    return attribute;
}

/// Reads strings that stand in global heaps, each heap walked once.
/// Source: HDF5 File Format Specification 3.0, section III.E.
class Hdf5GlobalHeap {
public:
    explicit Hdf5GlobalHeap(const Hdf5Numbers& file) : file_(file) {}

    /// The string whose reference (length, heap, index) stands at `at`. Throws: FormatError.
    [[nodiscard]] std::string_view string(std::uint64_t at) {
        const std::uint64_t length = file_.number(at, 4);
        const std::uint64_t heap = file_.number(at + 4, 8);
        if (length == 0) return {};
        if (!heaps_.contains(heap)) read(heap);
        const auto found = heaps_.at(heap).find(file_.number(at + 12, 4));
        if (found == heaps_.at(heap).end() || length > found->second.size()) file_.damaged(at);
        return found->second.substr(0, static_cast<std::size_t>(length));
    }

private:
    void read(std::uint64_t heap) {
        constexpr std::uint64_t header = 16;
        file_.expect(heap, "GCOL", "a heap of strings");
        const std::uint64_t size = file_.number(heap + 8, 8);
        static_cast<void>(file_.range(heap, size));
        std::map<std::uint64_t, std::string_view>& strings = heaps_[heap];
        for (std::uint64_t at = header; at <= size && size - at >= header;) {
            const std::uint64_t index = file_.number(heap + at, 2);
            const std::uint64_t bytes = file_.number(heap + at + 8, 8);
            if (index == 0) return;  // the rest is free
            if (bytes > size - at - header || ++parts_ > kMostHdf5Parts) file_.damaged(heap + at);
            strings.emplace(index, file_.text(heap + at + header, bytes));
            at += header + (bytes + 7) / 8 * 8;
        }
    }

    Hdf5Numbers file_;
    std::uint64_t parts_ = 0;
    std::map<std::uint64_t, std::map<std::uint64_t, std::string_view>> heaps_;
};

/// The strings of an attribute, none when it has no elements, whatever their type.
/// Throws: FormatError for damage, other types, a rank above 1, and more than `limit` bytes altogether.
[[nodiscard]] inline std::vector<std::string> strings_of(const Hdf5Numbers& file, const Hdf5Attribute& attribute,
                                                         std::uint64_t limit) {
    constexpr std::uint64_t is_string = 3;
    constexpr std::uint64_t is_variable_string = 0x109;  // class 9, and 1 in the bits after it
    const std::vector<std::uint64_t> sizes = space_sizes(file, attribute.space);
    const std::uint64_t count = product_of(sizes);
    if (sizes.size() > 1) file.where().fail("attribute \"", attribute.name, "\" expected strings in a row");
    if (count == 0) return {};
    const std::uint64_t kind = file.number(attribute.type, 2) & 0xf0fU;
    const bool is_variable = kind == is_variable_string;
    const std::uint64_t bytes = is_variable ? 16 : file.number(attribute.type + 4, 4);
    if (!is_variable && (kind & 15U) != is_string)
        file.where().fail("attribute \"", attribute.name, "\" expected strings, received another type");
    if (bytes == 0 || count > (attribute.end - attribute.data) / bytes) file.damaged(attribute.data);
    Hdf5GlobalHeap heap(file);
    std::vector<std::string> strings;
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t at = attribute.data + bytes * i;
        const std::string_view whole = is_variable ? heap.string(at) : file.text(at, bytes);
        total += whole.size();
        if (total > limit)
            file.where().fail("attribute \"", attribute.name, "\" expected at most ", limit, " bytes, received more");
        strings.emplace_back(whole.substr(0, whole.find('\0')));
    }
    return strings;
}

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
