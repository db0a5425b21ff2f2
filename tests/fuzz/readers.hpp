// SPDX-License-Identifier: MIT
// What the fuzzers call: each reader, with a file that holds the fuzzer's bytes. The readers are compiled once, in
// readers_*.cpp, and a fuzzer is a line or two. A FormatError is a good answer, so is a model; whatever else happens,
// another exception too, is a finding.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace eigengru_fuzz {

using Input = std::span<const unsigned char>;

/// A file with these bytes, in memory, for readers that want a path.
class MemoryFile {
public:
    explicit MemoryFile(Input bytes);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

/// io::load_model, and one call of the model.
void load_keras_model(const std::filesystem::path& path);

/// The same of a configuration alone, whose weights are those of a recorded model of all layers.
void load_keras_config(Input json);

/// io::load_weights into models of several kinds.
void load_keras_weights(const std::filesystem::path& path);

}  // namespace eigengru_fuzz

/// Defines the fuzzer: `read(input)` for each input.
#define EIGENGRU_FUZZER(read)                                                            \
    extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);  \
    extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) { \
        read(eigengru_fuzz::Input(data, size));                                          \
        return 0;                                                                        \
    }
