// SPDX-License-Identifier: MIT
// Forward declarations of the public types, for headers that only name them.
#pragma once

#include "eigengru/core/types.hpp"

namespace eigengru::inline EIGENGRU_ABI {

struct Shape3;
template <class T>
class MatrixView;
template <class T>
class SequenceView;
class MaskView;
class IndexListView;
template <RealScalar S>
class Sequence;

class Activation;
class Initializer;
class Regularizer;
class Constraint;

class CudnnMode;
struct GruOptions;
struct GruConfig;
struct BackendVerdict;
template <RealScalar S>
struct CallOptions;
template <RealScalar S>
struct DropoutMasks;
template <RealScalar S>
struct Output;
template <RealScalar S>
struct OutputView;
template <RealScalar S>
struct RegularizationLosses;

// The default arguments of these (float, true) stand with their definitions.
template <RealScalar S, bool ResetAfter>
class GruParameters;
template <RealScalar S, bool ResetAfter>
class ParameterUpdate;
template <RealScalar S, bool ResetAfter>
class GruCell;
template <RealScalar S, bool ResetAfter>
class Gru;

}  // namespace eigengru::inline EIGENGRU_ABI
