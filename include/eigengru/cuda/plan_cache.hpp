// SPDX-License-Identifier: MIT
// PlanCache: the plans that were made so far, what cuDNN refused, and the algorithms that were chosen by their time.
#pragma once

#include "eigengru/cuda/trial.hpp"

#include <algorithm>
#include <bit>

namespace eigengru::inline EIGENGRU_ABI::detail {

/// Plans of one handle. Remembers those that were used last: batches of many lengths must not fill the memory with plans.
class PlanCache {
public:
    static constexpr std::size_t kMostPlans = 1024;

    /// The plan for a key, whose algorithm may be automatic; or in words why there is none. Every plan has had a trial.
    /// Throws: BackendError for any failure but those of is_not_supported; nothing is remembered then.
    [[nodiscard]] RnnPlan::Result of(const RnnPlan::Place& place, cudaStream_t stream, const PlanKey& key) {
        if (const auto known = std::ranges::find(entries_, key, &Entry::key); known != entries_.end()) {
            std::rotate(entries_.begin(), known, known + 1);
            return entries_.front().result;
        }
        Trial trial(place, stream);
        RnnPlan::Result result;
        if (key.algorithm != CudnnAlgorithm::automatic)
            result = tried(place, trial, key);
        else if (const CudnnAlgorithm* choice = choice_of(key))
            result = tried(place, trial, with(key, *choice));
        if (result.plan == nullptr && key.algorithm == CudnnAlgorithm::automatic) result = fastest(place, trial, key);
        if (entries_.size() >= kMostPlans) entries_.pop_back();
        entries_.insert(entries_.begin(), {key, result});
        return result;
    }

    /// What is known of a key, or null. Asks nobody.
    [[nodiscard]] const RnnPlan::Result* find(const PlanKey& key) const {
        const auto entry = std::ranges::find(entries_, key, &Entry::key);
        return entry == entries_.end() ? nullptr : &entry->result;
    }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    struct Entry {
        PlanKey key;
        RnnPlan::Result result;
    };
    struct Choice {
        PlanKey key;
        CudnnAlgorithm algorithm;
    };

    static PlanKey with(PlanKey key, CudnnAlgorithm algorithm) {
        key.algorithm = algorithm;
        return key;
    }

    static RnnPlan::Result tried(const RnnPlan::Place& place, Trial& trial, const PlanKey& key) {
        RnnPlan::Result result = RnnPlan::make(place, key);
        if (result.plan == nullptr) return result;
        result.refusal = trial.run(*result.plan);
        if (!result.refusal.empty()) result.plan = nullptr;
        return result;
    }

    /// The fastest algorithm of those that are supported. The standard one decides whether there is any.
    RnnPlan::Result fastest(const RnnPlan::Place& place, Trial& trial, const PlanKey& key) {
        RnnPlan::Result best = tried(place, trial, with(key, CudnnAlgorithm::standard));
        if (best.plan == nullptr) return best;
        float best_time = trial.time(*best.plan);
        for (const CudnnAlgorithm algorithm : {CudnnAlgorithm::persist_static, CudnnAlgorithm::persist_dynamic,
                                               CudnnAlgorithm::persist_static_small_h}) {
            RnnPlan::Result other = tried(place, trial, with(key, algorithm));
            if (other.plan == nullptr) continue;
            const float time = trial.time(*other.plan);
            if (!(time < best_time)) continue;
            best_time = time;
            best = std::move(other);
        }
        remember({of_its_length(key), best.plan->key().algorithm});
        return best;
    }

    void remember(const Choice& choice) {
        std::erase_if(choices_, [&](const Choice& known) { return known.key == choice.key; });
        if (choices_.size() >= kMostPlans) choices_.erase(choices_.begin());
        choices_.push_back(choice);
    }

    /// Sequences of about the same length share a choice, since batches differ in length from call to call.
    static PlanKey of_its_length(PlanKey key) {
        key.time = static_cast<Index>(std::bit_ceil(static_cast<std::size_t>(key.time)));
        return key;
    }

    [[nodiscard]] const CudnnAlgorithm* choice_of(const PlanKey& key) const {
        const auto choice = std::ranges::find(choices_, of_its_length(key), &Choice::key);
        return choice == choices_.end() ? nullptr : &choice->algorithm;
    }

    std::vector<Entry> entries_;  // the one used last comes first
    std::vector<Choice> choices_;  // the one made last comes last
};

}  // namespace eigengru::inline EIGENGRU_ABI::detail
