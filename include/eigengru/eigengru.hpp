// SPDX-License-Identifier: MIT
// Eigengru: Keras's GRU layer for C++ on Eigen. This header is the whole library but the optional parts, which are
// included by name (eigengru/io/keras.hpp). It needs Eigen alone.
#pragma once

#include "eigengru/cell/fixed.hpp"               // IWYU pragma: export
#include "eigengru/core/thread_pool.hpp"         // IWYU pragma: export
#include "eigengru/fwd.hpp"                      // IWYU pragma: export
#include "eigengru/layer/any_gru.hpp"            // IWYU pragma: export
#include "eigengru/layer/model_stream.hpp"       // IWYU pragma: export
#include "eigengru/layer/sequential.hpp"         // IWYU pragma: export
#include "eigengru/layer/stream.hpp"             // IWYU pragma: export
#include "eigengru/math/flush_to_zero.hpp"       // IWYU pragma: export
#include "eigengru/training/gradient_check.hpp"  // IWYU pragma: export
#include "eigengru/training/trainer.hpp"         // IWYU pragma: export
