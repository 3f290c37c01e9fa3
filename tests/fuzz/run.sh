#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the fuzz targets and runs each for some seconds (20) from its corpus:
#   ./tests/fuzz/run.sh 600
#   TARGETS="trailing group_norm" ./tests/fuzz/run.sh
# Inputs that reached more are left in build/fuzz/new, those that failed in build/fuzz/failures; to
# run one again: build/fuzz/tests/fuzz/fuzz_trailing FILE. To add to a corpus what reaches more code:
#   build/fuzz/tests/fuzz/fuzz_trailing -merge=1 -use_counters=0 \
#     tests/fuzz/corpus/trailing build/fuzz/new/trailing
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"

install_clang_with_sanitizers
install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev zlib1g-dev nlohmann-json3-dev \
  libonnx-dev libprotobuf-dev

seconds=${1:-20}
all="batch_norm conditioned group_norm instance_norm npy onnx safetensors split_batch trailing"
read -ra targets <<<"${TARGETS:-$all}"
build=$root/build/fuzz
cmake -S "$root" -B "$build" -DCMAKE_CXX_COMPILER="${FUZZ_CXX:-clang++}" \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" -DEIGEN_NORM_BUILD_FUZZERS=ON \
  -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --build "$build" --parallel "$jobs" --target "${targets[@]/#/fuzz_}"

failed=0
printf '%-14s %10s %6s %8s\n' target executions edges failures
for target in "${targets[@]}"; do
  mkdir -p "$build/new/$target" "$build/failures"
  log=$build/$target.log
  "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=400 -len_control=0 \
    -timeout=20 -print_final_stats=1 -artifact_prefix="$build/failures/$target-" \
    "$build/new/$target" "$root/tests/fuzz/corpus/$target" >"$log" 2>&1 && failures=0 || failures=1
  printf '%-14s %10s %6s %8s\n' "$target" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)" "$failures"
  if [ "$failures" -gt 0 ]; then
    grep -E '^eigen_norm::|ERROR|runtime error|Test unit' "$log" || tail "$log"
    failed=1
  fi
done
exit "$failed"
