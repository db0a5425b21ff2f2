#!/usr/bin/env bash
# Builds and runs the examples, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
#
#   examples/run.sh                      all of them; the character model learns a short text, in seconds
#   examples/run.sh char_lm [--resume]   the character model alone learns the whole text, in minutes; Ctrl-C stops it
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"

out=$root/build/examples
packages=(build keras onnx tools plot)
case "$*" in
    '') begin_steps "$out" 9 ;;
    char_lm | 'char_lm --resume')
        begin_steps "$out" 5
        packages+=(text)
        ;;
    *)
        sed -n '4,5s/^# *//p' "${BASH_SOURCE[0]}"
        exit 2
        ;;
esac

step "installing the packages that are missing" install_packages "${packages[@]}"
step "configuring" configure "$out" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D EIGENGRU_KERAS=ON \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_BENCHMARKS=OFF
step "building" build "$out"

# The examples leave their pictures in the folder they are run in.
cd "$out"

# Every verse in a line, without its number.
write_text() {
    bible -f gen1:1-rev22:21 </dev/null | sed 's/^[^ ]* //' >bible.txt
    echo "$(wc -c <bible.txt) characters"
}

if [ $# -gt 0 ]; then
    step "writing the text" write_text
    step_number=$((step_number + 1))
    echo "[$step_number/$steps] char_lm: a GRU learns to write"
    examples/example_char_lm "${@:2}" # not by show_step: Ctrl-C is for the program alone
    exit
fi

rm -f ./*.png
show_step "quickstart: the example of Keras's reference page" examples/example_quickstart
show_step "threads: the pool, OpenMP and TBB give the same bits" examples/example_threads
show_step "sunspots: a model trained in Keras forecasts real data" examples/example_sunspots
show_step "sunspots --train: the same training in C++, beside Keras's" examples/example_sunspots --train
show_step "cudnn_dispatch: which path a call takes, and why" examples/example_cudnn_dispatch
show_step "char_lm --quick: a GRU learns to write (examples/run.sh char_lm: longer)" examples/example_char_lm --quick

for picture in sunspots sunspots_training char_lm_quick; do
    if [ ! -s $picture.png ]; then step_failed "there is no picture $picture.png in $out"; fi
done
echo "Look at the pictures:" "$out"/*.png
