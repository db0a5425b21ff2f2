// SPDX-License-Identifier: MIT
// The choice between the backends, which are siblings: the only header that would include the CUDA part.
#pragma once

#include "eigengru/sequence/backend_rules.hpp"
#include "eigengru/sequence/eigen_backend.hpp"

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Throws: BackendError with every reason when cuDNN is demanded and cannot run the call. "auto" costs nothing here.
inline void require_backend(const BackendQuery& query) {
    if (!query.options.use_cudnn.is_always()) return;
    const BackendVerdict verdict = choose_backend(query);
    if (verdict.is_refused) EIGENGRU_THROW(BackendError, "Gru::operator(): ", verdict.text());
}

/// Runs a checked call where it belongs.
template <bool ResetAfter, RealScalar S>
void run_on_backend(const StepFunction<S>& f, const SequenceCall<S>& call, Workspace<S>& workspace) {
    EigenBackend<ResetAfter, S>(f, call, workspace).run();
}

}  // namespace eigengru::inline EIGENGRU_ABI::detail
