// SPDX-License-Identifier: MIT
// OnnxStructure: how much of an ONNX file is no numbers of weights, found before protobuf makes objects of it.
#pragma once

#include "eigengru/io/file.hpp"

#include <cstddef>
#include <limits>
#include <span>

namespace eigengru::inline EIGENGRU_ABI::io {

/// The most bytes of an ONNX file besides the numbers of its weights: protobuf takes up to 140 times as much memory.
inline constexpr std::uint64_t kMostOnnxStructure = std::uint64_t{3} << 20;

namespace detail {

/// Counts the bytes of an ONNX file that are not numbers of weights, without protobuf, which would make objects of them
/// first. Reads only as far as it understands: what is malformed protobuf refuses afterwards.
class OnnxStructure {
public:
    [[nodiscard]] static std::uint64_t bytes(std::span<const unsigned char> file) {
        return count(Message::model, file);
    }

private:
    enum class Message { model, graph, node, attribute, tensor, numbers, other };

    [[nodiscard]] static constexpr Message child(Message message, std::uint64_t field) {
        switch (message) {
            case Message::model: return field == 7 ? Message::graph : Message::other;
            case Message::graph:
                if (field == 1) return Message::node;
                return field == 5 ? Message::tensor : Message::other;
            case Message::node: return field == 5 ? Message::attribute : Message::other;
            case Message::attribute: return field == 5 ? Message::tensor : Message::other;
            case Message::tensor: return field == 9 || field == 4 || field == 10 ? Message::numbers : Message::other;
            default: return Message::other;
        }
    }

    [[nodiscard]] static std::uint64_t count(Message message, std::span<const unsigned char> bytes) {
        std::uint64_t structure = 0;
        std::size_t at = 0;
        while (at < bytes.size()) {
            const std::size_t start = at;
            const std::uint64_t tag = varint(bytes, at);
            const std::uint64_t length = payload(tag, bytes, at);
            if (length > bytes.size() - at) return structure + (bytes.size() - start);
            const Message inner = (tag & 7U) == 2 ? child(message, tag >> 3U) : Message::other;
            structure += at - start;
            if (inner == Message::other)
                structure += length;
            else if (inner != Message::numbers)
                structure += count(inner, bytes.subspan(at, static_cast<std::size_t>(length)));
            at += static_cast<std::size_t>(length);
        }
        return structure;
    }

    /// The bytes of a field behind its tag, and behind its length where it has one; more than there are to give up.
    [[nodiscard]] static std::uint64_t payload(std::uint64_t tag, std::span<const unsigned char> bytes,
                                               std::size_t& at) {
        switch (tag & 7U) {
            case 0: static_cast<void>(varint(bytes, at)); return 0;
            case 1: return 8;
            case 2: return varint(bytes, at);
            case 5: return 4;
            default: return std::numeric_limits<std::uint64_t>::max();
        }
    }

    [[nodiscard]] static std::uint64_t varint(std::span<const unsigned char> bytes, std::size_t& at) {
        std::uint64_t value = 0;
        for (unsigned shift = 0; at < bytes.size() && shift < 64; shift += 7) {
            const unsigned char byte = bytes[at++];
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if ((byte & 0x80U) == 0) break;
        }
        return value;
    }
};

}  // namespace detail

}  // namespace eigengru::inline EIGENGRU_ABI::io
