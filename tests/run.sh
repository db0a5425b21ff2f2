#!/usr/bin/env bash
# Builds and runs the tests, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
#
#   tests/run.sh            g++ with everything; clang with the address and undefined sanitizers and Eigen alone
#   tests/run.sh --quick    g++ with everything, and no more
#   tests/run.sh --full     besides the first: clang with this machine's own instructions, the thread sanitizer, clang-tidy
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"

depth=normal
case "${1:-}" in
    '') ;;
    --quick) depth=quick ;;
    --full) depth=full ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac

out=$root/build/tests
groups=(build keras test benchmark plot)
case $depth in
    quick) begin_steps "$out" 5 ;;
    normal) begin_steps "$out" 16; groups+=(clang) ;;
    full) begin_steps "$out" 24; groups+=(clang tidy) ;;
esac

# Runs ctest and shows its closing lines.
run_tests() {
    local text=$1 build=$2
    shift 2
    step "$text" ctest --test-dir "$build" --parallel "$jobs" --output-on-failure --no-tests=error "$@"
    grep -E 'tests passed,|^Total Test time' "$log"
}

step "installing the packages that are missing" install_packages "${groups[@]}"

# g++ may fill 1 GB before it looks for memory to use again, which takes it up to a quarter of its time.
gcc_flags='--param ggc-min-heapsize=1000000'

# The benchmarks are built with Eigen alone below (not in a quick run), and at full optimisation by benchmarks/run.sh.
gcc=$out/gcc-release
step "g++, release, every part: configuring" configure "$gcc" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' \
    -D EIGENGRU_KERAS=ON -D EIGENGRU_BUILD_BENCHMARKS=OFF -D CMAKE_CXX_FLAGS="$gcc_flags"
step "g++, release, every part: building, warnings are errors" build "$gcc"
step "g++, release, every part: each header compiles alone" build "$gcc" --target all_verify_interface_header_sets
run_tests "g++, release, every part: testing" "$gcc"

if [ $depth = quick ]; then
    echo "All passed (quick: without the other compilers and sanitizers). The logs: $log_dir"
    exit 0
fi

# As if only Eigen and GoogleTest were there: the other libraries are hidden from CMake.
eigen_alone=(-D CMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON -D CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON)
# Nothing is optimised: code full of sanitizers' checks takes three times as long to optimise as to build. Assertions
# are on, Eigen's too.
sanitizers=(
    -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug -D EIGENGRU_BUILD_BENCHMARKS=OFF
    -D CMAKE_CXX_FLAGS_DEBUG='-O0 -gline-tables-only'
    -D CMAKE_CXX_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
)
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

# Consumers and README programs are built with their own flags: once with g++ is enough here. The character model trains
# for minutes where nothing is optimised; the release above has run it.
long=char_lm
sanitized=$out/clang-sanitized
step "clang++, sanitizers, Eigen alone: configuring" configure "$sanitized" "${sanitizers[@]}" "${eigen_alone[@]}"
grep -F 'leaves out' "$log" || step_failed "the parts that are left out must be named"
grep -qF 'leaves out eigengru::keras' "$log" || step_failed "eigengru::keras must be named as left out"
step "clang++, sanitizers, Eigen alone: building" build "$sanitized"
run_tests "clang++, sanitizers, Eigen alone: testing" "$sanitized" --label-exclude consumer --exclude-regex "$long"

# The rest of it, which reads files that others made; in the same folder, where all that it shares is built already.
step "clang++, sanitizers, files of Keras: configuring" configure "$sanitized" "${sanitizers[@]}" -D EIGENGRU_KERAS=ON
step "clang++, sanitizers, files of Keras: building" build "$sanitized" --target test_io
run_tests "clang++, sanitizers, files of Keras: testing" "$sanitized" --label-regex '^io$'

# Not optimised either: that would take longer than it saves in 20 seconds.
fuzzers=$out/clang-fuzzers
step "clang++, fuzzers: configuring" configure "$fuzzers" -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Release \
    -D CMAKE_CXX_FLAGS_RELEASE='-O0 -gline-tables-only -fno-omit-frame-pointer' -D EIGENGRU_KERAS=ON \
    -D EIGENGRU_BUILD_FUZZERS=ON -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF \
    -D EIGENGRU_BUILD_BENCHMARKS=OFF
step "clang++, fuzzers: building" build "$fuzzers"
step "clang++, fuzzers: 20 seconds for each reader" "$root/tests/fuzz/run.sh" "$fuzzers" 20

# Benchmarks are no tests: they need no sanitizers, which take most of the time here.
bare=$out/clang-benchmarks
step "clang++, benchmarks, Eigen alone: configuring" configure "$bare" "${eigen_alone[@]}" \
    -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0 \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF
step "clang++, benchmarks, Eigen alone: building" build "$bare"

if [ $depth = full ]; then
    clang=$out/clang-native
    step "clang++, release, this machine's instructions: configuring" configure "$clang" \
        -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Release -D EIGENGRU_KERAS=ON -D CMAKE_CXX_FLAGS=-march=native
    step "clang++, release, this machine's instructions: building" build "$clang"
    step "clang++, each header compiles alone" build "$clang" --target all_verify_interface_header_sets
    run_tests "clang++, release, this machine's instructions: testing" "$clang"

    threads=$out/clang-threads
    step "clang++, thread sanitizer: configuring" configure "$threads" \
        -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug -D EIGENGRU_KERAS=ON \
        -D CMAKE_CXX_FLAGS_DEBUG='-O1 -gline-tables-only' -D CMAKE_CXX_FLAGS=-fsanitize=thread
    step "clang++, thread sanitizer: building" build "$threads"
    run_tests "clang++, thread sanitizer: testing" "$threads" --label-exclude consumer

    step "clang-tidy over the public headers" clang-tidy --quiet --warnings-as-errors='*' \
        "$root/tests/build/two_units_b.cpp" -- -std=c++20 -I"$root/include" -isystem /usr/include/eigen3
fi

echo "All passed. To look further: the logs in $log_dir, the Keras numbers in $root/tests/golden"
