// SPDX-License-Identifier: MIT
// The layers of the tests of this folder, instantiated once, in instantiations*.cpp: those of
// support/instantiations.hpp are of a build without cuDNN, where every name differs.
#pragma once

#include "eigengru/layer/gru.hpp"

// clang-format off
#define EIGENGRU_TEST_KERNELS_FOR_CUDNN(EXTERN, S) \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::all, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::zr, S>(Kernels); \
    EXTERN template detail::StepKernel<S> detail::step_kernel<detail::TileGates::c, S>(Kernels); \
    EXTERN template const detail::GradientKernels<S>& detail::gradient_kernels<true, S>(Kernels); \
    EXTERN template detail::ActivationKernel<S> detail::activation_kernel<S>(Kernels)

#define EIGENGRU_TEST_INSTANTIATIONS_FOR_CUDNN(EXTERN, S) \
    EXTERN template class detail::EigenBackend<true, S>; \
    EXTERN template class detail::EigenBackward<true, S>; \
    EXTERN template class detail::CudnnForward<S>; \
    EXTERN template class detail::CudnnBackward<S>; \
    EXTERN template class detail::CudnnExecutor<S>; \
    EXTERN template class detail::CudnnDevice<S>; \
    EXTERN template class GruCell<S, true>; \
    EXTERN template class Gru<S, true>
// clang-format on

namespace eigengru::inline EIGENGRU_ABI {

EIGENGRU_TEST_KERNELS_FOR_CUDNN(extern, float);
EIGENGRU_TEST_KERNELS_FOR_CUDNN(extern, double);
EIGENGRU_TEST_INSTANTIATIONS_FOR_CUDNN(extern, float);
EIGENGRU_TEST_INSTANTIATIONS_FOR_CUDNN(extern, double);

}  // namespace eigengru::inline EIGENGRU_ABI
