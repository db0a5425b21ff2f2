#!/usr/bin/env bash
# Builds and runs the examples, on a bare Debian 12 too: installs what is missing (as root) and works in build/.
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/steps.sh"
source "$root/cmake/packages.sh"

out=$root/build/examples
begin_steps "$out" 5

step "installing the packages that are missing" install_packages build keras plot
step "configuring" configure "$out" \
    -D CMAKE_CXX_COMPILER=g++ -D CMAKE_BUILD_TYPE=Release -D EIGENGRU_KERAS=ON \
    -D EIGENGRU_BUILD_TESTS=OFF -D EIGENGRU_BUILD_BENCHMARKS=OFF
step "building" build "$out"

# The examples leave their pictures in the folder they are run in.
cd "$out"
rm -f ./*.png
show_step "quickstart: the example of Keras's reference page" examples/example_quickstart
show_step "sunspots: a model trained in Keras forecasts real data" examples/example_sunspots

pictures=$(find "$out" -maxdepth 1 -name '*.png' -size +0)
if [ -z "$pictures" ]; then step_failed "sunspots left no picture in $out"; fi
echo "Look at the picture:" $pictures
