#!/usr/bin/env bash
# Runs every fuzzer that is built: tests/fuzz/run.sh BUILD_FOLDER SECONDS [NAME...]
#
# Each begins with its seeds (the line "// Seeds: PATTERN..." of its source, and tests/fuzz/seeds/NAME), has 512 MB of
# memory, and ten seconds for each input. Inputs that fail are left in BUILD_FOLDER/fuzz/NAME.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "$1" && pwd)
seconds=$2
shift 2
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for source in "$root"/tests/fuzz/*_fuzz.cpp; do names+=("$(basename "$source" _fuzz.cpp)"); done
fi

# One for each processor at a time.
if [ ${#names[@]} -ne 1 ]; then
    printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I '{}' "$0" "$build" "$seconds" '{}'
    echo "No fuzzer found anything."
    exit
fi

name=${names[0]}
program=$build/tests/fuzz/fuzz_$name
work=$build/fuzz/$name
rm -rf "$work"
mkdir -p "$work/corpus" "$work/seeds"
for pattern in $(sed -n 's|^// Seeds: ||p' "$root/tests/fuzz/${name}_fuzz.cpp") "tests/fuzz/seeds/$name/*"; do
    # shellcheck disable=SC2086  # the pattern is meant to be expanded
    cp $root/$pattern "$work/seeds" 2>/dev/null || true
done
echo "== $name: $(find "$work/seeds" -type f | wc -l) seeds, $seconds seconds"
cd "$work"
"$program" corpus seeds -max_total_time="$seconds" -rss_limit_mb=512 -malloc_limit_mb=512 -timeout=10 -max_len=65536 \
    -print_final_stats=1 -print_funcs=0 2>&1 |
    grep -E '^(Done|stat::(number|average|slowest|peak)|==|SUMMARY|artifact|ERROR|    #)|ERROR|deadly' |
    sed "s/^/$name: /"
