// SPDX-License-Identifier: MIT
// Which path does a call take, and why? A dozen layers and calls, with the rule that decides. For people who wonder why
// their GPU is idle. Runs with and without a GPU, and in a build with and without EIGENGRU_CUDNN.

#include <eigengru/eigengru.hpp>

#include <cstdio>
#include <string>
#include <vector>

using namespace eigengru;

namespace {

constexpr Index kBatch = 64, kTime = 10, kFeatures = 32, kUnits = 64;

/// What every call depends on, which is said once.
bool is_of_the_machine(const BackendRule& rule) {
    return rule.name == "build" || rule.name == "device" || rule.name == "cuDNN";
}

/// The rules and conditions that fail, with their reasons; or that none does.
std::string reasons(const BackendVerdict& verdict) {
    std::string text;
    const auto add = [&](const BackendRule& rule) {
        if (rule.passed) return;
        text += (text.empty() ? "" : "; ") + std::string(rule.name);
        text += is_of_the_machine(rule) ? " (see above)" : ": " + rule.reason;
    };
    for (const BackendRule& rule : verdict.rules) add(rule);
    for (const BackendRule& condition : verdict.conditions) add(condition);
    return text.empty() ? "all rules and conditions hold" : text;
}

/// Explains a call, makes it, and says where it ran. Returns whether it did as explained.
bool show(const char* what, GruOptions options, const CallOptions<float>& call = {}) {
    options.units = kUnits;
    Gru<float> layer(kFeatures, options);
    const Sequence<float> inputs({kBatch, kTime, kFeatures});
    const BackendVerdict verdict = layer.explain_backend(inputs, call);
    std::string ran = "refused";
    try {
        layer(inputs, call);
        ran = layer.last_backend() == Backend::cudnn ? "cuDNN" : "Eigen";
    } catch (const BackendError&) {
    }
    std::printf("%-34s %-8s %s\n", what, ran.c_str(), reasons(verdict).c_str());
    const std::string explained = verdict.is_refused                  ? "refused"
                                  : verdict.backend == Backend::cudnn ? "cuDNN"
                                                                      : "Eigen";
    // cuDNN may turn out not to support a size only when it is asked for it.
    return ran == explained || (verdict.backend == Backend::cudnn && ran == "Eigen");
}

}  // namespace

int main() {
    const CallOptions<float> any_work{.cudnn = {.least_work = 0}};
    std::vector<Index> padded(kBatch, kTime), with_empty_row = padded;
    padded[1] = 3;
    with_empty_row[1] = 0;
    const CallOptions<float> padding{.lengths = padded, .cudnn = {.least_work = 0}};
    const CallOptions<float> empty_row{.lengths = with_empty_row, .cudnn = {.least_work = 0}};
    const CallOptions<float> allowed{.lengths = with_empty_row, .cudnn = {.least_work = 0, .any_mask = true}};

    const Gru<float> layer(kFeatures, {.units = kUnits});
    for (const BackendRule& rule : layer.explain_backend(Sequence<float>({kBatch, kTime, kFeatures})).conditions)
        if (is_of_the_machine(rule))
            std::printf("%.*s: %s\n", int(rule.name.size()), rule.name.data(), rule.reason.c_str());

    std::printf("\n%-34s %-8s %s\n", "layer or call", "ran on", "because");
    bool is_right = show("Keras's defaults", {}, any_work);
    is_right &= show("Keras's defaults, little work", {}, {.cudnn = {.least_work = 1e12}});
    is_right &= show("use_cudnn = true", {.use_cudnn = true});
    is_right &= show("use_cudnn = false", {.use_cudnn = false}, any_work);
    is_right &= show("activation = relu", {.activation = "relu"}, any_work);
    is_right &= show("relu, use_cudnn = true", {.activation = "relu", .use_cudnn = true});
    is_right &= show("recurrent_dropout = 0.1", {.recurrent_dropout = 0.1}, any_work);
    is_right &= show("unroll, no bias", {.use_bias = false, .unroll = true}, any_work);
    is_right &= show("go_backwards, return_sequences", {.return_sequences = true, .go_backwards = true}, any_work);
    is_right &= show("right-padded", {}, padding);
    is_right &= show("a row without any used step", {}, empty_row);
    is_right &= show("the same, any_mask", {}, allowed);
    {
        const ScopedGraphTracing tracing;
        is_right &= show("recorded into a graph", {}, any_work);
    }
    std::puts(is_right ? "Every call ran where it was said to." : "A call ran elsewhere than it was said to.");
    return is_right ? 0 : 1;
}
