// SPDX-License-Identifier: MIT
#include "eigengru/core/kernels.hpp"

#include "support/message_of.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::automatic_kernels;
using eigengru::detail::automatic_kernels_once;
using eigengru::detail::resolved;
using enum eigengru::Kernels;

/// EIGENGRU_KERNELS as wanted while it lives, then what it was.
class KernelsVariable {
public:
    explicit KernelsVariable(const char* wanted) {
        if (const char* before = std::getenv(kName); before != nullptr) before_ = before;
        set(wanted);
    }
    KernelsVariable(const KernelsVariable&) = delete;
    KernelsVariable& operator=(const KernelsVariable&) = delete;
    ~KernelsVariable() { set(before_ ? before_->c_str() : nullptr); }

private:
    static constexpr const char* kName = "EIGENGRU_KERNELS";

    static void set(const char* value) {
        if (value != nullptr)
            setenv(kName, value, 1);
        else
            unsetenv(kName);
    }

    std::optional<std::string> before_;
};

TEST(Kernels, HaveTheNamesOfTheEnvironmentVariable) {
    EXPECT_EQ(name_of(automatic), "automatic");
    EXPECT_EQ(name_of(eigen), "eigen");
    EXPECT_EQ(name_of(portable), "portable");
    EXPECT_EQ(name_of(avx2), "avx2");
    EXPECT_EQ(name_of(avx512), "avx512");
}

TEST(Kernels, ThoseWithoutOwnInstructionsRunEverywhere) {
    for (const Kernels kernels : {automatic, eigen, portable}) EXPECT_TRUE(is_supported(kernels)) << name_of(kernels);
}

TEST(Kernels, Avx512ImpliesAvx2) {
    EXPECT_TRUE(!is_supported(avx512) || is_supported(avx2));
}

#if EIGENGRU_HAS_X86_TARGETS

TEST(Kernels, AreSupportedWhereTheProcessorHasEveryFeatureTheyAreCompiledFor) {
    __builtin_cpu_init();
    EXPECT_EQ(is_supported(avx2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    for (const bool has : {bool(__builtin_cpu_supports("avx512f")), bool(__builtin_cpu_supports("avx512dq")),
                           bool(__builtin_cpu_supports("avx512vl")), bool(__builtin_cpu_supports("avx512bw"))})
        EXPECT_TRUE(has || !is_supported(avx512));
}

#else

TEST(Kernels, AreThePortableOnesElsewhere) {
    EXPECT_FALSE(is_supported(avx2));
    EXPECT_FALSE(is_supported(avx512));
}

#endif

TEST(AutomaticKernels, AreTheBestOfTheProcessorWithoutTheVariable) {
    const Kernels best = is_supported(avx512) ? avx512 : is_supported(avx2) ? avx2 : portable;
    for (const char* value : {static_cast<const char*>(nullptr), "automatic"}) {
        const KernelsVariable variable(value);
        EXPECT_EQ(automatic_kernels().best, best);
        EXPECT_EQ(automatic_kernels().of_one_vector, best == avx512 ? avx2 : best);
    }
}

TEST(AutomaticKernels, AreThoseThatTheVariableNames) {
    for (const Kernels wanted : {eigen, portable, avx2, avx512}) {
        if (!is_supported(wanted)) continue;
        const KernelsVariable variable(name_of(wanted).data());
        EXPECT_EQ(automatic_kernels().best, wanted);
        EXPECT_EQ(automatic_kernels().of_one_vector, wanted);
    }
}

TEST(AutomaticKernels, RefuseANameNobodyKnows) {
    for (const std::string value : {"", "avx", "AVX2", "avx2 ", "sse"}) {
        const KernelsVariable variable(value.c_str());
        EXPECT_EQ(message_of<OptionError>([] { static_cast<void>(automatic_kernels()); }),
                  "EIGENGRU_KERNELS: expected automatic, eigen, portable, avx2 or avx512, received " + value);
    }
}

TEST(AutomaticKernels, RefuseWhatTheProcessorDoesNotRun) {
    for (const Kernels wanted : {avx2, avx512}) {
        if (is_supported(wanted)) continue;
        const KernelsVariable variable(name_of(wanted).data());
        EXPECT_EQ(
            message_of<OptionError>([] { static_cast<void>(automatic_kernels()); }),
            "EIGENGRU_KERNELS: expected kernels that this processor runs, received " + std::string(name_of(wanted)));
    }
}

TEST(ResolvedKernels, AreTheWantedOnesWhateverTheVariable) {
    static_cast<void>(resolved("here", automatic));
    const KernelsVariable variable("no name at all");
    for (const Kernels wanted : {eigen, portable, avx2, avx512}) {
        if (is_supported(wanted)) {
            EXPECT_EQ(resolved("here", wanted), wanted);
        }
    }
}

TEST(ResolvedKernels, AreNeverAutomatic) {
    EXPECT_NE(resolved("here", automatic), automatic);
}

TEST(ResolvedKernels, OfAStateThatFitsOneVectorAreNoWider) {
    const eigengru::detail::AutomaticKernels& known = automatic_kernels_once();
    EXPECT_EQ(resolved<float>("here", automatic, 8, false), known.of_one_vector);
    EXPECT_EQ(resolved<float>("here", automatic, 9, false), known.best);
    EXPECT_EQ(resolved<double>("here", automatic, 4, false), known.of_one_vector);
    EXPECT_EQ(resolved<double>("here", automatic, 5, false), known.best);
    EXPECT_EQ(resolved<float>("here", portable, 1, false), portable);
    EXPECT_EQ(resolved<float>("here", automatic, 8, true), known.best);
}

TEST(ResolvedKernels, ReadTheVariableOnce) {
    const Kernels first = resolved("here", automatic);
    for (const char* value : {"eigen", "portable", "no name at all"}) {
        const KernelsVariable variable(value);
        EXPECT_EQ(resolved("here", automatic), first) << value;
    }
}

TEST(ResolvedKernels, NameTheCallThatWantedWhatTheProcessorDoesNotRun) {
    for (const Kernels wanted : {avx2, avx512}) {
        if (is_supported(wanted)) continue;
        EXPECT_EQ(message_of<OptionError>([&] { static_cast<void>(resolved("Gru::call", wanted)); }),
                  "Gru::call: expected kernels that this processor runs, received " + std::string(name_of(wanted)));
    }
}

}  // namespace
}  // namespace eigengru_test
