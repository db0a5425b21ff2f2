#!/usr/bin/env bash
# Two translation units of one program may be compiled with different instruction sets: the linker keeps one copy of
# what both define, and it must not be one that the processor does not run. So the kernels, compiled for a plain x86-64
# and for a newer one, must define nothing in common: our names carry the flags, and no function of Eigen is left out of
# line.
#
#   kernel_symbols.sh <compiler> <nm> <folder to work in> <compiler arguments>...
set -euo pipefail
export LC_ALL=C
cxx=$1 nm=$2 folder=$3
shift 3
if [[ $("$cxx" -dumpmachine) != x86_64* ]]; then echo "skipped: no x86-64 compiler"; exit 0; fi
if ! command -v "$nm" > /dev/null; then echo "skipped: no nm"; exit 0; fi

mkdir -p "$folder"
source=$(dirname "${BASH_SOURCE[0]}")/kernel_tiles.cpp
levels=(x86-64 x86-64-v4)
for level in "${levels[@]}"; do
    object=$folder/$level.o
    "$cxx" -std=c++20 -O2 -march=$level "$@" -c "$source" -o "$object"
    # W, V, u: defined here, and by others too.
    "$nm" "$object" | awk '$(NF - 1) ~ /^[WVu]$/ && NF > 2 { print $NF }' | sort -u > "$folder/$level.weak"
    grep -q run_step "$folder/$level.weak" || { echo "no kernel in $object"; exit 1; }
done

common=$(comm -12 "$folder/${levels[0]}.weak" "$folder/${levels[1]}.weak")
echo "${levels[*]}: $(wc -l < "$folder/${levels[0]}.weak") and $(wc -l < "$folder/${levels[1]}.weak") weak symbols," \
    "$(grep -c . <<< "$common" || true) in common"
if [[ -n $common ]]; then
    echo "$common"
    exit 1
fi
