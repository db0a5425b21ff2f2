#!/usr/bin/env bash
# Builds and runs the tests, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
#
#   tests/run.sh            g++ with every part; clang with the address and undefined sanitizers, first with Eigen alone
#   tests/run.sh --quick    g++ with everything, and no more
#   tests/run.sh --full     besides the first: clang with this machine's own instructions, the thread sanitizer, clang-tidy
#   ... --cudnn             with cuDNN from Python packages (1 GB, into build/) where no CUDA toolkit is installed
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"
source "$root/cmake/cudnn-packages.sh"

depth=normal
cudnn=AUTO
for argument in "$@"; do
    case $argument in
        --quick) depth=quick ;;
        --full) depth=full ;;
        --cudnn) cudnn=ON ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    esac
done

out=$root/build/tests
groups=(build keras onnx tools test benchmark plot)
case $depth in
    quick) count=4 ;;
    normal) count=15; groups+=(clang) ;;
    full) count=22; groups+=(clang tidy) ;;
esac
if [ $cudnn = ON ]; then count=$((count + 1)); fi
begin_steps "$out" $count

# Runs ctest and shows its closing lines.
run_tests() {
    local text=$1 build=$2
    shift 2
    step "$text" ctest --test-dir "$build" --parallel "$jobs" --output-on-failure --no-tests=error "$@"
    grep -E 'tests passed,|^Total Test time' "$log"
    awk '/^\[  PASSED  \]/ { tests += $4 } END { if (tests > 0) print "(in these " tests " of GoogleTest)" }' \
        "$build/Testing/Temporary/LastTest.log"
}

step "installing the packages that are missing" install_packages "${groups[@]}"
if [ $cudnn = ON ]; then
    step "bringing cuDNN from Python packages" install_cudnn_packages "$root/build/cudnn"
    export CUDNN_ROOT=$root/build/cudnn/packages
fi

# g++ may fill 1 GB before it looks for memory to use again, which takes it up to a quarter of its time.
gcc_flags='--param ggc-min-heapsize=1000000'

# The tests of a folder in one translation unit, which compiles once what they share, and in a few processes.
bulk=(-D EIGENGRU_TESTS_IN_BULK=ON -D CMAKE_UNITY_BUILD=ON -D CMAKE_UNITY_BUILD_BATCH_SIZE=0)

# The benchmarks are built with Eigen alone below (not in a quick run), and at full optimisation by benchmarks/run.sh.
gcc=$out/gcc-release
step "g++, release, every part: configuring" configure "$gcc" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' \
    -D EIGENGRU_KERAS=ON -D EIGENGRU_ONNX=ON -D EIGENGRU_CUDNN=$cudnn -D EIGENGRU_BUILD_BENCHMARKS=OFF \
    -D CMAKE_CXX_FLAGS="$gcc_flags" "${bulk[@]}"
grep -F 'leaves out eigengru::cudnn' "$log" || true # in words, where it is not tested
step "g++, release, every part: building, warnings are errors" build "$gcc"
# (Most consumers are built by clang below, which takes half the time for them: what they test is how the library is
# found.)
without=()
if [ $depth = normal ]; then
    without=(--exclude-regex '^consumer\.(add_subdirectory|fetch_content|keras|formats|cudnn)$')
fi
run_tests "g++, release, every part: testing" "$gcc" "${without[@]}"

if [ $depth = quick ]; then
    echo "All passed (quick: without the other compilers and sanitizers). The logs: $log_dir"
    exit 0
fi

