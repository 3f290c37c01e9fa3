#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, measures, and writes BENCHMARKS.md and docs/benchmarks.svg, or
# docs/accuracy.md and its pictures, or prints how fast a state is loaded:
#
#   ./benchmarks/run.sh                     speed: a quarter of an hour, 5 GB of memory
#   ./benchmarks/run.sh accuracy            accuracy instead: ten minutes, 5 GB of memory
#   ./benchmarks/run.sh loading             a state of 1 GB from a file: two minutes, 7 GB of memory
#   ./benchmarks/run.sh --no-peers          without libtorch, oneDNN and dlib (500 MB installed)
#   ./benchmarks/run.sh --filter LayerNorm  only the rows that match a regular expression (speed)
#   ./benchmarks/run.sh --report            only writes the page again from the last measurements
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"

subject=speed peers=ON filter=. measure=yes
while [ $# -gt 0 ]; do
  case $1 in
    speed | accuracy | loading) subject=$1 ;;
    --no-peers) peers=OFF ;;
    --filter) filter=$2 && shift ;;
    --report) measure=no ;;
    *) sed -n '3,11s/^# \{0,1\}//p' "$0" && exit 1 ;;
  esac
  shift
done

build=$root/build/benchmarks
arguments=(--benchmark_repetitions=9 --benchmark_min_time=0.01
  --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true)

# A user who sets no flags should know what is lost, on a few shapes and one thread.
flag_rows='(BatchNorm2d/(32x256x56x56|8x64x32x32)|BatchNorm1d/4096x256/rows|LayerNorm/(4096x768|64x64)|GroupNorm/2x320x64x64 in 32)/.*float/.*/1/'

# build_programs NAME...: with what they need.
build_programs() {
  local packages=(g++ cmake ninja-build libeigen3-dev libbenchmark-dev nlohmann-json3-dev
    python3)
  if [ $peers = ON ]; then
    echo "libtorch, oneDNN and dlib take about 500 MB of disk; --no-peers goes without"
    packages+=(libtorch-dev libdnnl-dev libdlib-dev)
  fi
  install_missing "${packages[@]}"
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DEIGEN_NORM_NATIVE=ON \
    -DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_EXAMPLES=OFF \
    -DEIGEN_NORM_BENCHMARK_PEERS=$peers
  cmake --build "$build" --parallel "$jobs" --target "$@"
}

# measure NAME FILTER: NAME.json, from the program NAME.
measure() {
  echo "Measuring $1; the rows are shown at the end"
  "$build/benchmarks/$1" "${arguments[@]}" --benchmark_filter="$2" \
    --benchmark_out="$build/$1.json" --benchmark_out_format=json >"$build/$1.txt"
}

if [ $subject = loading ]; then
  peers=OFF
  build_programs loading
  "$build/benchmarks/loading" "$build"
  exit
fi

if [ $subject = accuracy ]; then
  if [ $measure = yes ]; then
    build_programs accuracy
    OMP_NUM_THREADS=1 "$build/benchmarks/accuracy" >"$build/accuracy.csv"
  fi
  python3 -B "$root/benchmarks/accuracy_report.py" "$build/accuracy.csv"
  echo "Wrote docs/accuracy.md, docs/accuracy.svg and docs/accuracy_by_size.svg"
  exit
fi

if [ $measure = yes ]; then
  programs=(speed)
  if [ "$filter" = . ]; then
    if grep -qsw avx2 /proc/cpuinfo; then programs+=(speed_avx2); fi
    programs+=(speed_o2)
  fi
  build_programs "${programs[@]}"

  rm -f "$build"/speed*.json
  measure speed "$filter"
  for program in "${programs[@]:1}"; do measure "$program" "$flag_rows"; done
fi

others=()
for name in speed_avx2 speed_o2; do
  if [ -e "$build/$name.json" ]; then others+=("$build/$name.json"); fi
done
SPEED_ARGUMENTS="${arguments[*]}" python3 -B "$root/benchmarks/speed_report.py" "$build/speed.json" ${others[@]+"${others[@]}"}
echo "Wrote BENCHMARKS.md and docs/benchmarks.svg"
