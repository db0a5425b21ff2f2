// SPDX-License-Identifier: MIT
// What the messages in the header of an HDF5 object say, and whether a data set's are such that the HDF5 library may be
// asked to open it: version 1.10 believes the sizes in them, and reads beyond the header of a damaged one.
#pragma once

#include "eigengru/io/hdf5_structure.hpp"

#include <limits>

namespace eigengru::inline EIGENGRU_ABI::io::detail {

/// The sizes that a dataspace message at `at` states; none for a single value.
/// Throws: FormatError for a rank above 32; a space without values at all has the size 0.
[[nodiscard]] inline std::vector<std::uint64_t> space_sizes(const Hdf5Numbers& file, std::uint64_t at) {
    constexpr std::uint64_t is_null = 2;
    const std::uint64_t version = file.number(at, 1);
    const std::uint64_t rank = file.number(at + 1, 1);
    if (version < 1 || version > 2 || rank > 32) file.damaged(at);
    if (version == 2 && file.number(at + 3, 1) == is_null) return {0};
    std::vector<std::uint64_t> sizes;
    for (std::uint64_t i = 0; i < rank; ++i) sizes.push_back(file.number(at + (version == 1 ? 8 : 4) + 8 * i, 8));
    return sizes;
}

/// Saturates: a product that overflows is larger than any file.
[[nodiscard]] inline std::uint64_t product_of(std::span<const std::uint64_t> sizes) {
    std::uint64_t result = 1;
    for (const std::uint64_t size : sizes) {
        if (size != 0 && result > std::numeric_limits<std::uint64_t>::max() / size)
            return std::numeric_limits<std::uint64_t>::max();
        result *= size;
    }
    return result;
}

[[noreturn]] inline void refuse_type(const Where& where, std::uint64_t bytes) {
    where.fail("expected float16, bfloat16, float32 or float64, received another type of ", bytes, " bytes");
}

[[noreturn]] inline void refuse_storage(const Where& where) {
    where.fail("expected numbers in one piece, received chunks, or a compact or virtual data set");
}

[[noreturn]] inline void refuse_external(const Where& where) {
    where.fail("expected numbers in this file, received external ones");
}

/// Nothing is allocated for a data set that claims more than the file holds. Throws: FormatError.
inline void check_place(const Where& where, std::uint64_t elements, std::uint64_t bytes, std::uint64_t stored,
                        std::uint64_t file_bytes) {
    if (stored > file_bytes || elements > stored / bytes)
        where.fail("is damaged: ", elements, " numbers of ", bytes, " bytes cannot stand in ", stored,
                   " bytes of a file of ", file_bytes);
}

/// The messages of a data set in a header of the original form, as far as the library decodes them.
class Hdf5DatasetCheck {
public:
    explicit Hdf5DatasetCheck(const Hdf5Numbers& file) : file_(file) {}

    /// Throws: FormatError when one is damaged, or of a kind that Keras never writes.
    void run(const Hdf5Object& object) const {
        for (const std::uint64_t needed : {Hdf5Message::kDatatype, Hdf5Message::kDataspace, Hdf5Message::kLayout})
            if (object.find(needed) == nullptr) file_.where().fail("expected a data set, or it is damaged");
        for (const Hdf5Message& message : object.messages) {
            if (message.type != Hdf5Message::kAttribute && object.find(message.type) != &message)
                file_.damaged(message.at);
            check(message);
        }
        check_place(object);
    }

private:
    void check(const Hdf5Message& message) const {
        constexpr std::uint64_t is_shared = 2;
        if (message.type != Hdf5Message::kAttribute && (message.flags & is_shared) != 0)
            file_.where().fail("expected a type of its own, received a named one");
        switch (message.type) {
            case Hdf5Message::kDataspace: check_space(message); break;
            case Hdf5Message::kDatatype: check_type(message); break;
            case Hdf5Message::kOldFill: check_old_fill(message); break;
            case Hdf5Message::kFill: check_fill(message); break;
            case Hdf5Message::kExternalFiles: refuse_external(file_.where());
            case Hdf5Message::kLayout: check_layout(message); break;
            case Hdf5Message::kAttribute:
            case Hdf5Message::kOldTime:
            case Hdf5Message::kTime: break;  // the library does not look at them
            default: file_.where().fail("expected a data set as Keras writes it, received a message ", message.type);
        }
    }

