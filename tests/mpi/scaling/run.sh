#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures what docs/scaling.md shows, on 1, 2, 4 and 8 processes of this machine, or as many as the
# arguments say: three minutes on two cores, one on sixteen.
#   tests/mpi/scaling/run.sh 1 2 4 8 16
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
if [ $# -eq 0 ]; then set -- 1 2 4 8; fi
for ranks in "$@"; do
  on_ranks $ranks "$build/tests/mpi/mpi_scaling"
done
