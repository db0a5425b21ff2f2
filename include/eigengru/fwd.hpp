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
struct CudnnOptions;
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
struct OutputGradients;
template <RealScalar S>
struct Gradients;
template <RealScalar S>
class Tape;
template <RealScalar S>
class GruWeights;
template <RealScalar S>
struct Variable;
template <RealScalar S>
struct RegularizationLosses;

// The default template arguments stand here and nowhere else.
template <RealScalar S, bool ResetAfter = true>
class GruParameters;
template <RealScalar S, bool ResetAfter = true>
class ParameterUpdate;
template <RealScalar S = float, bool ResetAfter = true>
class GruCell;
template <RealScalar S = float, bool ResetAfter = true>
class Gru;

class Loss;
class LearningRate;
template <RealScalar S>
class Optimizer;
template <RealScalar S>
class Trainer;
template <RealScalar S>
class DenseWeights;
template <RealScalar S>
class DenseTape;
template <RealScalar S>
struct DenseGradients;
template <RealScalar S>
class NamedWeights;
template <RealScalar S>
struct NamedGradients;
template <RealScalar S>
class InputTape;
template <RealScalar S>
struct BidirectionalCallOptions;
template <RealScalar S>
struct BidirectionalOutput;
template <RealScalar S>
struct BidirectionalOutputView;
template <RealScalar S>
struct BidirectionalOutputGradients;
template <RealScalar S>
struct BidirectionalGradients;
template <RealScalar S>
class BidirectionalTape;
struct BidirectionalOptions;
struct BidirectionalVerdict;
struct EmbeddingOptions;
struct LayerNormalizationOptions;
struct BatchNormalizationOptions;
template <RealScalar S>
class ModelTape;
template <RealScalar S>
class ModelWeights;
template <RealScalar S>
class ModelGradients;

template <RealScalar S = float>
class AnyGru;
template <RealScalar S = float>
class Dense;
template <RealScalar S = float>
class Masking;
template <RealScalar S = float>
class Dropout;
template <RealScalar S = float>
class ActivationLayer;
template <RealScalar S = float, bool ResetAfter = true>
class Bidirectional;
template <RealScalar S = float>
class Embedding;
template <RealScalar S = float>
class LayerNormalization;
template <RealScalar S = float>
class BatchNormalization;
template <RealScalar S = float>
class Sequential;

struct StreamOptions;
template <RealScalar S = float>
class GruStream;
template <RealScalar S = float>
class ModelStream;
template <RealScalar S, Index Features, Index Units, bool ResetAfter = true>
class FixedGruWeights;
template <RealScalar S, Index Features, Index Units, bool ResetAfter = true>
class FixedGru;

class ScopedGraphTracing;

class ExecutorRef;
class ThreadPool;
class ScopedFlushToZero;

}  // namespace eigengru::inline EIGENGRU_ABI
