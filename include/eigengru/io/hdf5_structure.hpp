// SPDX-License-Identifier: MIT
// The skeleton of an HDF5 file in memory: its groups, links and messages, each address and size checked before use.
#pragma once

#include "eigengru/io/file.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The most links, messages and nodes of an HDF5 file that are read; a Keras file has about ten for each weight.
inline constexpr std::uint64_t kMostHdf5Parts = std::uint64_t{1} << 20;

namespace detail {

/// The numbers of an HDF5 file, little-endian, none of them beyond its end.
class Hdf5Numbers {
public:
    using Address = std::uint64_t;

    /// What HDF5 writes for an address that leads nowhere.
    static constexpr Address kNowhere = ~Address{0};

    Hdf5Numbers(std::span<const unsigned char> bytes, const Where& where) : bytes_(bytes), where_(&where) {}

    [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }
    [[nodiscard]] const Where& where() const { return *where_; }

    /// `size` bytes, at most 8. Throws: FormatError beyond the end, as all of these.
    [[nodiscard]] std::uint64_t number(Address at, std::uint64_t size) const {
        std::uint64_t value = 0;
        const std::span<const unsigned char> bytes = range(at, size);
        for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8U) | bytes[i];
        return value;
    }

    [[nodiscard]] std::span<const unsigned char> range(Address at, std::uint64_t size) const {
        if (size > bytes_.size() || at > bytes_.size() - size) damaged(at);
        return bytes_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
    }

    [[nodiscard]] std::string_view text(Address at, std::uint64_t size) const {
        const std::span<const unsigned char> bytes = range(at, size);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// Up to the first zero, which must come before `end`.
    [[nodiscard]] std::string_view text_to_zero(Address at, Address end) const {
        if (at >= end) damaged(at);
        const std::string_view whole = text(at, end - at);
        const std::size_t length = whole.find('\0');
        if (length == std::string_view::npos) damaged(at);
        return whole.substr(0, length);
    }

    void expect(Address at, std::string_view signature, std::string_view what) const {
        if (text(at, signature.size()) != signature)
            where_->fail("expected ", what, " at byte ", at, ", received something else");
    }

    [[noreturn]] void damaged(Address at) const { where_->fail("is damaged: what byte ", at, " says cannot be"); }

private:
    std::span<const unsigned char> bytes_;
    const Where* where_;
};

/// A message of an object header: one fact about the object.
struct Hdf5Message {
    std::uint64_t type;
    std::uint64_t flags;
    std::uint64_t at;
    std::uint64_t size;

    /// The types that are read.
    static constexpr std::uint64_t kDataspace = 0x01, kLinkInfo = 0x02, kDatatype = 0x03, kLink = 0x06,
                                   kExternalFiles = 0x07, kLayout = 0x08, kAttribute = 0x0c, kContinuation = 0x10,
                                   kSymbolTable = 0x11;
};

/// A group, a data set, or whatever else has a header.
struct Hdf5Object {
    std::vector<Hdf5Message> messages;
    std::map<std::string, std::optional<std::uint64_t>, std::less<>> links;  ///< nothing for a soft or external link

    [[nodiscard]] const Hdf5Message* find(std::uint64_t type) const {
        for (const Hdf5Message& message : messages)
            if (message.type == type) return &message;
        return nullptr;
    }
};

/// Reads all groups of a file, from the superblock on, and all object headers in them; each once, however many links
/// lead there. Superblocks of versions 0 to 3, object headers of both versions, groups of the original form (which
/// Keras writes) and small ones of the newer form; large ones of the newer form are refused.
/// Source: HDF5 File Format Specification 3.0, sections II.A, III.A.1, III.B, III.D, IV.A.
class Hdf5Structure {
public:
    using Address = std::uint64_t;

