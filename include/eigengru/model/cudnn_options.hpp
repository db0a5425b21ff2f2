// SPDX-License-Identifier: MIT
// CudnnOptions: what a call may say about cuDNN beyond Keras's use_cudnn. No CUDA here: a build without it takes the
// same options, and has no use for them.
#pragma once

#include "eigengru/core/config.hpp"

namespace eigengru::inline EIGENGRU_ABI {

/// The algorithms of cuDNN for a recurrent layer.
enum class CudnnAlgorithm : unsigned char {
    automatic,               ///< the fastest one for the sizes at hand, timed once when they are first met
    standard,                ///< runs everything
    persist_static,          ///< keeps the weights on the chip; not in double
    persist_dynamic,         ///< the same, compiled at run time for a batch size
    persist_static_small_h,  ///< for few units; not in double
};

/// The defaults compute what Keras computes, in full precision, where it is worth while.
struct CudnnOptions {
    /// With use_cudnn = "auto" a call whose time steps take fewer multiply-adds, 3 batch units (features + units), stays
    /// on the CPU. An estimate: no device has measured it.
    double least_work = 1e6;
    /// A fixed one gives the same bits in every run of a program; the automatic choice may differ between runs.
    CudnnAlgorithm algorithm = CudnnAlgorithm::automatic;
    /// Whether float may be computed in TF32, with 10 bits of mantissa in the products.
    bool allow_tf32 = false;
    /// Beyond Keras: any mask may run on cuDNN, rows without any used step too. The numbers are those of the layer.
    bool any_mask = false;
};

}  // namespace eigengru::inline EIGENGRU_ABI
