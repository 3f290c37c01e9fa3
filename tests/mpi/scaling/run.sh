#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures what docs/scaling.md shows, on 1, 2, 4 and 8 processes of this machine: three minutes.
#   MPIRUN=mpirun.mpich MPICXX=mpicxx.mpich tests/mpi/scaling/run.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../../cmake/setup.sh"
source "$root/cmake/mpi.sh"
install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev libcli11-dev zlib1g-dev \
  openmpi-bin libopenmpi-dev

build=$root/build/scaling_${MPICXX:-mpicxx}
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DEIGEN_NORM_NATIVE=ON \
  -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF \
  -DMPI_CXX_COMPILER="${MPICXX:-mpicxx}" >/dev/null
cmake --build "$build" --target mpi_scaling >/dev/null
for ranks in 1 2 4 8; do
  on_ranks $ranks "$build/tests/mpi/mpi_scaling"
done
