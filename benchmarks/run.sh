#!/usr/bin/env bash
# Builds and runs the benchmarks, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
#
#   benchmarks/run.sh [--quick] [--torch] [--isa NAME] [--filter REGEX]
#
#   --quick         a few sizes, in less than 3 minutes; all take less than 20
#   --torch         PyTorch is a peer too: its wheel brings gigabytes
#   --isa avx2      holds the library, oneDNN and Eigen to AVX2 (the Python peers cannot be held, and are left out)
#   --filter REGEX  only cells whose name matches, as in sequence/float/B:1/T:100/F:64/H:64
#
# ONNX Runtime and PyTorch come from a virtual environment that is made in build/, or are those of the virtual
# environment EIGENGRU_PYTHON. Results: build/benchmarks/ratios.csv, ratios.md and ratios.png.
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"

quick=() torch=no isa=() filter=()
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=(--quick) ;;
        --torch) torch=yes ;;
        --isa) isa=(--isa "${2:?a name must follow --isa}"); shift ;;
        --filter) filter=(--filter "${2:?an expression must follow --filter}"); shift ;;
        -h | --help) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) echo "unknown argument: $1 (try --help)" >&2; exit 1 ;;
    esac
    shift
done

out=$root/build/benchmarks
programs=(sequence streaming training activations threads memory cudnn)
begin_steps "$out" $((${#quick[@]} > 0 ? 6 + ${#programs[@]} : 7 + ${#programs[@]}))

# What a user who gives no flags gets; contenders that are to be compiled for this machine have flags of their own.
flags='-O2 -DNDEBUG'
# One thread, and always the same core (but for the program that measures threads). nproc minds OMP_NUM_THREADS.
cores=$(nproc)
export OMP_NUM_THREADS=1
pinned=()
if command -v taskset >/dev/null; then pinned=(taskset -c "$((cores - 1))"); fi

# The Python peers' virtual environment. What cannot be had is named and skipped by python_peers.py.
make_environment() {
    if [ -n "${EIGENGRU_PYTHON:-}" ]; then
        echo "using $EIGENGRU_PYTHON"
        return 0
    fi
    local packages=(numpy onnx onnxruntime)
    if [ $torch = yes ]; then packages+=(torch); fi
    python3 -m venv "$out/venv" && "$out/venv/bin/pip" install --progress-bar off "${packages[@]}" ||
        echo "skipped: no virtual environment with ${packages[*]}"
}

find_python() {
    local environment=${EIGENGRU_PYTHON:-$out/venv}/bin/python
    if [ -x "$environment" ]; then echo "$environment"; else echo python3; fi
}

measure_python_peers() {
    local python
    python=$(find_python)
    if [ ${#isa[@]} -gt 0 ]; then
        echo "skipped: they choose their instructions themselves"
    elif ! "$python" -c 'import numpy' 2>/dev/null; then
        echo "skipped: ONNX Runtime and PyTorch (no numpy in $python)"
    else
        "${pinned[@]}" "$python" "$root/benchmarks/peers/python_peers.py" \
            "$out/benchmarks/libbench_python_plain.so" "${quick[@]}" "${filter[@]}" --csv "$out"
    fi
}

measure() {
    case $1 in
        memory) "$out/benchmarks/bench_$1" ;;
        cudnn)
            if [ -x "$out/benchmarks/bench_$1" ]; then
                "$out/benchmarks/bench_$1" "${quick[@]}" &&
                    "$(find_python)" "$root/benchmarks/peers/torch_cuda.py" "${quick[@]}"
            else
                echo "skipped: built without eigengru::cudnn"
            fi
            ;;
        # Two threads on any cores, oneDNN's too.
        threads) OMP_NUM_THREADS=2 "$out/benchmarks/bench_$1" "${quick[@]}" "${isa[@]}" "${filter[@]}" --csv "$out" ;;
        *) "${pinned[@]}" "$out/benchmarks/bench_$1" "${quick[@]}" "${isa[@]}" "${filter[@]}" --csv "$out" ;;
    esac
}

step "installing the packages that are missing" install_packages build benchmark plot
step "making a virtual environment for the Python peers" make_environment
step "configuring: g++ $flags" configure "$out" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_FLAGS_RELEASE="$flags" \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_EXAMPLES=OFF -D EIGENGRU_KERAS=OFF
step "building" build "$out"

rm -f "$out"/ratios.* "$out"/spreads.csv
echo "CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $cores cores; $(g++ --version | head -n 1)"
for program in "${programs[@]}"; do
    show_step "measuring: $program" measure "$program"
done
show_step "measuring: ONNX Runtime and PyTorch" measure_python_peers
if [ ${#quick[@]} -eq 0 ]; then
    show_step "measuring: how long the umbrella header compiles" bash "$root/benchmarks/compile_time.sh"
fi
show_step "writing the tables" python3 "$root/benchmarks/tables.py" "$out"

echo "The results are in $out: ratios.md, ratios.png, ratios.csv (and spreads.csv); the logs in $log_dir"
