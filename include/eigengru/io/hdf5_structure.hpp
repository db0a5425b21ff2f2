// SPDX-License-Identifier: MIT
// The skeleton of an HDF5 file in memory: its groups, links and messages, each address and size checked before use.
// The HDF5 library gets to see what this accepts, and no more of it than the data sets: version 1.10 believes what
// stands in a damaged file, and reads elsewhere, allocates without limit, or loses memory.
#pragma once

#include "eigengru/io/file.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
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

    /// The same up to byte `size`, which must be in it.
    [[nodiscard]] Hdf5Numbers first(std::uint64_t size) const {
        return {bytes_.first(static_cast<std::size_t>(size)), *where_};
    }

    [[nodiscard]] Hdf5Numbers at(const Where& where) const { return {bytes_, where}; }
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

    /// The types that are told apart.
    static constexpr std::uint64_t kDataspace = 0x01, kLinkInfo = 0x02, kDatatype = 0x03, kOldFill = 0x04, kFill = 0x05,
                                   kExternalFiles = 0x07, kLayout = 0x08, kAttribute = 0x0c, kOldTime = 0x0e,
                                   kContinuation = 0x10, kSymbolTable = 0x11, kTime = 0x12;
};

/// A group, a data set, or whatever else has a header. A header of the newer form is left to the HDF5 library: it has a
/// checksum.
struct Hdf5Object {
    std::uint64_t address = 0;
    bool is_newer = false;
    std::vector<Hdf5Message> messages;
    std::map<std::string, std::optional<std::uint64_t>, std::less<>> links;  ///< nothing for a soft or external link

    [[nodiscard]] const Hdf5Message* find(std::uint64_t type) const {
        for (const Hdf5Message& message : messages)
            if (message.type == type) return &message;
        return nullptr;
    }
};

/// Reads all groups of a file, from the superblock on, and all object headers in them; each once, however many links
/// lead there. Only the original form of headers is read, which Keras writes, in a file of any version.
/// Source: HDF5 File Format Specification 3.0, sections II.A, III.A.1, III.B, III.D, IV.A.1.a.
class Hdf5Structure {
public:
    using Address = std::uint64_t;

    /// A whole file. Throws: FormatError.
    explicit Hdf5Structure(const Hdf5Numbers& file) : file_(file) {
        root_ = root_address();
        walk();
        check_cached_root();
    }

    /// What an object leads to. Throws: FormatError.
    Hdf5Structure(const Hdf5Numbers& file, Address root) : file_(file), root_(root) { walk(); }

    /// The file up to where it says that it ends; errors in it are said to be at `where`.
    [[nodiscard]] Hdf5Numbers numbers(const Where& where) const { return file_.at(where); }
    [[nodiscard]] const Hdf5Object& root() const { return objects_.at(root_); }
    [[nodiscard]] const Hdf5Object& object(Address at) const { return objects_.at(at); }

private:
    void walk() {
        std::vector<Address> open{root_};
        while (!open.empty()) {
            const Address at = open.back();
            open.pop_back();
            if (objects_.contains(at)) continue;
            Hdf5Object& object = objects_[at];
            object.address = at;
            read_messages(at, object);
            read_links(object);
            for (const auto& [name, target] : object.links)
                if (target) open.push_back(*target);
        }
    }

    /// What the file says of itself; nothing is looked for beyond the end that it states.
    [[nodiscard]] Address root_address() {
        constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
        constexpr std::uint64_t shortest = 48;
        if (file_.size() < shortest || file_.text(0, 8) != signature)
            file_.where().fail("expected an HDF5 file, as Keras saves one");
        const std::uint64_t version = file_.number(8, 1);
        if (version > 3) file_.where().fail("expected an HDF5 file of version 0 to 3, received ", version);
        const Address sizes = version < 2 ? 13 : 9;
        const Address base = version == 0 ? 24 : version == 1 ? 28 : 12;
        const std::uint64_t end = file_.number(base + 16, 8);
        if (file_.number(sizes, 2) != 0x0808 || file_.number(base, 8) != 0) file_.damaged(8);
        if (end > file_.size())
            file_.where().fail("is damaged: expected the ", end, " bytes that it claims, received ", file_.size());
        file_ = file_.first(end);
        if (version > 1) return file_.number(base + 24, 8);
        if (file_.number(base + 8, 8) != Hdf5Numbers::kNowhere || file_.number(base + 24, 8) != Hdf5Numbers::kNowhere)
            file_.where().fail(
                "expected an HDF5 file, as Keras saves one, received one with free space or a driver of its own");
        const bool is_known = file_.number(9, 2) == 0 && file_.number(12, 1) == 0 && file_.number(16, 2) != 0 &&
                              file_.number(18, 2) != 0 && file_.number(20, 4) == 0;
        if (!is_known) file_.damaged(9);
        return file_.number(base + 40, 8);
    }

