// SPDX-License-Identifier: MIT
// Hdf5Writer: data sets of floating numbers as an HDF5 file in memory, in the original form that Keras reads and writes.
#pragma once

#include "eigengru/core/types.hpp"
#include "eigengru/io/file.hpp"

#include <bit>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io {

/// Collects data sets by path, then lays them out:
///
///     Hdf5Writer writer;
///     writer.add("layers/gru/cell/vars/0", {3, 18}, std::span<const float>(kernel));
///     const Bytes file = writer.bytes();
///
/// Source: HDF5 File Format Specification 3.0, version 0 of the superblock and version 1 of object headers.
class Hdf5Writer {
public:
    Hdf5Writer() : nodes_(1) {}

    /// Makes a group, and those that lead to it, where they are missing.
    void add_group(std::string_view path) { static_cast<void>(node(path)); }

    /// The values of a vector or a matrix, row by row. The path must be new.
    template <RealScalar S>
    void add(std::string_view path, const std::vector<Index>& shape, std::span<const S> values) {
        Node& set = nodes_[node(path)];
        set.shape = shape;
        set.scalar_bytes = sizeof(S);
        set.values.resize(values.size_bytes());
        for (std::size_t i = 0; i < values.size(); ++i) {
            using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
            put_at(set.values, i * sizeof(S), std::bit_cast<Bits>(values[i]), sizeof(S));
        }
    }

    /// The whole file.
    [[nodiscard]] Bytes bytes() {
        file_.assign(kSuperblockBytes, 0);
        const Placed root = write_group(0);
        constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
        std::memcpy(file_.data(), signature.data(), signature.size());
        put_at(file_, 13, 8, 1);  // the sizes of addresses and of lengths
        put_at(file_, 14, 8, 1);
        put_at(file_, 16, leaf_size() / 2, 2);
        put_at(file_, 18, kTreeSize / 2, 2);
        put_at(file_, 32, kNowhere, 8);
        put_at(file_, 40, file_.size(), 8);
        put_at(file_, 48, kNowhere, 8);
        put_at(file_, 64, root.header, 8);
        put_at(file_, 72, 1, 4);  // the root's tree and heap are named here too
        put_at(file_, 80, root.tree, 8);
        put_at(file_, 88, root.heap, 8);
        return std::exchange(file_, {});
    }

private:
    using Address = std::uint64_t;

    static constexpr Address kNowhere = ~Address{0};
    static constexpr std::size_t kSuperblockBytes = 96;
    static constexpr std::size_t kTreeSize = 32;  ///< children of a node of a tree

    /// A group with its links, or a data set.
    struct Node {
        std::map<std::string, std::size_t, std::less<>> links;  // sorted by name, as a group must be
        std::vector<Index> shape;
        std::size_t scalar_bytes = 0;
        Bytes values;
    };

    struct Placed {
        Address header = 0;
        Address tree = 0;
        Address heap = 0;
    };

    [[nodiscard]] std::size_t node(std::string_view path) {
        std::size_t at = 0;
        while (!path.empty()) {
            const std::string name(path.substr(0, path.find('/')));
            path.remove_prefix(std::min(name.size() + 1, path.size()));
            const auto [link, is_new] = nodes_[at].links.emplace(name, nodes_.size());
            at = link->second;
            if (is_new) nodes_.emplace_back();
        }
        return at;
    }

    /// Links in a symbol table; as many as the largest group needs, since a tree of one level holds 32 tables.
    [[nodiscard]] std::size_t leaf_size() const {
        std::size_t most = 8;
        for (const Node& n : nodes_) most = std::max(most, (n.links.size() + kTreeSize - 1) / kTreeSize);
        return most + most % 2;
    }