    void check_size(const Hdf5Message& message, std::uint64_t needed) const {
        if (message.size < needed) file_.damaged(message.at);
    }

    void check_space(const Hdf5Message& message) const {
        check_size(message, 4);
        const std::vector<std::uint64_t> sizes = space_sizes(file_, message.at);
        const std::uint64_t rank = sizes.size();
        for (const std::uint64_t size : sizes)
            if (size > file_.size() && product_of(sizes) == 0) file_.damaged(message.at);
        const bool has_most = (file_.number(message.at + 2, 1) & 1U) != 0;
        check_size(message, (file_.number(message.at, 1) == 1 ? 8 : 4) + 8 * rank * (has_most ? 2 : 1));
    }

    /// Two opaque bytes have a tag of as many bytes as the low byte of its bits says.
    void check_type(const Hdf5Message& message) const {
        constexpr std::uint64_t is_float = 1;
        constexpr std::uint64_t is_opaque = 5;
        constexpr std::uint64_t has_leading_bit = 0x20;  // beside the byte order, in bit 0
        check_size(message, 8);
        const std::uint64_t kind = file_.number(message.at, 1) & 15U;
        const std::uint64_t bytes = file_.number(message.at + 4, 4);
        const bool is_number = kind == is_float && (bytes == 2 || bytes == 4 || bytes == 8) &&
                               (file_.number(message.at + 1, 1) & 0xfeU) == has_leading_bit;
        const bool is_known = is_number || (kind == is_opaque && bytes == 2);
        if (!is_known) refuse_type(file_.where(), bytes);
        const std::uint64_t version = file_.number(message.at, 1) >> 4U;
        if (version < 1 || version > 3) file_.damaged(message.at);
        check_size(message, 8 + (kind == is_float ? 12 : file_.number(message.at + 1, 1)));
    }

    void check_old_fill(const Hdf5Message& message) const {
        check_size(message, 4);
        check_size(message, 4 + file_.number(message.at, 4));
    }

    void check_fill(const Hdf5Message& message) const {
        check_size(message, 4);
        const std::uint64_t version = file_.number(message.at, 1);
        if (version < 1 || version > 3) file_.damaged(message.at);
        constexpr std::uint64_t has_value_bit = 0x20;
        const bool has_value = version == 3 ? (file_.number(message.at + 1, 1) & has_value_bit) != 0
                                            : version == 1 || file_.number(message.at + 3, 1) != 0;
        if (!has_value) return;
        const std::uint64_t size_at = version == 3 ? 2 : 4;
        check_size(message, size_at + 4);
        check_size(message, size_at + 4 + file_.number(message.at + size_at, 4));
    }

    void check_layout(const Hdf5Message& message) const {
        constexpr std::uint64_t is_in_one_piece = 1;
        check_size(message, 2);
        const std::uint64_t version = file_.number(message.at, 1);
        if (version < 3 || version > 4 || file_.number(message.at + 1, 1) != is_in_one_piece)
            refuse_storage(file_.where());
        check_size(message, 18);
    }

    void check_place(const Hdf5Object& object) const {
        const std::uint64_t elements = product_of(space_sizes(file_, object.find(Hdf5Message::kDataspace)->at));
        const std::uint64_t bytes = file_.number(object.find(Hdf5Message::kDatatype)->at + 4, 4);
        const std::uint64_t layout = object.find(Hdf5Message::kLayout)->at;
        const std::uint64_t address = file_.number(layout + 2, 8);
        const std::uint64_t stored = address == Hdf5Numbers::kNowhere ? 0 : file_.number(layout + 10, 8);
        detail::check_place(file_.where(), elements, bytes, stored, file_.size());
        if (stored != 0) static_cast<void>(file_.range(address, stored));
    }

    Hdf5Numbers file_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io::detail
