// SPDX-License-Identifier: MIT
// The kernels of a step alone, for kernel_tiles.sh and kernel_symbols.sh to look at.
#include "eigengru/cell/gate_kernels.hpp"

namespace eigengru_test {

using eigengru::detail::StepKernel;
using eigengru::detail::TileGates;

StepKernel<float> tiles_of_float(eigengru::Kernels kernels) {
    return eigengru::detail::step_kernel<TileGates::all, float>(kernels);
}

StepKernel<double> tiles_of_double(eigengru::Kernels kernels) {
    return eigengru::detail::step_kernel<TileGates::all, double>(kernels);
}

}  // namespace eigengru_test
