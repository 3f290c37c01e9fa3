#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tensors of more than 2^31 elements. Takes 10 GB of memory, and some minutes.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"

install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev

build=$root/build/large
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DEIGEN_NORM_NATIVE=ON \
  -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --build "$build" --target large_tests
"$build/tests/large_tests" "$@"
