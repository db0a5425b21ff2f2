// SPDX-License-Identifier: MIT
#include "eigengru/core/huge_pages.hpp"
#include "eigengru/cell/tape.hpp"
#include "eigengru/core/aligned.hpp"
#include "eigengru/core/sequence.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace eigengru_test {
namespace {

using namespace eigengru;
using eigengru::detail::advise_huge_pages;
using eigengru::detail::AlignedVector;
using eigengru::detail::kHugePageBytes;
using eigengru::detail::large_alignment;
using eigengru::detail::resize_large;

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

TEST_F(HugePages, AreAskedForWhereWholeOnesFit) {
    // Memory of its own: that of a heap may have been asked for before.
    const std::size_t size = 4 * kHugePageBytes;
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    auto* const memory = static_cast<char*>(mapped);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(memory) % kHugePageBytes;
    char* const page = memory + (past == 0 ? 0 : kHugePageBytes - past);
    advise_huge_pages(page + 1, 2 * kHugePageBytes - 2);
    EXPECT_FALSE(are_asked_for(page));
    EXPECT_FALSE(are_asked_for(page + kHugePageBytes));
    advise_huge_pages(page + 1, 2 * kHugePageBytes - 1);
    EXPECT_FALSE(are_asked_for(page));
    EXPECT_TRUE(are_asked_for(page + kHugePageBytes));
    EXPECT_FALSE(are_asked_for(page + 2 * kHugePageBytes));
    ::munmap(mapped, size);
}

TEST_F(HugePages, BackTheMiddleOfLargeSequences) {
    Sequence<double> made({4, 1024, 512});
    EXPECT_TRUE(are_asked_for(made.data() + made.size() / 2));
    EXPECT_EQ(made(3, 1023, 511), 0.0);
    Sequence<double> resized;
    resized.resize({4, 1024, 512});
    EXPECT_TRUE(are_asked_for(resized.data() + resized.size() / 2));
}

TEST_F(HugePages, BackTheMiddleOfLargeRecords) {
    Tape<float> tape;
    tape.start({.features = 256, .units = 256}, {8, 512, 256}, 16, false);
    EXPECT_TRUE(are_asked_for(tape.gates() + 8 * 512 * 256));
}

#endif

TEST(AdviseHugePages, LeavesWhatIsWrittenAsItIs) {
    std::vector<char> memory(5 * kHugePageBytes, 'x');
    advise_huge_pages(memory.data() + 1, memory.size() - 1);
    EXPECT_EQ(memory, std::vector<char>(5 * kHugePageBytes, 'x'));
}

TEST(LargeAlignment, IsThatOfAHugePageFromOnePageOn) {
    EXPECT_EQ(large_alignment(kHugePageBytes - 1, 64), 64U);
#if defined(__linux__)
    EXPECT_EQ(large_alignment(kHugePageBytes, 64), kHugePageBytes);
#else
    EXPECT_EQ(large_alignment(kHugePageBytes, 64), 64U);
#endif
}

TEST(ResizeLarge, GivesAnotherSize) {
    Eigen::Matrix<float, Eigen::Dynamic, 1> values;
    for (const Index size : {Index(5), Index(3 * kHugePageBytes), Index(7), Index(0)}) {
        resize_large(values, size);
        values.setConstant(1.0F);
        EXPECT_EQ(values.size(), size);
    }
}

TEST(AdviseHugePages, TakesWhatHasNoWholePage) {
    std::vector<char> memory(kHugePageBytes);
    advise_huge_pages(memory.data() + 1, memory.size() - 1);
    advise_huge_pages(memory.data(), 0);
    advise_huge_pages(nullptr, 0);
    SUCCEED();
}

}  // namespace
}  // namespace eigengru_test
