// SPDX-License-Identifier: MIT
#include "eigengru/core/config.hpp"

#include <gtest/gtest.h>

#include <string>
#include <typeinfo>

namespace eigengru::inline EIGENGRU_ABI {
struct MarkedByTheAbiNamespace {};
}  // namespace eigengru::inline EIGENGRU_ABI

namespace {

#define EIGENGRU_TEST_STRING_OF(x) #x
#define EIGENGRU_TEST_EXPANDED_STRING_OF(x) EIGENGRU_TEST_STRING_OF(x)

const std::string kAbi = EIGENGRU_TEST_EXPANDED_STRING_OF(EIGENGRU_ABI);

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(Config, VersionMacrosAreIntegers) {
    static_assert(EIGENGRU_VERSION_MAJOR >= 0 && EIGENGRU_VERSION_MINOR >= 0 && EIGENGRU_VERSION_PATCH >= 0);
    SUCCEED();
}

TEST(Config, AbiNameStartsWithTheVersion) {
    const std::string version = "v" EIGENGRU_TEST_EXPANDED_STRING_OF(
        EIGENGRU_VERSION_MAJOR) "_" EIGENGRU_TEST_EXPANDED_STRING_OF(EIGENGRU_VERSION_MINOR) "_";
    EXPECT_EQ(kAbi.rfind(version, 0), 0u) << kAbi;
}

TEST(Config, AbiNameHasNoMacroLeftUnexpanded) {
    EXPECT_FALSE(contains(kAbi, "EIGENGRU")) << kAbi;
}

TEST(Config, AbiNameTellsSimd) {
#if defined(__AVX512F__)
    EXPECT_TRUE(contains(kAbi, "_avx512_")) << kAbi;
#elif defined(__AVX2__) && defined(__FMA__)
    EXPECT_TRUE(contains(kAbi, "_avx2_fma_")) << kAbi;
#elif defined(__x86_64__) && !defined(__SSE3__)
    EXPECT_TRUE(contains(kAbi, "_base_")) << kAbi;
#else
    GTEST_SKIP() << kAbi;
#endif
}

TEST(Config, AbiNameTellsVectorisation) {
#if defined(EIGEN_DONT_VECTORIZE)
    EXPECT_TRUE(contains(kAbi, "_scalar_")) << kAbi;
#else
    EXPECT_TRUE(contains(kAbi, "_simd_")) << kAbi;
#endif
}

TEST(Config, AbiNameTellsExceptionsAndBackend) {
#if defined(EIGENGRU_CUDNN)
    EXPECT_TRUE(contains(kAbi, "_throws_cudnn")) << kAbi;
#else
    EXPECT_TRUE(contains(kAbi, "_throws_cpu")) << kAbi;
#endif
}

TEST(Config, NamesAreFoundWithoutTheAbiNamespace) {
    [[maybe_unused]] const eigengru::MarkedByTheAbiNamespace found;
    SUCCEED();
}

TEST(Config, AbiNameIsPartOfTheTypeName) {
    EXPECT_TRUE(contains(typeid(eigengru::MarkedByTheAbiNamespace).name(), kAbi));
}

}  // namespace
