// SPDX-License-Identifier: MIT
// The weights of a GRU in the order of cuDNN: on their way to the device, and the gradients on their way back.
#pragma once

#include "eigengru/cell/gates.hpp"
#include "eigengru/cuda/context.hpp"
#include "eigengru/model/parameters.hpp"

#include <cstring>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// The gate of the layer, z, r or h, for each of cuDNN's linear layers r, z, n.
inline constexpr std::array<Index, kGates> kGateOfLinearLayer{1, 0, 2};

/// The weights of a layer and when they last changed.
template <RealScalar S>
struct WeightSource {
    StepFunction<S> function;
    std::uint64_t version = 0;
    bool is_changing = false;  ///< an update is under way: every look may find others
};

/// Writes the weights to a block of places.bytes, zeros between them. Each matrix of cuDNN has a row for each unit:
/// the transpose of Keras's columns of a gate. Formula: h' = tanh(W x + b_W + r . (R h + b_R)), as ResetAfter.
template <RealScalar S>
void pack_weights(const StepFunction<S>& f, const WeightPlaces& places, char* to) {
    std::memset(to, 0, places.bytes);
    const Index units = f.units();
    for (std::size_t i = 0; i < kLinearLayers; ++i) {
        const bool is_of_inputs = i < kLinearLayers / 2;
        const MatrixMap<const S>& from = is_of_inputs ? f.kernel : f.recurrent_kernel;
        const Index first = kGateOfLinearLayer[i % kGateOfLinearLayer.size()] * units;
        block(reinterpret_cast<S*>(to + places.matrices[i]), units, from.rows()) =
            from.middleCols(first, units).transpose();
        block(reinterpret_cast<S*>(to + places.biases[i]), 1, units) =
            f.bias.block(is_of_inputs ? 0 : 1, first, 1, units);
    }
}

/// The way back, for gradients.
template <RealScalar S>
void unpack_weights(const char* from, const WeightPlaces& places, GruWeights<S>& to) {
    const Index units = to.units();
    for (std::size_t i = 0; i < kLinearLayers; ++i) {
        const bool is_of_inputs = i < kLinearLayers / 2;
        MatrixMap<S> matrix = is_of_inputs ? to.kernel() : to.recurrent_kernel();
        const Index first = kGateOfLinearLayer[i % kGateOfLinearLayer.size()] * units;
        matrix.middleCols(first, units) =
            block(reinterpret_cast<const S*>(from + places.matrices[i]), units, matrix.rows()).transpose();
        to.bias().block(is_of_inputs ? 0 : 1, first, 1, units) =
            block(reinterpret_cast<const S*>(from + places.biases[i]), 1, units);
    }
}

/// The copy on the device. It follows the layer: sent again when the parameters have changed, or the order in which a
/// plan wants them.
template <RealScalar S>
class DeviceWeights {
public:
    /// Makes room. Throws: BackendError.
    void reserve(const CudaFunctions& f, const WeightPlaces& places) {
        if (places.bytes > memory_.bytes()) is_confirmed_ = false;
        memory_.reserve(f, places.bytes);
        staging_.reserve(f, places.bytes);
    }

    /// Whether the device has them as they are now.
    [[nodiscard]] bool is_fresh(const WeightPlaces& places, const WeightSource<S>& source) const {
        return is_confirmed_ && version_ == source.version && !source.is_changing && places == places_;
    }

    /// Sends them in the stream of the context if that is needed. The staging memory must be free: nothing that was
    /// sent before is still under way. Throws: BackendError.
    void refresh(const CudnnContext& context, const WeightPlaces& places, const WeightSource<S>& source) {
        if (is_fresh(places, source)) return;
        const CudaFunctions& f = context.functions();
        is_confirmed_ = false;
        reserve(f, places);
        pack_weights(source.function, places, staging_.as<char>());
        copy_async(f, context.stream(), memory_.as<char>(), staging_.as<const char>(), static_cast<Index>(places.bytes),
                   cudaMemcpyHostToDevice);
        places_ = places;
        version_ = source.version;
        ++uploads_;
    }

    /// What was sent has arrived. Without it the next refresh() sends again.
    void confirm() { is_confirmed_ = true; }

    [[nodiscard]] const void* data() const { return memory_.data(); }
    /// How often they were sent.
    [[nodiscard]] std::uint64_t uploads() const { return uploads_; }

private:
    DeviceMemory memory_;
    PinnedMemory staging_;
    WeightPlaces places_;
    std::uint64_t version_ = 0;
    std::uint64_t uploads_ = 0;
    bool is_confirmed_ = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
