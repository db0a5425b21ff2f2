// SPDX-License-Identifier: MIT
// The backward pass of the cuDNN backend: the gradients of the outputs gathered into pinned memory, cuDNN's two
// backward calls, and what they give scattered from it. What EigenBackward is to the CPU.
#pragma once

#include "eigengru/cuda/cudnn_forward.hpp"
#include "eigengru/sequence/eigen_backward.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Runs one backward pass over a record.
template <RealScalar S>
class CudnnBackward {
public:
    CudnnBackward(const CudnnParts<S>& parts, const BackwardCall<S>& call, CudnnRecord<S>& record)
        : parts_(parts),
          buffers_(parts.buffers),
          call_(call),
          record_(record),
          plan_(plan_of(call.tape)),
          shape_(call.tape.shape()),
          units_(call.tape.units()) {}

    /// With `uses_up` the record is worth nothing afterwards. Otherwise cuDNN is given a copy of the reserve, which it
    /// changes: a copy costs far less than a second forward pass, and the bits are those of the first one. (PyTorch does
    /// the same for a graph that it retains.)
    /// Throws: BackendError.
    void run(const WeightSource<S>& weights, bool uses_up) {
        const CudaFunctions& f = parts_.context.functions();
        const RnnPlan& plan = *record_.plan;
        StreamScope scope(f, parts_.context.stream());
        buffers_.prepare_backward(f, plan);
        if (has_activity()) fetch_record(scope);
        parts_.weights.refresh(parts_.context, plan.weights(), weights);
        send_output_gradients();
        const RnnMemory memory = device_memory(uses_up);
        clear_async(f, parts_.context.stream(), memory.d_weights, plan.weights().bytes);
        parts_.check(rnn_backward_data(f, parts_.context.handle(), plan, memory));
        parts_.check(rnn_backward_weights(f, parts_.context.handle(), plan, memory));
        fetch_gradients();
        scope.wait();
        parts_.weights.confirm();
        gather_adjoint(host_inputs(), plan_, call_.tape.signature().go_backwards, call_.into.inputs.view());
        unpack_weights(buffers_.host_weights.template as<const char>(), plan.weights(), call_.into.parameters);
        call_.into.initial_state += block<const S>(host_state(), shape_.batch, units_);
    }

private:
    [[nodiscard]] S* host_inputs() const { return buffers_.host_inputs.template as<S>(); }
    [[nodiscard]] S* host_outputs() const { return buffers_.host_outputs.template as<S>(); }
    [[nodiscard]] S* host_state() const { return buffers_.host_state.template as<S>(); }
    [[nodiscard]] Index outputs_size() const { return shape_.batch * shape_.time * units_; }
    [[nodiscard]] Index state_size() const { return shape_.batch * units_; }

    [[nodiscard]] bool has_activity() const { return !call_.tape.signature().activity_regularizer.is_none(); }

    /// For the activity regularizer, which looks at the outputs once more.
    void fetch_record(StreamScope& scope) {
        y_.resize(shape_.time * shape_.batch, units_);
        parts_.copy(host_outputs(), record_.outputs.template as<const S>(), outputs_size(), cudaMemcpyDeviceToHost);
        parts_.copy(host_state(), record_.initial_state.template as<const S>(), state_size(), cudaMemcpyDeviceToHost);
        scope.wait();
        scope.reopen();
        std::copy_n(host_outputs(), outputs_size(), y_.data());
        initial_ = block<const S>(host_state(), shape_.batch, units_);
    }

    void send_output_gradients() {
        const LayerSignature& signature = call_.tape.signature();
        std::fill_n(host_outputs(), outputs_size(), S(0));
        call_.into.initial_state.setZero();  // of rows without a used step alone, until cuDNN has given the rest
        const OutputView<S> none;
        const Scatter<S> forward{.plan = plan_, .zero_output_for_mask = signature.zero_output_for_mask, .output = none};
        add_scatter_adjoint(forward, call_.d_output, units_, host_outputs(), call_.into.initial_state.data());
        if (has_activity()) add_activity(signature);
        parts_.copy(buffers_.d_outputs.template as<S>(), std::as_const(*this).host_outputs(), outputs_size(),
                    cudaMemcpyHostToDevice);
    }

