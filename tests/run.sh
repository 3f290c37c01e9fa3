#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds and runs every test. Arguments go to ctest:
#   ./tests/run.sh -R BatchNorm
#   EIGEN_NORM_WITH_TORCH=1 ./tests/run.sh    installs libtorch as well
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

packages=(g++ cmake ninja-build libeigen3-dev libgtest-dev libonnx-testdata libcli11-dev zlib1g-dev
  nlohmann-json3-dev libzip-dev libonnx-dev libprotobuf-dev openmpi-bin libopenmpi-dev python3-numpy)
if [ "${EIGEN_NORM_WITH_TORCH:-0}" = 1 ]; then packages+=(libtorch-dev); fi
install_missing "${packages[@]}"

# Assertions stay on; -O1 is where the time to compile and the time to run balance.
build=$root/build/tests
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 \
  -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --build "$build" --parallel "$jobs"
ctest --test-dir "$build" --output-on-failure --parallel "$jobs" "$@"

if ! cmake --build "$build" --target help | grep differential_tests >/dev/null; then
  echo "Skipped: the differential tests, which need libtorch (EIGEN_NORM_WITH_TORCH=1 installs it)"
fi
