// SPDX-License-Identifier: MIT
// One step by the kernels of any instruction set, with marked memory around everything that they write, and the same
// step in double, with plain products.
#pragma once

#include "eigengru/cell/gate_kernels.hpp"
#include "support/kernel_list.hpp"
#include "support/plain_product.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace eigengru_test {

/// The kernels that work on packed weights, of this processor.
[[nodiscard]] inline std::vector<eigengru::Kernels> packed_kernels() {
    std::vector<eigengru::Kernels> list = supported_kernels();
    std::erase(list, eigengru::Kernels::automatic);
    std::erase(list, eigengru::Kernels::eigen);
    return list;
}

/// Rows of memory with a gap after each, and a margin on both ends. What is not a row keeps its mark.
template <class S>
class MarkedRows {
public:
    static constexpr S kMark = S(-12345);

    MarkedRows(eigengru::Index rows, eigengru::Index width, eigengru::Index gap)
        : rows_(rows),
          width_(width),
          stride_(width + gap),
          values_(static_cast<std::size_t>(2 * kMargin + rows * stride_), kMark) {}

    [[nodiscard]] S* data() { return values_.data() + kMargin; }
    [[nodiscard]] eigengru::Index rows() const { return rows_; }
    [[nodiscard]] eigengru::Index stride() const { return stride_; }
    [[nodiscard]] const S* row(eigengru::Index i) const { return values_.data() + kMargin + i * stride_; }
    [[nodiscard]] S* row(eigengru::Index i) { return values_.data() + kMargin + i * stride_; }

    [[nodiscard]] bool is_untouched_around() const {
        for (eigengru::Index i = 0; i < static_cast<eigengru::Index>(values_.size()); ++i) {
            const eigengru::Index place = i - kMargin;
            const bool is_row = place >= 0 && place < rows_ * stride_ && place % stride_ < width_;
            if (!is_row && values_[static_cast<std::size_t>(i)] != kMark) return false;
        }
        return true;
    }
    friend bool operator==(const MarkedRows&, const MarkedRows&) = default;

private:
    static constexpr eigengru::Index kMargin = 32;

    eigengru::Index rows_, width_, stride_;
    std::vector<S> values_;
};

/// How a step is run, besides its sizes.
struct StepOptions {
    eigengru::detail::Finish finish = eigengru::detail::Finish::state;
    bool is_projected = false;  ///< the inputs by a kernel of its own before
    bool wants_gates = true;    ///< ResetAfter can do without
    bool wants_out = true;      ///< the next state once more
    bool fetches_ahead = false;
    bool goes_back = false;
    eigengru::Index row_chunk = eigengru::detail::kRowChunk;
    eigengru::detail::Range lines = {};  ///< of units: all when empty
};

/// Everything that a step writes.
template <class S>
struct StepResult {
    MarkedRows<S> next, out, gates, projected;

    [[nodiscard]] bool is_untouched_around() const {
        return next.is_untouched_around() && out.is_untouched_around() && gates.is_untouched_around() &&
               projected.is_untouched_around();
    }
    friend bool operator==(const StepResult&, const StepResult&) = default;
};

/// Random weights, inputs and states of some sizes, and the steps that they make. M is a Mode.
template <class M>
class KernelSteps {
public:
    using S = typename M::Scalar;
    using Index = eigengru::Index;
    using Finish = eigengru::detail::Finish;
    using TileGates = eigengru::detail::TileGates;

    KernelSteps(Index rows, Index units, Index features, bool use_bias = true)
        : parameters_(features, units, use_bias),
          inputs_(static_cast<std::size_t>(rows * features)),
          states_(static_cast<std::size_t>(rows * units)) {
        parameters_.flat().setRandom();
        parameters_.flat() *= S(2) / std::sqrt(static_cast<S>(features + units));
        eigengru::VectorMap<S>(inputs_.data(), rows * features).setRandom();
        eigengru::VectorMap<S>(states_.data(), rows * units).setRandom();
    }

    /// The step of rows first .. first + rows - 1. Inputs and states end where their memory does.
    [[nodiscard]] StepResult<S> run(eigengru::Kernels kernels, Index first, Index rows, StepOptions o = {}) const {
        const Index width = eigengru::detail::projected_width<S>(units());
        StepResult<S> result{{rows, units(), 0}, {rows, units(), 3}, {rows, 4 * units(), 5}, {rows, width, 7}};
        eigengru::detail::PackedWeights<S> packed;
        packed.template pack<M::kResetAfter>(
            {parameters().kernel(), parameters().recurrent_kernel(), parameters().bias(), tanh_, sigmoid_},
            eigengru::detail::kernel_lanes<S>(kernels));
        eigengru::detail::StepCall<S> call = call_of(packed, first, rows);
        call.fetches_ahead = o.fetches_ahead;
        call.goes_back = o.goes_back;
        call.row_chunk = o.row_chunk;
        call.lines = o.lines;
        if (o.is_projected || o.finish == Finish::input) {
            call.projected = result.projected.data();
            call.projected_stride = result.projected.stride();
            call.finish = Finish::input;
            run_all(kernels, call);
            if (o.finish == Finish::input) return result;
            call.input = {};
        }
        call.finish = o.finish;
        call.next = result.next.data();
        call.out = o.wants_out ? result.out.data() : nullptr;
        call.out_stride = result.out.stride();
        call.gates = o.wants_gates ? result.gates.data() : nullptr;
        call.gate_stride = result.gates.stride();
        if constexpr (M::kResetAfter) {
            run_all(kernels, call);
        } else {
            eigengru::detail::step_kernel<TileGates::zr, S>(kernels)(call);
            if (o.finish == Finish::sums) set_reset_states(first, result.gates);
            call.recurrent.rows = call.gates + eigengru::detail::kSlotM * units();
            call.recurrent.stride = call.gate_stride;
            eigengru::detail::step_kernel<TileGates::c, S>(kernels)(call);
        }
        return result;
    }

