#!/usr/bin/env bash
# Builds and runs the benchmarks, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
#
#   benchmarks/run.sh [--quick] [ARGUMENT...]    the arguments go to each benchmark; --quick takes a few sizes only
#
# PyTorch is measured beside bench_training where python3 has it, or that of the virtual environment EIGENGRU_PYTHON.
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"

case "${1:-}" in
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

# As one would build for speed on the machine at hand; the library itself sets no flags.
flags='-O3 -DNDEBUG -march=native'
out=$root/build/benchmarks

# One program for each source.
programs=()
for source in "$root"/benchmarks/*.cpp; do programs+=("$(basename "$source" .cpp)"); done
begin_steps "$out" $((5 + ${#programs[@]}))

# PyTorch's nn.GRU on what bench_training has just measured.
measure_pytorch() {
    local python=${EIGENGRU_PYTHON:+$EIGENGRU_PYTHON/bin/}python3
    if "$python" -c 'import torch' 2>/dev/null; then
        "$python" "$root/benchmarks/peers/pytorch_training.py" "$out/benchmarks/training.csv"
    else
        echo "skipped: $python has no PyTorch (python3 -m venv DIR; DIR/bin/pip install torch; EIGENGRU_PYTHON=DIR)"
    fi
}

step "installing the packages that are missing" install_packages build benchmark
step "configuring: g++ $flags" configure "$out" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE="$flags" \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF -D EIGENGRU_KERAS=OFF
step "building" build "$out"

echo "CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores; $(g++ --version | head -n 1)"
for program in "${programs[@]}"; do
    show_step "measuring: $program" "$out/benchmarks/bench_$program" "$@"
done
show_step "measuring: PyTorch's training steps" measure_pytorch
show_step "measuring: how long the umbrella header compiles" bash "$root/benchmarks/compile_time.sh"

echo "Look at the tables above; they are kept in $log_dir"
