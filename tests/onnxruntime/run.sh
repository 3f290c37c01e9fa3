#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes layers as ONNX models and has onnxruntime run them, beside the layers themselves:
#   ./tests/onnxruntime/run.sh                        builds what writes them
#   ./tests/onnxruntime/run.sh WRITE_CASES FOLDER     that is built already, and where it may write
# Exits with 77 where there is no node, or no onnxruntime-node and npm cannot install it (into
# build/, 290 MB).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"

build=$root/build/onnxruntime
package=onnxruntime-node@1.30.0
mkdir -p "$build"
needed=(node)
if [ ! -d "$build/node_modules/onnxruntime-node" ]; then needed+=(npm); fi
for tool in "${needed[@]}"; do
  if ! command -v "$tool" >/dev/null; then
    echo "Skipped: onnxruntime needs $tool; on Debian: apt-get install npm, which brings both"
    exit 77
  fi
done
if [ ! -d "$build/node_modules/onnxruntime-node" ]; then
  # Its install script would only fetch libraries for GPUs.
  if ! npm install --prefix "$build" --ignore-scripts --no-audit --no-fund "$package"; then
    echo "Skipped: npm could not install $package"
    exit 77
  fi
fi

program=${1:-}
cases=${2:-$build}/cases
if [ -z "$program" ]; then
  install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev zlib1g-dev libonnx-dev \
    libprotobuf-dev
  cmake -S "$root" -B "$build/cmake" -DEIGEN_NORM_BUILD_EXAMPLES=OFF \
    -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
  cmake --build "$build/cmake" --parallel "$jobs" --target onnxruntime_cases
  program=$build/cmake/tests/onnxruntime/onnxruntime_cases
fi

rm -rf "$cases"
"$program" "$cases"
NODE_PATH=$build/node_modules node "$root/tests/onnxruntime/compare.cjs" "$cases"
