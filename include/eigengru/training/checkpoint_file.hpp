// SPDX-License-Identifier: MIT
// A container of named arrays in one file, for what a training run must not lose: weights, slots, counters, text.
//
// All numbers are little-endian, sizes are 64-bit:
//
//     8 bytes   "EGRUCKPT"
//     u64       format version, 1
//     u64       size of the file in bytes
//     u64       number of blocks
//     blocks    u64 length of the name, the name, u64 element type (1 u8, 2 i64, 3 f32, 4 f64), u64 count, the elements
//     u64       FNV-1a (64-bit) of all bytes before
#pragma once

#include "eigengru/core/durable_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <limits>
#include <string>

namespace eigengru::inline EIGENGRU_ABI {

/// What a block may hold.
template <class T>
concept CheckpointElement = std::same_as<T, unsigned char> || std::same_as<T, std::int64_t> || std::same_as<T, float> ||
                            std::same_as<T, double>;

namespace detail {

inline constexpr std::string_view kCheckpointMagic = "EGRUCKPT";
inline constexpr std::uint64_t kCheckpointVersion = 1;
inline constexpr std::size_t kCheckpointHeaderBytes = 32;
inline constexpr std::size_t kChecksumBytes = 8;

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

/// What the file says of an element type.
struct CheckpointType {
    std::string_view name;
    std::size_t bytes;
};

/// By the number that stands in the file, from 1.
inline constexpr std::array<CheckpointType, 5> kCheckpointTypes{
    {{"", 0}, {"u8", 1}, {"i64", 8}, {"f32", 4}, {"f64", 8}}};

template <CheckpointElement T>
inline constexpr std::uint64_t kCheckpointTypeOf = std::same_as<T, unsigned char>  ? 1
                                                   : std::same_as<T, std::int64_t> ? 2
                                                   : std::same_as<T, float>        ? 3
                                                                                   : 4;

/// The unsigned number with the bits of an element.
template <CheckpointElement T>
using BitsOf =
    std::conditional_t<sizeof(T) == 1, std::uint8_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

/// Any change of a single byte changes it.
/// Source: Fowler, Noll, Vo, draft-eastlake-fnv.
[[nodiscard]] inline std::uint64_t fnv1a(std::span<const unsigned char> bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3U;
    return hash;
}

template <std::unsigned_integral U>
void put_little_endian(U value, unsigned char* bytes) {
    for (std::size_t i = 0; i < sizeof(U); ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
}

template <std::unsigned_integral U>
[[nodiscard]] U get_little_endian(const unsigned char* bytes) {
    U value = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) value = static_cast<U>(value | static_cast<U>(U{bytes[i]} << (8 * i)));
    return value;
}

}  // namespace detail

/// Collects named arrays and writes them to a file at once:
///
///     CheckpointWriter writer;
///     writer.add("weights", std::span<const float>(weights));
///     writer.write("run.ckpt");
class CheckpointWriter {
public:
    CheckpointWriter() : bytes_(detail::kCheckpointHeaderBytes) {
        std::copy(detail::kCheckpointMagic.begin(), detail::kCheckpointMagic.end(), bytes_.begin());
        detail::put_little_endian(detail::kCheckpointVersion, bytes_.data() + 8);
    }

    /// Copies the values. Throws: OptionError for an empty name and for one that is there already.
    template <CheckpointElement T>
    void add(std::string_view name, std::span<const T> values) {
        if (name.empty()) EIGENGRU_THROW(OptionError, "CheckpointWriter::add: expected a name, received an empty one");
        if (std::find(names_.begin(), names_.end(), name) != names_.end())
            EIGENGRU_THROW(OptionError, "CheckpointWriter::add: block \"", name, "\" is there already");
        names_.emplace_back(name);
        append(std::uint64_t{name.size()});
        for (const char letter : name) bytes_.push_back(static_cast<unsigned char>(letter));
        append(detail::kCheckpointTypeOf<T>);
        append(std::uint64_t{values.size()});
        std::size_t at = bytes_.size();
        bytes_.resize(at + values.size() * sizeof(T));
        for (const T value : values) {
            detail::put_little_endian(std::bit_cast<detail::BitsOf<T>>(value), bytes_.data() + at);
            at += sizeof(T);
        }
    }

    /// Text, as a block of u8.
    void add_text(std::string_view name, std::string_view text) {
        const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
        add(name, std::span<const unsigned char>(bytes, text.size()));
    }

    /// The whole file.
    [[nodiscard]] std::vector<unsigned char> bytes() const {
        std::vector<unsigned char> file = bytes_;
        file.resize(bytes_.size() + detail::kChecksumBytes);
        detail::put_little_endian(std::uint64_t{file.size()}, file.data() + 16);
        detail::put_little_endian(std::uint64_t{names_.size()}, file.data() + 24);
        const std::uint64_t checksum = detail::fnv1a({file.data(), bytes_.size()});
        detail::put_little_endian(checksum, file.data() + bytes_.size());
        return file;
    }

    /// Replaces the file: killed at any moment, it is the old one or the new one, whole. One at a time may write a
    /// path. Throws: FormatError, and the old file is untouched.
    void write(const std::string& path) const {
        detail::replace_file(path, bytes(), detail::text("CheckpointWriter::write: ", path));
    }

private:
    void append(std::uint64_t value) {
        bytes_.resize(bytes_.size() + sizeof value);
        detail::put_little_endian(value, bytes_.data() + bytes_.size() - sizeof value);
    }