    /// Superblocks of version 0 and 1 may repeat where the links of the root are, and the library believes them.
    void check_cached_root() const {
        constexpr std::uint64_t is_cached = 1;
        const std::uint64_t version = file_.number(8, 1);
        const Address entry = version == 0 ? 56 : 60;
        if (version > 1 || file_.number(entry + 16, 4) == 0) return;
        if (file_.number(entry + 16, 4) != is_cached) file_.damaged(entry + 16);
        const Hdf5Message* links = root().find(Hdf5Message::kSymbolTable);
        if (links != nullptr && file_.text(entry + 24, 16) != file_.text(links->at, 16)) file_.damaged(entry + 24);
    }

    void count_part(Address at) {
        if (++parts_ > kMostHdf5Parts)
            file_.where().fail("expected at most ", kMostHdf5Parts, " links, messages and nodes, byte ", at,
                               " is more");
    }

    void read_messages(Address at, Hdf5Object& object) {
        constexpr std::string_view newer = "OHDR";
        object.is_newer = file_.text(at, newer.size()) == newer;
        if (object.is_newer) return;
        if (file_.number(at, 1) != 1 || file_.number(at + 2, 2) == 0) file_.damaged(at);  // version; some messages
        std::vector<Block> open{{at + 16, file_.number(at + 8, 4)}};
        while (!open.empty()) {
            const Block block = open.back();
            open.pop_back();
            if (!blocks_.insert(block.at).second) file_.damaged(block.at);
            read_block(block, open, object);
        }
    }

    /// Where messages stand, one after the other.
    struct Block {
        Address at;
        std::uint64_t size;
    };

    void read_block(const Block& block, std::vector<Block>& open, Hdf5Object& object) {
        constexpr std::uint64_t frame = 8;
        static_cast<void>(file_.range(block.at, block.size));
        if (block.size < frame || block.size % frame != 0) file_.damaged(block.at);
        const Address end = block.at + block.size;
        for (Address at = block.at; end - at >= frame;) {
            count_part(at);
            const Hdf5Message message{file_.number(at, 2), file_.number(at + 4, 1), at + frame,
                                      file_.number(at + 2, 2)};
            constexpr std::uint64_t unknown_flags = 0xf8;
            constexpr std::uint64_t is_shared_and_is_not = 6;
            const bool has_known_flags = (message.flags & unknown_flags) == 0 && message.flags < is_shared_and_is_not;
            if (message.size > end - message.at || message.size % frame != 0 || !has_known_flags) file_.damaged(at);
            if (message.type == Hdf5Message::kContinuation) {
                if (message.size < 16) file_.damaged(message.at);
                open.push_back({file_.number(message.at, 8), file_.number(message.at + 8, 8)});
            } else if (message.type != 0) {
                object.messages.push_back(message);
            }
            at = message.at + message.size;
        }
    }

    void read_links(Hdf5Object& object) {
        for (const Hdf5Message& message : object.messages) {
            if (message.type != Hdf5Message::kSymbolTable) continue;
            if (message.size < 16) file_.damaged(message.at);
            read_group(file_.number(message.at, 8), file_.number(message.at + 8, 8), object);
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
            for (std::uint64_t i = count; i-- > 0;) {
                count_part(at);  // here too: many trees may lead to one whose children come again and again
                open.push_back(file_.number(at + 32 + 16 * i, 8));
            }
        }
    }

    void read_symbols(Address at, Address names, Address names_end, Hdf5Object& object) {
        constexpr std::uint64_t is_soft_link = 2;
        constexpr std::uint64_t most_name = 1024;  // names may overlap, so that a file can have any amount of text
        const std::uint64_t count = file_.number(at + 6, 2);
        for (std::uint64_t i = 0; i < count; ++i) {
            const Address entry = at + 8 + 40 * i;
            count_part(entry);
            const std::uint64_t offset = file_.number(entry, 8);
            if (offset >= names_end - names) file_.damaged(entry);
            const bool is_soft = file_.number(entry + 16, 4) == is_soft_link;
            const Address target = file_.number(entry + 8, 8);
            object.links.emplace(file_.text_to_zero(names + offset, std::min(names_end, names + offset + most_name)),
                                 is_soft ? std::nullopt : std::optional(target));
        }
    }

    Hdf5Numbers file_;
    Address root_ = 0;
    std::uint64_t parts_ = 0;
    std::map<Address, Hdf5Object> objects_;
    std::set<Address> blocks_;
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