# As if only Eigen and GoogleTest were there: the other libraries are hidden from CMake.
eigen_alone=()
for package in PkgConfig nlohmann_json Protobuf ONNX CLI11 CUDNN; do
    eigen_alone+=(-D "CMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done
# Nothing is optimised but the kernels, which run most of the time: code full of sanitizers' checks takes three times as
# long to optimise as to build. Nor are there line numbers in its stacks, which take a fifth of the time to build.
# Assertions are on, Eigen's too. Four checks of pointers, a quarter of all time here, are left to --full and the readers
# of the fuzzers: where a null or wild pointer is used, the address sanitizer says so too (of a misaligned scalar it
# does not).
unchecked=
if [ $depth != full ]; then unchecked=-fno-sanitize=null,alignment,pointer-overflow,object-size; fi
sanitizers=(
    -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug "${bulk[@]}"
    -D EIGENGRU_BUILD_BENCHMARKS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF
    -D CMAKE_CXX_FLAGS_DEBUG=-O0
    -D CMAKE_CXX_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer '$unchecked
)
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1

# The programs of README.md are built with their own flags, and the examples train for minutes where nothing is
# optimised: once with g++ is enough for these. Consumers come with the second part. (What clang leaves out of line of
# the kernels is looked at in a full run.)
sanitized=$out/clang-sanitized
step "clang++, sanitizers, Eigen alone: configuring" configure "$sanitized" "${sanitizers[@]}" "${eigen_alone[@]}"
grep -F 'leaves out' "$log" || step_failed "the parts that are left out must be named"
grep -qF 'leaves out eigengru::keras' "$log" || step_failed "eigengru::keras must be named as left out"
step "clang++, sanitizers, Eigen alone: building" build "$sanitized"
run_tests "clang++, sanitizers, Eigen alone: testing" "$sanitized" --label-exclude '^(consumer|readme)$' \
    --exclude-regex '^build.kernel_symbols$'

# The rest of it, which reads files that others made, the path to the GPU, where the libraries for it are installed, and
# the consumers of all parts; in the same folder, where all that it shares is built already.
step "clang++, sanitizers, files of models and cuDNN: configuring" configure "$sanitized" "${sanitizers[@]}" \
    -D EIGENGRU_KERAS=ON -D EIGENGRU_ONNX=ON -D EIGENGRU_CUDNN=$cudnn -D EIGENGRU_BUILD_FUZZERS=ON
rest=(test_io)
labels='^(io|consumer)$'
if ! grep -F 'leaves out eigengru::cudnn' "$log"; then
    rest+=(test_cuda)
    labels='^(io|consumer|cuda|gpu)$'
fi
step "clang++, sanitizers, files of models and cuDNN: building" build "$sanitized" --target "${rest[@]}"
run_tests "clang++, sanitizers, files of models and cuDNN: testing" "$sanitized" --label-regex "$labels"

step "clang++, each header compiles alone" build "$sanitized" --target headers_alone
step "clang++, fuzzers: building" build "$sanitized" --target fuzzers
step "clang++, fuzzers: 20 seconds for each reader" "$root/tests/fuzz/run.sh" "$sanitized" 20

# Benchmarks are no tests: they need no sanitizers, which take most of the time here.
bare=$out/clang-benchmarks
step "clang++, benchmarks, Eigen alone: configuring" configure "$bare" "${eigen_alone[@]}" \
    -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0 \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF
step "clang++, benchmarks, Eigen alone: building" build "$bare"

if [ $depth = full ]; then
    clang=$out/clang-native
    step "clang++, release, this machine's instructions: configuring" configure "$clang" \
        -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Release -D EIGENGRU_KERAS=ON -D EIGENGRU_ONNX=ON \
        -D EIGENGRU_BUILD_BENCHMARKS=OFF -D CMAKE_CXX_FLAGS=-march=native "${bulk[@]}"
    step "clang++, release, this machine's instructions: building" build "$clang"
    run_tests "clang++, release, this machine's instructions: testing" "$clang"

    threads=$out/clang-threads
    step "clang++, thread sanitizer: configuring" configure "$threads" \
        -D CMAKE_CXX_COMPILER=clang++ -D CMAKE_BUILD_TYPE=Debug -D EIGENGRU_KERAS=ON \
        -D EIGENGRU_BUILD_BENCHMARKS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF \
        -D CMAKE_CXX_FLAGS_DEBUG='-O1 -gline-tables-only' -D CMAKE_CXX_FLAGS=-fsanitize=thread "${bulk[@]}"
    step "clang++, thread sanitizer: building" build "$threads"
    run_tests "clang++, thread sanitizer: testing" "$threads" --label-exclude '^(consumer|readme)$' \
        --exclude-regex '^build.kernel_symbols$'

    step "clang-tidy over the public headers" clang-tidy --quiet --warnings-as-errors='*' \
        "$root/tests/build/two_units_b.cpp" -- -std=c++20 -I"$root/include" -isystem /usr/include/eigen3
fi

echo "All passed. To look further: the logs in $log_dir, the Keras numbers in $root/tests/golden"
