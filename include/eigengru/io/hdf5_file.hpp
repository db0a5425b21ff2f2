// SPDX-License-Identifier: MIT
// Hdf5File: the data sets of an HDF5 file in memory, addressed by path. Reads what Keras writes and little more, by
// itself: the HDF5 library trusts what stands in a file, and a damaged one can crash it.
#pragma once

#include "eigengru/io/hdf5_strings.hpp"

#include <algorithm>
#include <memory>

namespace eigengru::inline EIGENGRU_ABI::io {

namespace detail {

/// The bytes of a file, and what stands where.
struct Hdf5Content {
    Hdf5Content(Bytes content, Where place)
        : bytes(std::move(content)), where(std::move(place)), numbers(bytes, where), structure(numbers) {}
    Hdf5Content(const Hdf5Content&) = delete;
    Hdf5Content& operator=(const Hdf5Content&) = delete;

    Bytes bytes;
    Where where;
    Hdf5Numbers numbers;
    Hdf5Structure structure;
};

}  // namespace detail

/// A data set of rank 1 or 2, its size and type checked, ready to be read.
class Hdf5Dataset {
public:
    /// Throws: FormatError for anything but plain numbers that stand in this file in one piece, as Keras writes them.
    Hdf5Dataset(std::shared_ptr<const detail::Hdf5Content> file, const detail::Hdf5Object& object, Where where)
        : file_(std::move(file)), where_(std::move(where)) {
        const detail::Hdf5Numbers numbers(file_->bytes, where_);
        read_type(numbers, message(object, detail::Hdf5Message::kDatatype));
        read_shape(numbers, message(object, detail::Hdf5Message::kDataspace));
        if (object.find(detail::Hdf5Message::kExternalFiles) != nullptr)
            where_.fail("expected numbers in this file, received external ones");
        read_place(numbers, message(object, detail::Hdf5Message::kLayout));
    }

    /// One or two sizes, each at least 1.
    [[nodiscard]] const std::vector<Index>& shape() const { return shape_; }
    [[nodiscard]] StoredType type() const { return type_.type; }
    [[nodiscard]] const Where& where() const { return where_; }

    /// How many bytes of the file the numbers take.
    [[nodiscard]] std::uint64_t bytes() const { return elements_ * type_.bytes; }

    /// The values, a vector as one row.
    template <RealScalar S>
    [[nodiscard]] RowMatrix<S> read() const {
        RowMatrix<S> values(shape_.size() == 1 ? 1 : shape_.front(), shape_.back());
        const unsigned char* from = file_->bytes.data() + at_;
        for (Index i = 0; i < values.size(); ++i, from += type_.bytes)
            values.data()[i] = detail::stored_number<S>(from, type_);
        return values;
    }

private:
    [[nodiscard]] std::uint64_t message(const detail::Hdf5Object& object, std::uint64_t type) const {
        constexpr std::uint64_t is_shared = 2;
        const detail::Hdf5Message* found = object.find(type);
        if (found == nullptr) where_.fail("expected a data set, or it is damaged");
        if ((found->flags & is_shared) != 0) where_.fail("expected a type of its own, received a named one");
        return found->at;
    }

    void read_type(const detail::Hdf5Numbers& numbers, std::uint64_t at) {
        const std::optional<detail::Hdf5Type> known = detail::number_type(numbers, at);
        if (!known)
            where_.fail("expected float16, bfloat16, float32 or float64, received another type of ",
                        numbers.number(at + 4, 4), " bytes");
        type_ = *known;
    }

    void read_shape(const detail::Hdf5Numbers& numbers, std::uint64_t at) {
        const std::vector<std::uint64_t> sizes = detail::space_sizes(numbers, at);
        if (sizes.empty() || sizes.size() > 2)
            where_.fail("expected a vector or a matrix, received rank ", sizes.size());
        elements_ = detail::product_of(sizes);
        if (elements_ == 0) where_.fail("expected at least one number, received none");
        for (const std::uint64_t size : sizes) shape_.push_back(static_cast<Index>(size));
    }

