// SPDX-License-Identifier: MIT
// Whether a sanitizer that has its own malloc is in this build: everything is many times slower then, and what is looked
// for is another sort of error.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EIGENGRU_TEST_HAS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EIGENGRU_TEST_HAS_SANITIZER
#endif

namespace eigengru_test {

#if defined(EIGENGRU_TEST_HAS_SANITIZER)
inline constexpr bool kHasSanitizer = true;
#else
inline constexpr bool kHasSanitizer = false;
#endif

}  // namespace eigengru_test
