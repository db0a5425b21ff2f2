// SPDX-License-Identifier: MIT
// What the sanitizers are told about the HDF5 library, which the tests here feed with damaged files. They look these
// functions up by name; without a sanitizer nobody calls them.

extern "C" {

const char* __asan_default_options();
const char* __lsan_default_suppressions();

// From a damaged file HDF5 may ask malloc for an absurd size; it then gets null, as it does without the sanitizer.
const char* __asan_default_options() {
    return "allocator_may_return_null=1";
}

// When it refuses a damaged file, HDF5 loses some memory of its own.
const char* __lsan_default_suppressions() {
    return "leak:libhdf5";
}

}  // extern "C"