    /// The same in double, with plain products.
    [[nodiscard]] StepResult<double> expected(Index first, Index rows, Finish finish = Finish::state) const {
        using Matrix = eigengru::RowMatrix<double>;
        const auto sigmoid = [](const Matrix& x) { return Matrix(1.0 / (1.0 + (-x.array()).exp())); };
        const Index n = units();
        const Matrix h = rows_of(states_, n, first, rows), sums = input_sums(first, rows);
        const Matrix weights = parameters().recurrent_kernel().template cast<double>();
        const Matrix recurrent = plain_product(h, weights);
        Matrix z = sums.leftCols(n) + recurrent.leftCols(n);
        Matrix r = sums.middleCols(n, n) + recurrent.middleCols(n, n);
        Matrix c = sums.rightCols(n), m = recurrent.rightCols(n);
        if constexpr (M::kResetAfter) {
            if (parameters().use_bias()) m.rowwise() += parameters().bias().template cast<double>().row(1).tail(n);
        } else {
            m = sigmoid(r).cwiseProduct(h);
            c += plain_product(m, weights.rightCols(n));
        }
        Matrix next = Matrix::Constant(rows, n, MarkedRows<double>::kMark);
        if (finish == Finish::state) {
            z = sigmoid(z);
            r = sigmoid(r);
            if (M::kResetAfter) c += r.cwiseProduct(m);
            c = c.array().tanh();
            next = z.array() * h.array() + (1.0 - z.array()) * c.array();
        }
        StepResult<double> result{{rows, n, 0}, {rows, n, 3}, {rows, 4 * n, 5}, {rows, 1, 7}};
        const auto row_map = [](double* row, Index width) { return Eigen::Map<Eigen::RowVectorXd>(row, width); };
        for (Index row = 0; row < rows; ++row) {
            row_map(result.next.row(row), n) = next.row(row);
            row_map(result.out.row(row), n) = next.row(row);
            row_map(result.gates.row(row), 4 * n) << z.row(row), r.row(row), m.row(row), c.row(row);
        }
        return result;
    }

    /// x W of some rows, with the biases that the sums begin with.
    [[nodiscard]] eigengru::RowMatrix<double> input_sums(Index first, Index rows) const {
        const auto& p = parameters();
        eigengru::RowMatrix<double> sums =
            plain_product(rows_of(inputs_, p.features(), first, rows), p.kernel().template cast<double>());
        if (!p.use_bias()) return sums;
        const eigengru::RowMatrix<double> bias = p.bias().template cast<double>();
        sums.rowwise() += bias.row(0);
        if (M::kResetAfter) sums.leftCols(2 * units()).rowwise() += bias.row(1).head(2 * units());
        return sums;
    }

    [[nodiscard]] Index units() const { return parameters_.units(); }
    [[nodiscard]] const eigengru::GruParameters<S, M::kResetAfter>& parameters() const { return parameters_; }

private:
    [[nodiscard]] static eigengru::RowMatrix<double> rows_of(const std::vector<S>& values, Index width, Index first,
                                                             Index rows) {
        return Eigen::Map<const eigengru::RowMatrix<S>>(values.data() + first * width, rows, width)
            .template cast<double>();
    }

    [[nodiscard]] eigengru::detail::StepCall<S> call_of(const eigengru::detail::PackedWeights<S>& packed, Index first,
                                                        Index rows) const {
        eigengru::detail::StepCall<S> call;
        call.rows = rows;
        call.units = units();
        call.h = states_.data() + first * units();
        const Index features = parameters_.features();
        call.input = {inputs_.data() + first * features, features, features, packed.kernel()};
        call.recurrent = {call.h, units(), units(), packed.recurrent_kernel()};
        call.bias = packed.bias();
        return call;
    }

    static void run_all(eigengru::Kernels kernels, const eigengru::detail::StepCall<S>& call) {
        if constexpr (M::kResetAfter) {
            eigengru::detail::step_kernel<TileGates::all, S>(kernels)(call);
        } else {
            eigengru::detail::step_kernel<TileGates::zr, S>(kernels)(call);
            eigengru::detail::step_kernel<TileGates::c, S>(kernels)(call);
        }
    }

    /// m = sigmoid(r) . h, which is the caller's business between the halves of a step that ends with sums.
    void set_reset_states(Index first, MarkedRows<S>& gates) const {
        for (Index row = 0; row < gates.rows(); ++row)
            for (Index unit = 0; unit < units(); ++unit)
                gates.row(row)[2 * units() + unit] = S(1) / (S(1) + std::exp(-gates.row(row)[units() + unit])) *
                                                     states_[static_cast<std::size_t>((first + row) * units() + unit)];
    }

    eigengru::GruParameters<S, M::kResetAfter> parameters_;
    std::vector<S> inputs_, states_;
    eigengru::Activation tanh_ = "tanh", sigmoid_ = "sigmoid";
};

}  // namespace eigengru_test