    static void put_at(Bytes& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) bytes[at + i] = static_cast<unsigned char>(value >> (8 * i));
    }

    void put(std::uint64_t value, std::size_t size) {
        file_.resize(file_.size() + size);
        put_at(file_, file_.size() - size, value, size);
    }

    void put_text(std::string_view text) { file_.insert(file_.end(), text.begin(), text.end()); }

    /// Everything begins at a multiple of 8. Returns where the next thing will stand.
    Address align() {
        file_.resize((file_.size() + 7) / 8 * 8);
        return file_.size();
    }

    void put_header(std::uint64_t messages, std::uint64_t size) {
        put(1, 2);
        put(messages, 2);
        put(1, 4);  // links that lead here
        put(size, 8);
    }

    void put_message(std::uint64_t type, std::uint64_t size) {
        put(type, 2);
        put(size, 2);
        put(0, 4);
    }

    Placed write_object(std::size_t at) {
        if (nodes_[at].scalar_bytes == 0) return write_group(at);
        return {.header = write_dataset(nodes_[at])};
    }

    Placed write_group(std::size_t at) {
        std::vector<std::pair<std::string, Address>> links;
        for (const auto& [name, target] : nodes_[at].links) links.emplace_back(name, write_object(target).header);
        Placed placed;
        std::vector<std::uint64_t> name_at;
        placed.heap = write_heap(links, name_at);
        placed.tree = write_tree(links, name_at);
        placed.header = align();
        put_header(1, 24);
        put_message(0x11, 16);  // where the links are
        put(placed.tree, 8);
        put(placed.heap, 8);
        return placed;
    }

    Address write_heap(const std::vector<std::pair<std::string, Address>>& links, std::vector<std::uint64_t>& name_at) {
        const Address names = align();
        put(0, 8);  // the empty name
        for (const auto& [name, target] : links) {
            name_at.push_back(file_.size() - names);
            put_text(name);
            put(0, 8 - name.size() % 8);
        }
        const std::uint64_t size = file_.size() - names;
        const Address heap = align();
        put_text("HEAP");
        put(0, 4);
        put(size, 8);
        put(1, 8);  // no free space
        put(names, 8);
        return heap;
    }

    Address write_tree(const std::vector<std::pair<std::string, Address>>& links,
                       const std::vector<std::uint64_t>& name_at) {
        const std::size_t most = leaf_size();
        std::vector<Address> tables;
        for (std::size_t first = 0; first < links.size(); first += most)
            tables.push_back(write_symbols(links, name_at, first, most));
        const Address tree = align();
        put_text("TREE");
        put(0, 2);  // of a group, its lowest level
        put(tables.size(), 2);
        put(kNowhere, 8);
        put(kNowhere, 8);
        put(0, 8);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            put(tables[i], 8);
            put(name_at[std::min((i + 1) * most, links.size()) - 1], 8);  // the last name in it
        }
        file_.resize(tree + 24 + 8 * (2 * kTreeSize + 1));
        return tree;
    }

    Address write_symbols(const std::vector<std::pair<std::string, Address>>& links,
                          const std::vector<std::uint64_t>& name_at, std::size_t first, std::size_t most) {
        const std::size_t end = std::min(first + most, links.size());
        const Address table = align();
        put_text("SNOD");
        put(1, 2);
        put(end - first, 2);
        for (std::size_t i = first; i < end; ++i) {
            put(name_at[i], 8);
            put(links[i].second, 8);
            file_.resize(file_.size() + 24);
        }
        file_.resize(table + 8 + 40 * most);
        return table;
    }

    Address write_dataset(const Node& set) {
        const Address values = align();
        file_.insert(file_.end(), set.values.begin(), set.values.end());
        const Address header = align();
        const std::size_t space_bytes = 8 + 8 * set.shape.size();
        put_header(4, 4 * 8 + space_bytes + 24 + 8 + 24);
        put_message(0x01, space_bytes);
        put(1, 1);
        put(set.shape.size(), 7);
        for (const Index size : set.shape) put(static_cast<std::uint64_t>(size), 8);
        write_type(set.scalar_bytes);
        put_message(0x05, 8);  // no fill value: space is taken early, and everything is written
        put(2, 1);
        put(1, 1);
        put(0, 6);
        put_message(0x08, 24);  // in one piece
        put(3, 1);
        put(1, 1);
        put(values, 8);
        put(set.values.size(), 8);
        put(0, 6);
        return header;
    }

    /// IEEE single or double, little-endian: byte order, the sign's position; bit offset, precision, position and size
    /// of exponent and mantissa, bias.
    void write_type(std::size_t scalar_bytes) {
        const bool is_single = scalar_bytes == 4;
        put_message(0x03, 24);
        put(0x11, 1);
        put(0x20, 1);
        put(is_single ? 31 : 63, 2);
        put(scalar_bytes, 4);
        put(0, 2);
        put(8 * scalar_bytes, 2);
        put(is_single ? 23 : 52, 1);
        put(is_single ? 8 : 11, 1);
        put(0, 1);
        put(is_single ? 23 : 52, 1);
        put(is_single ? 127 : 1023, 4);
        put(0, 4);
    }

    std::vector<Node> nodes_;
    Bytes file_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
