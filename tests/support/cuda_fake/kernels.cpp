// SPDX-License-Identifier: MIT
// The two kernels of eigengru::cudnn_device: the library's own source for them, run by workers one after the other.
#include "support/cuda_fake/kernels.hpp"

#include "support/cuda_fake/rnn.hpp"

#include "eigengru/cuda/row_move.hpp"

namespace eigengru_test::cuda_fake::body {
namespace {

using eigengru::detail::RowMove;
using eigengru::detail::RowWorker;

constexpr std::int64_t kLanes = 3;

/// The memory of a movement, found and checked, and its pointers as the host may use them.
class HostMove {
public:
    explicit HostMove(const RowMove& move) : move_(move) {
        require(move.row_bytes % 4 == 0 && move.row_bytes > 0, cudaErrorInvalidValue, "row_bytes");
        const auto rows = static_cast<std::size_t>(move.batch), steps = rows * static_cast<std::size_t>(move.time);
        const auto row_bytes = static_cast<std::size_t>(move.row_bytes);
        read(move_.mask, "mask", steps);
        read(move_.from, "from", steps * row_bytes);
        read(move_.initial, "initial", rows * row_bytes);
        write(move_.to, "to", steps * row_bytes);
        write(move_.last, "last", rows * row_bytes);
        write(move_.state, "state", rows * row_bytes);
    }

    [[nodiscard]] const RowMove& move() const { return move_; }
    /// As arguments, before the addresses are the host's.
    [[nodiscard]] const std::vector<Argument>& arguments() const { return arguments_; }

    void require_known() const {
        for (const Memory::Range& range : inputs_)
            require(std::find(range.is_written.begin(), range.is_written.end(), 0) == range.is_written.end(),
                    cudaErrorInvalidValue, "reads what was never written");
    }
    void mark_known() const {
        for (const Memory::Range& range : outputs_)
            std::fill(range.is_written.begin(), range.is_written.end(), static_cast<unsigned char>(1));
    }

private:
    template <class T>
    void read(const T*& pointer, const char* name, std::size_t bytes) {
        arguments_.push_back({name, pointer, bytes, false, true, alignof(T)});
        if (pointer == nullptr) return;
        inputs_.push_back(state().device(pointer, bytes, cudaErrorInvalidValue, name));
        pointer = reinterpret_cast<const T*>(inputs_.back().bytes.data());
    }
    template <class T>
    void write(T*& pointer, const char* name, std::size_t bytes) {
        arguments_.push_back({name, pointer, bytes, true, true, alignof(T)});
        if (pointer == nullptr) return;
        outputs_.push_back(state().device(pointer, bytes, cudaErrorInvalidValue, name));
        pointer = reinterpret_cast<T*>(outputs_.back().bytes.data());
    }

    RowMove move_;
    std::vector<Argument> arguments_;
    std::vector<Memory::Range> inputs_;
    std::vector<Memory::Range> outputs_;
};

/// Every lane of every row, in an order that is not that of the rows.
template <class MoveRow>
cudaError_t launch(const RowMove& move, cudaStream_t stream, const char* name, const MoveRow& move_row) {
    check_arguments(HostMove(move).arguments());
    state().enqueue(stream, name, [move, move_row] {
        const HostMove host(move);
        host.require_known();
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
            for (std::int64_t row = move.batch - 1; row >= 0; --row)
                move_row(host.move(), RowWorker{row, lane, kLanes});
        host.mark_known();
    });
    return cudaSuccess;
}

}  // namespace

cudaError_t gather_rows(const RowMove& move, cudaStream_t stream) {
    require(move.from != nullptr && move.to != nullptr, cudaErrorInvalidValue, "a null pointer");
    return launch(move, stream, "gather_rows", [](const RowMove& m, const RowWorker& w) { move_gathered_row(m, w); });
}

cudaError_t scatter_rows(const RowMove& move, cudaStream_t stream) {
    require(move.from != nullptr, cudaErrorInvalidValue, "a null pointer");
    return launch(move, stream, "scatter_rows", [](const RowMove& m, const RowWorker& w) { move_scattered_row(m, w); });
}

}  // namespace eigengru_test::cuda_fake::body
