// SPDX-License-Identifier: MIT
// The layers of the CUDA tests, instantiated once in instantiations.cpp: built for cuDNN every name differs from those of
// the other tests. Only what can run on cuDNN: reset_after.
#pragma once

#include "eigengru/layer/gru.hpp"

// clang-format off
#define EIGENGRU_TEST_CUDA_INSTANTIATIONS(EXTERN, S) \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::all, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::zr, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::c, S>(Kernels); \
    EXTERN template const detail::GradientKernels<S>& detail::gradient_kernels<true, S>(Kernels); \
    EXTERN template detail::ActivationKernel<S> detail::activation_kernel<S>(Kernels); \
    EXTERN template class detail::EigenBackend<true, S>; \
    EXTERN template class detail::EigenBackward<true, S>; \
    EXTERN template class detail::CudnnExecutor<S>; \
    EXTERN template class detail::CudnnDevice<S>; \
    EXTERN template class Gru<S, true>
// clang-format on

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_CUDA_INSTANTIATIONS(extern, float);
EIGENGRU_TEST_CUDA_INSTANTIATIONS(extern, double);

}  // namespace eigengru::inline EIGENGRU_ABI
