// SPDX-License-Identifier: MIT
#include "fuzz/readers.hpp"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace eigengru_fuzz {

MemoryFile::MemoryFile(Input bytes) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t count = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
        if (count <= 0) std::abort();
        at += static_cast<std::size_t>(count);
    }
}

MemoryFile::~MemoryFile() {
    ::close(descriptor_);
}

}  // namespace eigengru_fuzz
