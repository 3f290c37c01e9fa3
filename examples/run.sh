#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds the examples and runs them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

install_missing g++ cmake ninja-build libeigen3-dev libcli11-dev zlib1g-dev

build=$root/build/examples
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DEIGEN_NORM_NATIVE=ON \
  -DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --build "$build" --parallel "$jobs"

"$build/examples/clinical_mlp"
"$build/examples/digits_cnn"
"$build/examples/streaming_filter"
