#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the tests of MPI with Open MPI, and again with MPICH.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev libcli11-dev zlib1g-dev \
  openmpi-bin libopenmpi-dev mpich libmpich-dev

for mpi in openmpi mpich; do
  echo "=== $mpi"
  build=$root/build/tests_of_$mpi
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 \
    -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF \
    -DMPI_CXX_COMPILER=mpicxx.$mpi -DMPIEXEC_EXECUTABLE="$(command -v mpirun.$mpi)"
  cmake --build "$build" --parallel "$jobs" --target mpi_tests mpi_leaving
  ctest --test-dir "$build" --output-on-failure -L '^mpi_tests$'
done
