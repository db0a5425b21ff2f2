# For this repository's own tests, benchmarks and examples only; a consumer never sees it.

# Every warning we know of, as an error; `cmake --compile-no-warning-as-error` relents for a newer compiler.
if(MSVC)
  set(eigengru_warnings /W4)
else()
  set(eigengru_warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Two false alarms of g++ 12 about code that it has inlined: Eigen's loops over packets where a vector is shorter than
  # a packet, and "text" + std::string (GCC bug 105651).
  list(APPEND eigengru_warnings -Wno-array-bounds -Wno-restrict)
endif()

function(eigengru_strict_warnings target)
  target_compile_options(${target} PRIVATE ${eigengru_warnings})
  set_target_properties(${target} PROPERTIES COMPILE_WARNING_AS_ERROR ON CXX_EXTENSIONS OFF)
endfunction()