    std::vector<unsigned char> bytes_;  // the file without its checksum; sizes of the header are filled in at the end
    std::vector<std::string> names_;
};

/// The named arrays of a file, all checked before the first is handed out.
///
/// Invariant: every block lies within the bytes, names differ, types are known.
class CheckpointReader {
public:
    /// Throws: FormatError that names the file and what is wrong with it.
    explicit CheckpointReader(const std::string& path)
        : where_(detail::text("CheckpointReader: ", path)), bytes_(detail::read_whole_file(path, where_)) {
        check_frame();
        const std::uint64_t count = number_at(24);
        std::size_t at = detail::kCheckpointHeaderBytes;
        for (std::uint64_t i = 0; i < count; ++i) at = read_block(at);
        if (at != end()) fail("expected ", count, " blocks, there are bytes after the last one");
    }

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

    /// In the order in which they were added.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const Block& block : blocks_) result.push_back(block.name);
        return result;
    }

    /// The elements of a block. Throws: FormatError when it is missing or holds another type.
    template <CheckpointElement T>
    [[nodiscard]] std::vector<T> values(std::string_view name) const {
        const Block& block = typed<T>(name);
        std::vector<T> result(block.count);
        copy(block, std::span<T>(result));
        return result;
    }

    /// The same into the caller's memory. Throws: also when the block has another number of elements.
    template <CheckpointElement T>
    void read(std::string_view name, std::span<T> into) const {
        const Block& block = typed<T>(name);
        if (block.count != into.size())
            fail("block \"", name, "\" expected ", into.size(), " elements, it has ", block.count);
        copy(block, into);
    }

    /// A block of u8 as text. Throws: as values().
    [[nodiscard]] std::string text(std::string_view name) const {
        const std::vector<unsigned char> bytes = values<unsigned char>(name);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

private:
    struct Block {
        std::string name;
        std::uint64_t type;
        std::size_t count;
        std::size_t at;
    };

    template <class... Parts>
    [[noreturn]] void fail(const Parts&... parts) const {
        EIGENGRU_THROW(FormatError, where_, ": ", parts...);
    }

    [[nodiscard]] std::uint64_t number_at(std::size_t at) const {
        return detail::get_little_endian<std::uint64_t>(bytes_.data() + at);
    }

    /// Where the blocks end and the checksum begins.
    [[nodiscard]] std::size_t end() const { return bytes_.size() - detail::kChecksumBytes; }

    void check_frame() const {
        const std::string_view magic = detail::kCheckpointMagic;
        if (bytes_.size() < magic.size() || !std::equal(magic.begin(), magic.end(), bytes_.begin()))
            fail("this is not a checkpoint of Eigengru");
        if (bytes_.size() < detail::kCheckpointHeaderBytes + detail::kChecksumBytes) fail("the file is cut off");
        if (number_at(8) != detail::kCheckpointVersion)
            fail("expected format version ", detail::kCheckpointVersion, ", received ", number_at(8));
        if (number_at(16) != bytes_.size()) fail("expected ", number_at(16), " bytes, the file has ", bytes_.size());
        if (number_at(end()) != detail::fnv1a({bytes_.data(), end()}))
            fail("the checksum does not fit, the file is damaged");
    }

    /// Reads a number and moves on. Throws: FormatError at the end of the blocks.
    std::uint64_t next_number(std::size_t& at) const {
        if (end() - at < sizeof(std::uint64_t)) fail("block ", blocks_.size(), " is cut off");
        at += sizeof(std::uint64_t);
        return number_at(at - sizeof(std::uint64_t));
    }

    /// Returns where the next block begins.
    std::size_t read_block(std::size_t at) {
        Block block{};
        const std::uint64_t length = next_number(at);
        if (length == 0 || length > end() - at) fail("block ", blocks_.size(), " has a name of ", length, " bytes");
        block.name.assign(reinterpret_cast<const char*>(bytes_.data() + at), static_cast<std::size_t>(length));
        at += static_cast<std::size_t>(length);
        if (has(block.name)) fail("block \"", block.name, "\" is there twice");
        block.type = next_number(at);
        if (block.type == 0 || block.type >= detail::kCheckpointTypes.size())
            fail("block \"", block.name, "\" has the unknown element type ", block.type);
        const std::uint64_t count = next_number(at);
        const std::size_t element_bytes = detail::kCheckpointTypes[block.type].bytes;
        if (count > (end() - at) / element_bytes)
            fail("block \"", block.name, "\" has ", count, " elements, more than the file has bytes for");
        block.count = static_cast<std::size_t>(count);
        block.at = at;
        blocks_.push_back(block);
        return at + block.count * element_bytes;
    }

    [[nodiscard]] const Block* find(std::string_view name) const {
        for (const Block& block : blocks_)
            if (block.name == name) return &block;
        return nullptr;
    }

    template <CheckpointElement T>
    [[nodiscard]] const Block& typed(std::string_view name) const {
        const Block* const block = find(name);
        if (block == nullptr) fail("there is no block \"", name, "\"");
        if (block->type != detail::kCheckpointTypeOf<T>)
            fail("block \"", name, "\" expected ", detail::kCheckpointTypes[detail::kCheckpointTypeOf<T>].name,
                 ", it holds ", detail::kCheckpointTypes[block->type].name);
        return *block;
    }

    template <CheckpointElement T>
    void copy(const Block& block, std::span<T> into) const {
        const unsigned char* from = bytes_.data() + block.at;
        for (T& element : into) {
            element = std::bit_cast<T>(detail::get_little_endian<detail::BitsOf<T>>(from));
            from += sizeof(T);
        }
    }

    std::string where_;
    std::vector<unsigned char> bytes_;
    std::vector<Block> blocks_;
};

}  // namespace eigengru::inline EIGENGRU_ABI
