#!/usr/bin/env bash
# Two translation units of one program may be compiled with different instruction sets: the linker keeps one copy of
# what both define, and it must not be one that the processor does not run. So the kernels, compiled for a plain x86-64
# and for newer ones, must define nothing in common: our names carry the flags, and no function of Eigen is left out of
# line.
#
#   kernel_symbols.sh <compiler> <nm> <folder where kernel_tiles.sh has worked> <compiler arguments>...
set -euo pipefail
export LC_ALL=C
cxx=$1 nm=$2 folder=$3
shift 3
if [[ $("$cxx" -dumpmachine) != x86_64* ]]; then echo "skipped: no x86-64 compiler"; exit 0; fi
if ! command -v "$nm" > /dev/null; then echo "skipped: no nm"; exit 0; fi

mkdir -p "$folder"
source=$(dirname "${BASH_SOURCE[0]}")/kernel_tiles.cpp
for level in x86-64 x86-64-v3 x86-64-v4; do
    object=$folder/$level.o
    [[ $level = x86-64 && -f $object ]] || "$cxx" -std=c++20 -O2 -march=$level "$@" -c "$source" -o "$object"
    # W, V, u: defined here, and by others too.
    "$nm" "$object" | awk '$(NF - 1) ~ /^[WVu]$/ && NF > 2 { print $NF }' | sort -u > "$folder/$level.weak"
    grep -q run_step "$folder/$level.weak" || { echo "no kernel in $object"; exit 1; }
done

failures=0
for pair in "x86-64 x86-64-v3" "x86-64 x86-64-v4" "x86-64-v3 x86-64-v4"; do
    read -r one other <<< "$pair"
    common=$(comm -12 "$folder/$one.weak" "$folder/$other.weak")
    echo "$one and $other: $(wc -l < "$folder/$one.weak") and $(wc -l < "$folder/$other.weak") weak symbols," \
        "$(grep -c . <<< "$common" || true) in common"
    if [[ -n $common ]]; then
        echo "$common"
        failures=1
    fi
done
exit $failures