    /// Throws: FormatError.
    explicit Hdf5Structure(const Hdf5Numbers& file) : file_(file) {
        root_ = root_address();
        std::vector<Address> open{root_};
        while (!open.empty()) {
            const Address at = open.back();
            open.pop_back();
            if (objects_.contains(at)) continue;
            Hdf5Object& object = objects_[at];
            read_messages(at, object);
            read_links(object);
            for (const auto& [name, target] : object.links)
                if (target) open.push_back(*target);
        }
    }

    [[nodiscard]] Address root() const { return root_; }
    [[nodiscard]] const Hdf5Object& object(Address at) const { return objects_.at(at); }

private:
    [[nodiscard]] Address root_address() const {
        constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
        constexpr std::uint64_t shortest = 48;
        if (file_.size() < shortest || file_.text(0, 8) != signature)
            file_.where().fail("expected an HDF5 file, as Keras saves one");
        const std::uint64_t version = file_.number(8, 1);
        if (version > 3) file_.where().fail("expected an HDF5 file of version 0 to 3, received ", version);
        const Address sizes = version < 2 ? 13 : 9;
        const Address base = version == 0 ? 24 : version == 1 ? 28 : 12;
        if (file_.number(sizes, 2) != 0x0808 || file_.number(base, 8) != 0) file_.damaged(8);
        return file_.number(version < 2 ? base + 40 : base + 24, 8);
    }

    void count_part(Address at) {
        if (++parts_ > kMostHdf5Parts)
            file_.where().fail("expected at most ", kMostHdf5Parts, " links, messages and nodes, byte ", at,
                               " is more");
    }

    void read_messages(Address at, Hdf5Object& object) {
        constexpr std::string_view newer = "OHDR";
        if (file_.number(at, 1) == 1)
            read_block({at + 16, file_.number(at + 8, 4), 8, 0}, object);
        else if (file_.text(at, newer.size()) == newer)
            read_newer_header(at, object);
        else
            file_.damaged(at);
    }

    /// Where messages stand, one after the other; `frame` bytes before each.
    struct Block {
        Address at;
        std::uint64_t size;
        std::uint64_t frame;
        std::uint64_t signature;  ///< bytes before the first message of a continuation; and four after the last one
    };

    void read_newer_header(Address at, Hdf5Object& object) {
        const std::uint64_t flags = file_.number(at + 5, 1);
        if (file_.number(at + 4, 1) != 2) file_.damaged(at + 4);
        const Address size_at = at + 6 + ((flags & 0x20U) != 0 ? 16 : 0) + ((flags & 0x10U) != 0 ? 4 : 0);
        const std::uint64_t size_bytes = std::uint64_t{1} << (flags & 3U);
        const std::uint64_t frame = (flags & 4U) != 0 ? 6 : 4;
        read_block({size_at + size_bytes, file_.number(size_at, size_bytes), frame, 4}, object);
    }

    void read_block(const Block& first, Hdf5Object& object) {
        std::vector<Block> open{first};
        while (!open.empty()) {
            const Block block = open.back();
            open.pop_back();
            static_cast<void>(file_.range(block.at, block.size));
            const Address end = block.at + block.size;
            for (Address at = block.at; end - at >= block.frame;) {
                const Hdf5Message message = message_at(at, block.frame);
                if (message.size > end - message.at) file_.damaged(at);
                if (message.type == Hdf5Message::kContinuation) {
                    open.push_back(continuation(message, block));
                } else if (message.type != 0) {
                    object.messages.push_back(message);
                }
                at = message.at + message.size;
            }
        }
    }

    [[nodiscard]] Hdf5Message message_at(Address at, std::uint64_t frame) {
        count_part(at);
        if (frame == 8) return {file_.number(at, 2), file_.number(at + 4, 1), at + 8, file_.number(at + 2, 2)};
        return {file_.number(at, 1), file_.number(at + 3, 1), at + frame, file_.number(at + 1, 2)};
    }

    [[nodiscard]] Block continuation(const Hdf5Message& message, const Block& from) const {
        if (message.size < 16) file_.damaged(message.at);
        const Address at = file_.number(message.at, 8);
        const std::uint64_t size = file_.number(message.at + 8, 8);
        if (from.signature == 0) return {at, size, from.frame, 0};
        file_.expect(at, "OCHK", "more of an object header");
        if (size < from.signature + 4) file_.damaged(message.at + 8);
        return {at + from.signature, size - from.signature - 4, from.frame, from.signature};
    }