    /// Nothing is allocated for a data set that claims more than the file holds.
    void read_place(const detail::Hdf5Numbers& numbers, std::uint64_t at) {
        constexpr std::uint64_t is_in_one_piece = 1;
        const std::uint64_t version = numbers.number(at, 1);
        if (version < 3 || version > 4 || numbers.number(at + 1, 1) != is_in_one_piece)
            where_.fail("expected numbers in one piece, received chunks, or a compact or virtual data set");
        const std::uint64_t address = numbers.number(at + 2, 8);
        const std::uint64_t stored = address == detail::Hdf5Numbers::kNowhere ? 0 : numbers.number(at + 10, 8);
        const std::uint64_t size = numbers.size();
        const bool fits =
            stored <= size && elements_ <= stored / type_.bytes && (stored == 0 || address <= size - stored);
        if (!fits)
            where_.fail("is damaged: ", elements_, " numbers of ", type_.bytes, " bytes cannot stand in ", stored,
                        " bytes of a file of ", size);
        at_ = static_cast<std::size_t>(address);
    }

    std::shared_ptr<const detail::Hdf5Content> file_;
    Where where_;
    detail::Hdf5Type type_;
    std::uint64_t elements_ = 0;
    std::size_t at_ = 0;
    std::vector<Index> shape_;
};

/// An HDF5 file that has been read into memory.
///
///     const Hdf5File file(bytes, where);
///     const RowMatrix<float> kernel = file.dataset("layers/gru/cell/vars/0").read<float>();
///
/// Only hard links are followed. A regular value, cheap to copy, safe from several threads.
class Hdf5File {
public:
    /// Throws: FormatError when the bytes are no HDF5 file, or its structure is damaged.
    Hdf5File(Bytes bytes, Where where)
        : content_(std::make_shared<const detail::Hdf5Content>(std::move(bytes), std::move(where))) {}

    /// Whether a path leads to something through hard links. Throws: FormatError for other links.
    [[nodiscard]] bool has(const std::string& path) const { return find(path) != nullptr; }

    /// Throws: FormatError when the path leads to no data set, or to one that Hdf5Dataset refuses.
    [[nodiscard]] Hdf5Dataset dataset(const std::string& path) const {
        const detail::Hdf5Object* object = find(path);
        if (object == nullptr) where().fail("the file has no data set \"", path, "\"");
        return {content_, *object, where().in(path)};
    }

    /// The names in a group, none when it is missing.
    [[nodiscard]] std::vector<std::string> names(const std::string& path) const {
        std::vector<std::string> names;
        if (const detail::Hdf5Object* object = find(path))
            for (const auto& [name, target] : object->links) names.push_back(name);
        return names;
    }

    /// The strings of an attribute of a group ("" for the file itself), nothing when it is missing.
    /// Throws: FormatError, for more than `limit` bytes too.
    [[nodiscard]] std::optional<std::vector<std::string>> strings(const std::string& path, std::string_view attribute,
                                                                  std::uint64_t limit) const {
        const detail::Hdf5Object* object = find(path);
        if (object == nullptr) return std::nullopt;
        const Where here = path.empty() ? where() : where().in(path);
        const detail::Hdf5Numbers numbers(content_->bytes, here);
        for (const detail::Hdf5Message& message : object->messages) {
            if (message.type != detail::Hdf5Message::kAttribute) continue;
            const detail::Hdf5Attribute parsed = detail::parse_attribute(numbers, message);
            if (parsed.name == attribute) return detail::strings_of(numbers, parsed, limit);
        }
        return std::nullopt;
    }

    [[nodiscard]] const Where& where() const { return content_->where; }

    /// The size of the file.
    [[nodiscard]] std::uint64_t bytes() const { return content_->bytes.size(); }

private:
    /// nullptr when there is nothing of that path.
    [[nodiscard]] const detail::Hdf5Object* find(std::string_view path) const {
        const detail::Hdf5Object* object = &content_->structure.object(content_->structure.root());
        for (std::size_t from = 0; from < path.size();) {
            const std::size_t end = std::min(path.find('/', from), path.size());
            const auto link = object->links.find(path.substr(from, end - from));
            if (link == object->links.end()) return nullptr;
            if (!link->second)
                where().in(path.substr(0, end)).fail("expected a hard link, received a soft or external one");
            object = &content_->structure.object(*link->second);
            from = end + 1;
        }
        return object;
    }

    std::shared_ptr<const detail::Hdf5Content> content_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::io
