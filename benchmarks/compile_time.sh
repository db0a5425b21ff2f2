#!/usr/bin/env bash
# How long a program that includes the umbrella header compiles, against one that includes Eigen/Core alone.
# The best of five each; the aim is a ratio of at most 3.
set -euo pipefail
include=$(cd "$(dirname "${BASH_SOURCE[0]}")/../include" && pwd)

# best_time HEADER: milliseconds.
best_time() {
    local best=1000000 start elapsed
    for _ in 1 2 3 4 5; do
        start=$(date +%s%N)
        g++ -std=c++20 -O2 -I"$include" -isystem /usr/include/eigen3 -include "$1" -x c++ -c -o /dev/null /dev/null
        elapsed=$((($(date +%s%N) - start) / 1000000))
        if [ "$elapsed" -lt "$best" ]; then best=$elapsed; fi
    done
    echo "$best"
}

eigen=$(best_time Eigen/Core)
umbrella=$(best_time eigengru/eigengru.hpp)
ratio=$(awk "BEGIN { printf \"%.2f\", $umbrella / $eigen }")
echo "Eigen/Core: $eigen ms, eigengru/eigengru.hpp: $umbrella ms, ratio: $ratio"
