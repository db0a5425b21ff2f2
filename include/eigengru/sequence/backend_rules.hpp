// SPDX-License-Identifier: MIT
// The eight rules under which Keras runs a GRU on cuDNN, as a pure function: which backend a call takes, and why. No
// CUDA here. Source: keras.layers.GRU, "Requirements to use the cuDNN implementation".
#pragma once

#include "eigengru/model/options.hpp"
#include "eigengru/sequence/plan.hpp"

#include <array>
#include <string>
#include <vector>

namespace eigengru::inline EIGENGRU_ABI {

/// Where a call runs.
enum class Backend : unsigned char { eigen, cudnn };

/// One rule or condition, and what it found.
struct BackendRule {
    std::string_view name;
    bool passed = false;
    std::string reason;  ///< in words: why it passed or failed
};

/// What a call would do, without running it.
struct BackendVerdict {
    Backend backend = Backend::eigen;
    bool is_refused = false;                   ///< use_cudnn is true but cannot be: the call throws a BackendError
    std::array<BackendRule, 8> rules = {};     ///< Keras's eight rules
    std::vector<BackendRule> conditions = {};  ///< the library's own: what was asked for, and the build

    /// One line for the decision and one for each rule and condition.
    [[nodiscard]] std::string text() const {
        std::string lines = is_refused                  ? "use_cudnn is true, but this call cannot run on cuDNN"
                            : backend == Backend::cudnn ? "runs on cuDNN"
                                                        : "runs on Eigen";
        const auto add = [&lines](const BackendRule& rule) {
            lines += detail::text("\n  [", rule.passed ? "passed" : "failed", "] ", rule.name, ": ", rule.reason);
        };
        for (const BackendRule& rule : rules) add(rule);
        for (const BackendRule& condition : conditions) add(condition);
        return lines;
    }
};

/// What the rules look at. `runs_eagerly`: the work runs at once, outside of a graph that is being recorded.
struct BackendQuery {
    const GruOptions& options;
    bool reset_after = true;
    MaskKind mask = MaskKind::none;
    bool runs_eagerly = true;
    bool has_dropout_masks = false;            ///< the call brings its own, which count as dropout
    bool allows_any_mask = false;              ///< CudnnOptions::any_mask
    std::vector<BackendRule> conditions = {};  ///< the library's own that the caller has looked at
};

namespace detail {

/// Whether this build can run cuDNN at all.
#if defined(EIGENGRU_CUDNN)
inline constexpr bool kHasCudnn = true;
#else
inline constexpr bool kHasCudnn = false;
#endif

[[nodiscard]] inline std::string mask_reason(const BackendQuery& query) {
    if (query.mask == MaskKind::none) return "there is none";
    if (query.mask == MaskKind::right_padded) return "is strictly right-padded and leaves no row empty";
    if (query.allows_any_mask) return "is none of Keras's for cuDNN; any_mask allows it";
    return "must be strictly right-padded and leave no row empty, is not";
}

/// Which of the eight rules hold, in their order.
[[nodiscard]] inline std::array<bool, 8> held_rules(const BackendQuery& query) {
    const GruOptions& o = query.options;
    return {o.activation == Activation("tanh"),
            o.recurrent_activation == Activation("sigmoid"),
            o.dropout == 0.0 && o.recurrent_dropout == 0.0 && !query.has_dropout_masks,
            !o.unroll,
            o.use_bias,
            query.reset_after,
            query.mask != MaskKind::general || query.allows_any_mask,
            query.runs_eagerly};
}

/// The same in words.
[[nodiscard]] inline std::array<BackendRule, 8> cudnn_rules(const BackendQuery& query) {
    const GruOptions& o = query.options;
    const std::array<bool, 8> held = held_rules(query);
    return {{
        {"activation", held[0], text("must be tanh, is ", o.activation.to_string())},
        {"recurrent_activation", held[1], text("must be sigmoid, is ", o.recurrent_activation.to_string())},
        {"dropout", held[2],
         text("dropout and recurrent_dropout must be 0, are ", o.dropout, " and ", o.recurrent_dropout,
              query.has_dropout_masks ? "; the call must bring no dropout masks, does" : "")},
        {"unroll", held[3], text("must be false, is ", o.unroll)},
        {"use_bias", held[4], text("must be true, is ", o.use_bias)},
        {"reset_after", held[5], text("must be true, is ", query.reset_after)},
        {"mask", held[6], mask_reason(query)},
        {"eager execution", held[7],
         query.runs_eagerly ? "the work runs at once" : "the work is being recorded into a graph"},
    }};
}

}  // namespace detail

/// Decides: cuDNN when all eight rules and the library's conditions hold and use_cudnn is not false. A pure function.
[[nodiscard]] inline BackendVerdict choose_backend(const BackendQuery& query) {
    BackendVerdict verdict{.rules = detail::cudnn_rules(query)};
    const CudnnMode mode = query.options.use_cudnn;
    verdict.conditions.push_back({"use_cudnn", !mode.is_never(),
                                  mode.is_never()    ? "is false"
                                  : mode.is_always() ? "is true"
                                                     : "is \"auto\""});
    verdict.conditions.push_back(
        {"build", detail::kHasCudnn, detail::kHasCudnn ? "has EIGENGRU_CUDNN" : "lacks the flag EIGENGRU_CUDNN"});
    verdict.conditions.insert(verdict.conditions.end(), query.conditions.begin(), query.conditions.end());
    const auto passed = [](const BackendRule& rule) { return rule.passed; };
    const bool all = std::all_of(verdict.rules.begin(), verdict.rules.end(), passed) &&
                     std::all_of(verdict.conditions.begin(), verdict.conditions.end(), passed);
    verdict.backend = all ? Backend::cudnn : Backend::eigen;
    verdict.is_refused = mode.is_always() && !all;
    return verdict;
}

}  // namespace eigengru::inline EIGENGRU_ABI
