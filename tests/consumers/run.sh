#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the library into a temporary folder, then builds and runs a program of two translation
# units that gets it in each of the four ways, and the project of examples/consumer.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
install_missing g++ cmake ninja-build libeigen3-dev pkg-config

consumers=$root/tests/consumers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$root" -B "$work/library" -DCMAKE_INSTALL_PREFIX="$work/built_for" \
  -DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --install "$work/library"
mv "$work/built_for" "$work/moved_to"  # an installed tree may be moved

for way in find_package add_subdirectory fetch_content; do
  echo "--- $way"
  cmake -S "$consumers/$way" -B "$work/$way" -DCMAKE_PREFIX_PATH="$work/moved_to"
  cmake --build "$work/$way" --parallel "$jobs"
  "$work/$way/consumer"
done

echo "--- examples/consumer"
cmake -S "$root/examples/consumer" -B "$work/example" -DCMAKE_PREFIX_PATH="$work/moved_to"
cmake --build "$work/example"
"$work/example/consumer"

echo "--- pkg_config"
PKG_CONFIG_PATH=$work/moved_to/share/pkgconfig "$consumers/pkg_config/build.sh" "$work/consumer"
"$work/consumer"

echo "All consumers build and run."
