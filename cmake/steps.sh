# What the run.sh scripts share: numbered steps with one line each. Source it, then:
#   begin_steps FOLDER COUNT     logs go to FOLDER/log
#   step TEXT COMMAND...         runs it, its output in a log; one line, and the end of the log if it fails
#   show_step TEXT COMMAND...    the same, with its output on the screen too
set -euo pipefail

# Only what the scripts say themselves decides what is built and tested: no flags, compilers or filters left in the
# environment. (CMAKE_PREFIX_PATH stays: it says where libraries are.)
unset CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH MAKEFLAGS
unset CMAKE_GENERATOR CMAKE_BUILD_TYPE CMAKE_CONFIG_TYPE DESTDIR ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS
for variable in $(compgen -e | grep -E '^(GTEST|CTEST|BENCHMARK)_' || true); do unset "$variable"; done
export LC_ALL=C.UTF-8

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# As many compilers as there are cores, and memory for (3.2 GB each: the tests of a folder in one unit).
jobs=$(nproc)
memory_jobs=$(awk '/^MemAvailable/ { print int($2 / 3200000) }' /proc/meminfo 2>/dev/null || echo "$jobs")
if [ "$memory_jobs" -lt "$jobs" ]; then jobs=$((memory_jobs > 0 ? memory_jobs : 1)); fi

begin_steps() {
    log_dir=$1/log
    steps=$2
    step_number=0
    rm -rf "$log_dir"
    mkdir -p "$log_dir"
}

# On a terminal the line shows what the step is doing; it runs in the background, so that Ctrl-C reaches the step.
show_progress() {
    while sleep 0.5; do
        printf '\r\033[K%s ... %s' "$1" "$(tail -n 1 "$2" | tr -d '\r\033' | cut -c 1-70)"
    done
}

progress_pid=
stop_progress() {
    if [ -n "$progress_pid" ]; then
        kill "$progress_pid" 2>/dev/null || true
        wait "$progress_pid" 2>/dev/null || true
        progress_pid=
        printf '\r\033[K'
    fi
}
trap stop_progress EXIT

step_failed() {
    echo
    echo "FAILED: $1"
    echo "(everything it said: $log)"
    exit 1
}

step() {
    local text=$1 label start=$SECONDS
    shift
    step_number=$((step_number + 1))
    label="[$step_number/$steps] $text"
    log=$log_dir/$(printf '%02d' "$step_number").log
    : >"$log"
    if [ -t 1 ]; then
        show_progress "$label" "$log" &
        progress_pid=$!
    else
        printf '%s ... ' "$label"
    fi
    if "$@" >"$log" 2>&1 </dev/null; then
        stop_progress
        if [ -t 1 ]; then printf '%s ... ' "$label"; fi
        echo "$((SECONDS - start)) s"
    else
        stop_progress
        if [ -t 1 ]; then printf '%s ... ' "$label"; fi
        echo "failed"
        # What went well is left out here; the log has all.
        grep -vE '^ *([0-9]+/[0-9]+ Test .* Passed|Start +[0-9]+:)|^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" |
            tail -n 100 || true
        step_failed "$text"
    fi
}

show_step() {
    local text=$1
    shift
    step_number=$((step_number + 1))
    log=$log_dir/$(printf '%02d' "$step_number").log
    echo "[$step_number/$steps] $text"
    "$@" </dev/null 2>&1 | tee "$log" || step_failed "$text"
}

# configure BUILD_FOLDER OPTION...: from nothing but these options; what is compiled already is kept.
configure() {
    local build=$1
    shift
    cmake --fresh -G Ninja -S "$root" -B "$build" "$@"
}

build() {
    cmake --build "$1" --parallel "$jobs" "${@:2}"
}
