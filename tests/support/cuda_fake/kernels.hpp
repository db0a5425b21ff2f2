// SPDX-License-Identifier: MIT
// The launchers of eigengru::cudnn_device, as the fake has them.
#pragma once

#include "eigengru/cuda/functions.hpp"

namespace eigengru_test::cuda_fake::body {

cudaError_t gather_rows(const eigengru::detail::RowMove& move, cudaStream_t stream);
cudaError_t scatter_rows(const eigengru::detail::RowMove& move, cudaStream_t stream);

}  // namespace eigengru_test::cuda_fake::body
