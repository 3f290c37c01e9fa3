#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then has clang-tidy and cppcheck read the headers. Any finding fails.
# Which checks are off, and why, is in .clang-tidy and cppcheck.txt.
#
#   ./tests/analysis/run.sh
#   CLANG_TIDY=clang-tidy-19 ./tests/analysis/run.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
install_missing clang-tidy cppcheck libeigen3-dev nlohmann-json3-dev libzip-dev libonnx-dev libprotobuf-dev \
  libopenmpi-dev
cd "$root"

tidy() { "${CLANG_TIDY:-clang-tidy}" --quiet "$@"; }
check() {
  cppcheck --quiet --std=c++17 --language=c++ --enable=warning,performance,portability,style \
    --suppressions-list=tests/analysis/cppcheck.txt --error-exitcode=1 -Iinclude -Iexamples "$@"
}

mapfile -t headers < <(find include -name '*.hpp' | sort)
flags=(-std=c++17 -Iinclude -isystem /usr/include/eigen3
  $(mpicxx -show | grep -oE -- '-I[^ ]+' | sed 's/^-I/-isystem /'))
x86=(-D__SSE2__ -D__AVX__ -D__AVX2__ -D__F16C__ -D__AVX512F__ -D__AVX512BW__ -D__AVX512DQ__
  -D__AVX512BF16__)

echo "=== clang-tidy: every header, as every layer uses it"
tidy tests/analysis/every_layer.cpp -- "${flags[@]}" -DEIGEN_USE_THREADS \
  "${headers[@]/#/--include=}"

if [ "$(uname -m)" = x86_64 ]; then
  echo "=== clang-tidy: the instructions of AVX-512"
  tidy include/eigen_norm/kernels/simd_*.hpp -- "${flags[@]}" -xc++ -march=sapphirerapids
fi

# The first with all instructions, then what each processor has: every combination of the macros.
echo "=== cppcheck"
check -D__GNUC__=12 -D__unix__ -D__cpp_exceptions -DEIGEN_USE_THREADS "${x86[@]}" "${headers[@]}" examples/nn/*.hpp
check --force include/eigen_norm/kernels/simd_*.hpp include/eigen_norm/memory/error.hpp

echo "Nothing found."
