// SPDX-License-Identifier: MIT
// Non-owning views of masks (which time steps are used) and of lists of lengths or row numbers.
#pragma once

#include "eigengru/core/view.hpp"

#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

namespace detail {

template <class R, class Element>
concept ContiguousRangeOf = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                            std::same_as<std::remove_cv_t<std::ranges::range_value_t<R>>, Element>;

}  // namespace detail

/// Which time steps are used, (batch, time), true (not 0) = use; or absent. From `bool*` or `unsigned char*`,
/// contiguous ranges of them, or a row-major Eigen array of bool.
class MaskView {
public:
    MaskView() noexcept {}  // not a constant: see MatrixView

    template <class Byte, std::integral B, std::integral T>
        requires std::same_as<Byte, bool> || std::same_as<Byte, unsigned char>
    MaskView(const Byte* data EIGENGRU_LIFETIMEBOUND, B batch, T time)
        : MaskView(data, static_cast<Index>(batch), static_cast<Index>(time), static_cast<Index>(time)) {}

    /// Throws: ShapeError when the range does not hold exactly batch * time elements.
    template <class R, std::integral B, std::integral T>
        requires(!std::is_pointer_v<std::decay_t<R>>) && (!std::is_array_v<std::remove_cvref_t<R>>)
    MaskView(const R& values EIGENGRU_LIFETIMEBOUND, B batch, T time)
        : MaskView(checked_data(values, static_cast<Index>(batch), static_cast<Index>(time)), batch, time) {}

    template <class D>
    MaskView(const Eigen::PlainObjectBase<D>& mask EIGENGRU_LIFETIMEBOUND) : MaskView(from(mask.derived())) {}

    /// A map or a block, which may be a temporary itself.
    template <class D>
    MaskView(const Eigen::DenseBase<D>& mask) : MaskView(from(mask.derived())) {}

    [[nodiscard]] bool is_present() const { return batch_ >= 0; }
    [[nodiscard]] Index batch() const { return batch_; }
    [[nodiscard]] Index time() const { return time_; }
    [[nodiscard]] bool operator()(Index b, Index t) const { return data_[b * row_stride_ + t] != 0; }

private:
    template <class Byte>
    MaskView(const Byte* data, Index batch, Index time, Index row_stride)
        : data_(reinterpret_cast<const unsigned char*>(data)), batch_(batch), time_(time), row_stride_(row_stride) {
        detail::check_data("MaskView", data == nullptr, detail::checked_size("MaskView", {batch, time}));
    }

    template <class R>
    static auto checked_data(const R& values, Index batch, Index time) {
        static_assert(!std::is_same_v<R, std::vector<bool>>,
                      "eigengru: std::vector<bool> has no bytes to look at; use std::vector<unsigned char>");
        static_assert(detail::ContiguousRangeOf<const R, bool> || detail::ContiguousRangeOf<const R, unsigned char>,
                      "eigengru: a mask is a contiguous range of bool or unsigned char");
        const Index size = detail::checked_size("MaskView", {batch, time});
        if (std::ranges::size(values) != static_cast<std::size_t>(size))
            EIGENGRU_THROW(ShapeError, "MaskView: shape ", detail::shape_text(batch, time), " needs ", size,
                           " elements, received ", std::ranges::size(values));
        return std::ranges::data(values);
    }

    template <class D>
    static MaskView from(const D& mask) {
        using Element = typename D::Scalar;
        static_assert(std::is_same_v<Element, bool> || std::is_same_v<Element, unsigned char>,
                      "eigengru: a mask has elements of type bool or unsigned char");
        detail::require_row_major<Element, D>();
        return {mask.data(), Index(mask.rows()), Index(mask.cols()), detail::row_stride_of(mask)};
    }

    const unsigned char* data_ = nullptr;
    Index batch_ = -1;
    Index time_ = 0;
    Index row_stride_ = 0;
};

/// A list of row numbers or lengths, or absent: from a pointer and a size, a contiguous range of a signed integer type,
/// or an initializer list (which is copied, since its array dies with the statement).
class IndexListView {
public:
    IndexListView() noexcept {}  // not a constant: see MatrixView

    template <std::signed_integral I, std::integral N>
    IndexListView(const I* data EIGENGRU_LIFETIMEBOUND, N size)
        : data_(data), read_(&read_as<I>), size_(static_cast<Index>(size)) {
        detail::check_data("IndexListView", data == nullptr, detail::checked_size("IndexListView", {size_}));
    }

    template <std::ranges::contiguous_range R>
        requires std::signed_integral<std::ranges::range_value_t<R>>
    IndexListView(const R& values EIGENGRU_LIFETIMEBOUND)
        : IndexListView(std::ranges::data(values), std::ranges::size(values)) {}

    IndexListView(std::initializer_list<Index> values) : own_(values), size_(static_cast<Index>(own_.size())) {}

    [[nodiscard]] bool is_present() const { return size_ >= 0; }
    [[nodiscard]] Index size() const { return size_; }
    [[nodiscard]] Index operator[](Index i) const {
        return read_ != nullptr ? read_(data_, i) : own_[static_cast<std::size_t>(i)];
    }

private:
    template <class I>
    static Index read_as(const void* data, Index i) {
        return static_cast<Index>(static_cast<const I*>(data)[i]);
    }

    std::vector<Index> own_;
    const void* data_ = nullptr;
    Index (*read_)(const void*, Index) = nullptr;
    Index size_ = -1;
};

}  // namespace eigengru::inline EIGENGRU_ABI