    /// The gradients of the activity's losses with respect to what the layer returned: the outputs of the pass made
    /// again from the record, their gradients, and these taken back like all others.
    void add_activity(const LayerSignature& signature) {
        Output<S> y{.last = RowMatrix<S>(shape_.batch, units_), .state = RowMatrix<S>(shape_.batch, units_)};
        if (signature.return_sequences) y.sequences = Sequence<S>({shape_.batch, shape_.time, units_});
        const OutputView<S> view{signature.return_sequences ? y.sequences.view() : SequenceView<S>(), y.last, y.state};
        const Scatter<S> forward{.plan = plan_,
                                 .zero_output_for_mask = signature.zero_output_for_mask,
                                 .initial_state = initial_,
                                 .output = view};
        scatter_places(forward, {0, shape_.time}, y_.data(), units_);
        Output<S> d{.last = RowMatrix<S>::Zero(shape_.batch, units_),
                    .state = RowMatrix<S>::Zero(shape_.batch, units_)};
        const auto add = [&](const MatrixMap<const S>& outputs, MatrixMap<S> gradients) {
            signature.activity_regularizer.add_gradient(outputs, WeightRank::matrix,
                                                        S(1) / static_cast<S>(shape_.batch), gradients);
        };
        OutputGradients<S> gradients;
        if (signature.return_sequences) {
            d.sequences = Sequence<S>(y.sequences.shape());
            add(std::as_const(y.sequences).matrix(), d.sequences.matrix());
            gradients.sequences = d.sequences;
        } else {
            add(MatrixView<const S>(y.last).map(), MatrixView<S>(d.last).map());
            gradients.last = d.last;
        }
        if (signature.return_state) {
            add(MatrixView<const S>(y.state).map(), MatrixView<S>(d.state).map());
            gradients.state = d.state;
        }
        add_scatter_adjoint(forward, gradients, units_, host_outputs(), call_.into.initial_state.data());
    }

    [[nodiscard]] RnnMemory device_memory(bool uses_up) {
        const CudaFunctions& f = parts_.context.functions();
        const std::size_t bytes = record_.plan->reserve_bytes();
        record_.is_spent = record_.is_spent || uses_up;
        if (!uses_up) {
            buffers_.reserve.reserve(f, bytes);
            parts_.copy(buffers_.reserve.template as<char>(), record_.reserve.template as<const char>(),
                        static_cast<Index>(bytes), cudaMemcpyDeviceToDevice);
        }
        return {.inputs = record_.inputs.data(),
                .outputs = record_.outputs.data(),
                .initial_state = record_.initial_state.data(),
                .weights = parts_.weights.data(),
                .workspace = parts_.context.workspace(),
                .reserve = uses_up ? record_.reserve.data() : buffers_.reserve.data(),
                .d_outputs = buffers_.d_outputs.data(),
                .d_inputs = buffers_.d_inputs.data(),
                .d_initial_state = buffers_.d_state.data(),
                .d_weights = buffers_.d_weights.data()};
    }

    void fetch_gradients() const {
        parts_.copy(host_inputs(), buffers_.d_inputs.template as<const S>(), shape_.size(), cudaMemcpyDeviceToHost);
        parts_.copy(host_state(), buffers_.d_state.template as<const S>(), state_size(), cudaMemcpyDeviceToHost);
        parts_.copy(buffers_.host_weights.template as<char>(), buffers_.d_weights.template as<const char>(),
                    static_cast<Index>(record_.plan->weights().bytes), cudaMemcpyDeviceToHost);
    }

    const CudnnParts<S>& parts_;
    CudnnBuffers& buffers_;
    const BackwardCall<S>& call_;
    CudnnRecord<S>& record_;
    SequencePlan plan_;
    Shape3 shape_;
    Index units_;
    RowMatrix<S> y_;
    RowMatrix<S> initial_;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