    void read_links(Hdf5Object& object) {
        for (const Hdf5Message& message : object.messages) {
            if (message.type == Hdf5Message::kSymbolTable) {
                if (message.size < 16) file_.damaged(message.at);
                read_group(file_.number(message.at, 8), file_.number(message.at + 8, 8), object);
            } else if (message.type == Hdf5Message::kLink) {
                read_link(message, object);
            } else if (message.type == Hdf5Message::kLinkInfo) {
                check_not_dense(message);
            }
        }
    }

    /// The tree of a group, with the names of its links in a heap.
    void read_group(Address tree, Address heap, Hdf5Object& object) {
        file_.expect(heap, "HEAP", "a heap");
        const Address names = file_.number(heap + 24, 8);
        const std::uint64_t names_size = file_.number(heap + 8, 8);
        static_cast<void>(file_.range(names, names_size));
        std::vector<Address> open{tree};
        while (!open.empty()) {
            const Address at = open.back();
            open.pop_back();
            count_part(at);
            if (file_.text(at, 4) == "SNOD") {
                read_symbols(at, names, names + names_size, object);
                continue;
            }
            file_.expect(at, "TREE", "a tree or a symbol table");
            const std::uint64_t count = file_.number(at + 6, 2);
            for (std::uint64_t i = count; i-- > 0;) open.push_back(file_.number(at + 32 + 16 * i, 8));
        }
    }

    void read_symbols(Address at, Address names, Address names_end, Hdf5Object& object) {
        constexpr std::uint64_t is_soft_link = 2;
        const std::uint64_t count = file_.number(at + 6, 2);
        for (std::uint64_t i = 0; i < count; ++i) {
            const Address entry = at + 8 + 40 * i;
            count_part(entry);
            const std::uint64_t offset = file_.number(entry, 8);
            if (offset >= names_end - names) file_.damaged(entry);
            const bool is_soft = file_.number(entry + 16, 4) == is_soft_link;
            const Address target = file_.number(entry + 8, 8);
            object.links.emplace(file_.text_to_zero(names + offset, names_end),
                                 is_soft ? std::nullopt : std::optional(target));
        }
    }

    void read_link(const Hdf5Message& message, Hdf5Object& object) const {
        if (message.size < 4 || file_.number(message.at, 1) != 1) file_.damaged(message.at);
        const std::uint64_t flags = file_.number(message.at + 1, 1);
        Address at = message.at + 2;
        std::uint64_t kind = 0;
        if ((flags & 8U) != 0) kind = file_.number(at++, 1);
        if ((flags & 4U) != 0) at += 8;
        if ((flags & 16U) != 0) at += 1;
        const std::uint64_t length_bytes = std::uint64_t{1} << (flags & 3U);
        const std::uint64_t length = file_.number(at, length_bytes);
        at += length_bytes;
        const Address end = message.at + message.size;
        if (at > end || length > end - at) file_.damaged(message.at);
        std::optional<Address> target;
        if (kind == 0) target = file_.number(at + length, 8);
        object.links.emplace(file_.text(at, length), target);
    }

    void check_not_dense(const Hdf5Message& message) const {
        if (message.size < 2) file_.damaged(message.at);
        const bool has_order = (file_.number(message.at + 1, 1) & 1U) != 0;
        if (file_.number(message.at + (has_order ? 10 : 2), 8) != Hdf5Numbers::kNowhere)
            file_.where().fail(
                "expected groups as Keras writes them, received a large one of a newer form of HDF5; "
                "h5py writes the known form with libver=\"earliest\" and without track_order");
    }

    Hdf5Numbers file_;
    Address root_ = 0;
    std::uint64_t parts_ = 0;
    std::map<Address, Hdf5Object> objects_;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
