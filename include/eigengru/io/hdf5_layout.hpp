// SPDX-License-Identifier: MIT
// Checks the skeleton of an HDF5 file before the HDF5 library sees it. Version 1.10 of the library believes some sizes
// in a damaged file, and allocates that much before it finds out; others it finds out too late to free all it has.
#pragma once

#include "eigengru/io/file.hpp"

#include <set>
#include <string_view>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// Walks from the superblock through groups and object headers; each address and each size must lie inside the file.
/// Only the original form of the format is walked, which is what Keras writes: newer forms have checksums of their own.
/// Source: HDF5 File Format Specification 3.0, sections II.A (superblock 0 and 1), III.A.1 (B-trees), III.B (symbol
/// tables), III.D (local heaps), IV.A.1.a (object headers).
class Hdf5LayoutCheck {
public:
    Hdf5LayoutCheck(const Bytes& bytes, const Where& where) : bytes_(bytes), where_(where) {}

    /// Throws: FormatError.
    void run() {
        if (bytes_.size() < 96 || !starts_with(0, "\x89HDF\r\n\x1a\n"))
            where_.fail("expected an HDF5 file, as Keras saves one");
        const std::uint64_t version = number(8, 1);
        if (version > 1) return;
        const std::uint64_t addresses = version == 0 ? 24 : 28;  // the base, free space, end of file, driver
        const bool is_known = number(13, 2) == 0x0808 && number(addresses, 8) == 0;
        if (!is_known) damaged(8);
        symbol(addresses + 32);
        while (!objects_.empty()) {
            const std::uint64_t address = objects_.back();
            objects_.pop_back();
            object(address);
        }
    }

private:
    using Address = std::uint64_t;

    /// An entry of a symbol table: the object, and for a group, kept there too, its tree and heap.
    void symbol(Address at) {
        constexpr std::uint64_t is_group = 1;
        constexpr std::uint64_t is_soft_link = 2;
        const std::uint64_t kind = number(at + 16, 4);
        if (kind == is_group) group(number(at + 24, 8), number(at + 32, 8));
        if (kind != is_soft_link) objects_.push_back(number(at + 8, 8));
    }

    void object(Address at) {
        if (!is_first_visit(at) || starts_with(at, "OHDR")) return;
        if (number(at, 1) != 1) damaged(at);
        messages(at + 16, number(at + 8, 4));
    }

    /// A block of messages; those that lead on are followed.
    void messages(Address at, std::uint64_t size) {
        constexpr std::uint64_t is_continuation = 0x10;
        constexpr std::uint64_t is_group = 0x11;
        check_range(at, size);
        const Address end = at + size;
        while (end - at >= 8) {
            const std::uint64_t type = number(at, 2);
            const Address data = at + 8;
            const std::uint64_t data_size = number(at + 2, 2);
            if (data_size > end - data) damaged(at);
            if (type == is_group) group(number(data, 8), number(data + 8, 8));
            if (type == is_continuation && is_first_visit(number(data, 8)))
                messages(number(data, 8), number(data + 8, 8));
            at = data + data_size;
        }
    }

    void group(Address tree, Address heap) {
        if (!is_first_visit(heap)) return;
        expect(heap, "HEAP", "a heap");
        check_range(number(heap + 24, 8), number(heap + 8, 8));
        node(tree);
    }

    /// A node of the tree of a group, with keys and children in turn.
    void node(Address at) {
        if (!is_first_visit(at)) return;
        expect(at, "TREE", "a tree");
        const bool is_leaf = number(at + 5, 1) == 0;
        const std::uint64_t count = number(at + 6, 2);
        for (std::uint64_t i = 0; i < count; ++i) {
            const Address child = number(at + 32 + 16 * i, 8);
            if (is_leaf)
                symbols(child);
            else
                node(child);
        }
    }

    void symbols(Address at) {
        if (!is_first_visit(at)) return;
        expect(at, "SNOD", "a symbol table");
        const std::uint64_t count = number(at + 6, 2);
        for (std::uint64_t i = 0; i < count; ++i) symbol(at + 8 + 40 * i);
    }

    /// Little-endian.
    [[nodiscard]] std::uint64_t number(Address at, std::uint64_t size) const {
        check_range(at, size);
        std::uint64_t value = 0;
        for (std::uint64_t i = size; i-- > 0;) value = (value << 8U) | bytes_[static_cast<std::size_t>(at + i)];
        return value;
    }

    [[nodiscard]] bool starts_with(Address at, std::string_view text) const {
        check_range(at, text.size());
        return std::string_view(reinterpret_cast<const char*>(bytes_.data()) + at, text.size()) == text;
    }

    void expect(Address at, std::string_view text, std::string_view what) const {
        if (!starts_with(at, text)) where_.fail("expected ", what, " at byte ", at, ", received something else");
    }

    void check_range(Address at, std::uint64_t size) const {
        if (size > bytes_.size() || at > bytes_.size() - size) damaged(at);
    }

    [[nodiscard]] bool is_first_visit(Address at) { return visited_.insert(at).second; }

    [[noreturn]] void damaged(Address at) const { where_.fail("is damaged: what byte ", at, " says cannot be"); }

    const Bytes& bytes_;
    const Where& where_;
    std::vector<Address> objects_;
    std::set<Address> visited_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
