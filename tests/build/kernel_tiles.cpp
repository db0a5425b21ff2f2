// SPDX-License-Identifier: MIT
// The kernels alone, for kernel_tiles.sh and kernel_symbols.sh to look at.
#include "eigengru/cell/gradient_kernels.hpp"
#include "eigengru/math/activation_kernels.hpp"

namespace eigengru_test {

using namespace eigengru::detail;
using eigengru::Kernels;

struct KernelsOfFloat {
    StepKernel<float> all, zr, c;
    const GradientKernels<float>*after, *before;
    ActivationKernel<float> activation;
};

KernelsOfFloat kernels_of_float(Kernels kernels) {
    return {step_kernel<TileGates::all, float>(kernels), step_kernel<TileGates::zr, float>(kernels),
            step_kernel<TileGates::c, float>(kernels),   &gradient_kernels<true, float>(kernels),
            &gradient_kernels<false, float>(kernels),    activation_kernel<float>(kernels)};
}

ActivationKernel<double> activation_of_double(Kernels kernels) {
    return activation_kernel<double>(kernels);
}

}  // namespace eigengru_test
