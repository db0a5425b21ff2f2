// SPDX-License-Identifier: MIT
#include "eigengru/core/huge_pages.hpp"
#include "eigengru/core/aligned.hpp"
#include "eigengru/core/sequence.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::advise_huge_pages;
using eigengru::detail::AlignedVector;
using eigengru::detail::kHugePageBytes;

#if defined(__linux__)

/// The flags of the mapping that holds an address, as the kernel names them: "hg" is the advice. Empty where it does
/// not tell.
std::string flags_at(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    bool is_inside = false;
    for (std::string line; std::getline(maps, line);) {
        std::istringstream words(line);
        std::uintptr_t first = 0, end = 0;
        char dash = 0;
        const auto at = reinterpret_cast<std::uintptr_t>(address);
        if (words >> std::hex >> first >> dash >> end && dash == '-') is_inside = first <= at && at < end;
        if (is_inside && line.starts_with("VmFlags:")) return line + " ";
    }
    return {};
}

class HugePages : public testing::Test {
protected:
    void SetUp() override {
        if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) GTEST_SKIP() << "no huge pages here";
        if (flags_at(this).empty()) GTEST_SKIP() << "the kernel does not show what it was told";
    }

    static bool are_asked_for(const void* address) { return flags_at(address).find(" hg ") != std::string::npos; }
};

TEST_F(HugePages, BackLargeVectorsFromTheFirstElementOn) {
    const AlignedVector<float> large(3 * kHugePageBytes / sizeof(float));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % kHugePageBytes, 0U);
    EXPECT_TRUE(are_asked_for(large.data()));
    EXPECT_TRUE(are_asked_for(&large.back()));
}

TEST_F(HugePages, AreNotAskedForLittle) {
    const AlignedVector<float> small(100);
    EXPECT_FALSE(are_asked_for(small.data()));
}

TEST_F(HugePages, BackTheMiddleOfLargeSequences) {
    Sequence<double> made({4, 1024, 512});
    EXPECT_TRUE(are_asked_for(made.data() + made.size() / 2));
    EXPECT_EQ(made(3, 1023, 511), 0.0);
    Sequence<double> resized;
    resized.resize({4, 1024, 512});
    EXPECT_TRUE(are_asked_for(resized.data() + resized.size() / 2));
}

#endif

TEST(AdviseHugePages, LeavesWhatIsWrittenAsItIs) {
    std::vector<char> memory(5 * kHugePageBytes, 'x');
    advise_huge_pages(memory.data() + 1, memory.size() - 1);
    EXPECT_EQ(memory, std::vector<char>(5 * kHugePageBytes, 'x'));
}

TEST(AdviseHugePages, TakesWhatHasNoWholePage) {
    std::vector<char> memory(kHugePageBytes);
    advise_huge_pages(memory.data() + 1, memory.size() - 1);
    advise_huge_pages(memory.data(), 0);
    advise_huge_pages(nullptr, 0);
    SUCCEED();
}

TEST(AlignedVector, GrowsFromLittleToMuch) {
    AlignedVector<int> values;
    const auto count = static_cast<int>(kHugePageBytes / sizeof(int));
    for (int i = 0; i <= count; ++i) values.push_back(i);
    EXPECT_EQ(values.front(), 0);
    EXPECT_EQ(values.back(), count);
    values.resize(7);
    values.shrink_to_fit();
    EXPECT_EQ(values.back(), 6);
}

}  // namespace
}  // namespace eigengru_test
