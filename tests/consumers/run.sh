#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the library into a temporary folder, then builds and runs programs that get it and its
# optional parts in each of the four ways, and the project of examples/consumer.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
install_missing g++ cmake ninja-build libeigen3-dev pkg-config nlohmann-json3-dev libzip-dev \
  libonnx-dev libprotobuf-dev openmpi-bin libopenmpi-dev

consumers=$root/tests/consumers
parts=($(basename -s .cpp "$consumers"/parts/*.cpp))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$root" -B "$work/library" -DCMAKE_INSTALL_PREFIX="$work/built_for" \
  -DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF
cmake --install "$work/library"
mv "$work/built_for" "$work/moved_to"  # an installed tree may be moved
export CMAKE_PREFIX_PATH=$work/moved_to

for way in add_subdirectory fetch_content; do
  echo "--- $way"
  cmake -S "$consumers/$way" -B "$work/$way"
  builds "$work/$way" consumer "${parts[@]/#/uses_}"
done

# find_parts FOLDER PARTS ARGUMENT...
find_parts() { cmake -S "$consumers/find_package" -B "$work/$1" "-DPARTS=$2" "${@:3}"; }

echo "--- find_package"
find_parts core ""
builds "$work/core" consumer
for part in "${parts[@]}"; do
  find_parts "$part" "$part"
  builds "$work/$part" "uses_$part"
done

echo "--- without what the parts need"
disable=-DCMAKE_DISABLE_FIND_PACKAGE
missing="${disable}_nlohmann_json=ON ${disable}_libzip=ON ${disable}_Protobuf=ON ${disable}_MPI=ON"
find_parts optional "" -DOPTIONAL_PARTS="npz;onnx" $missing
builds "$work/optional" consumer
cmake -S "$consumers/add_subdirectory" -B "$work/bare" $missing
builds "$work/bare" consumer

refuses 'eigen_norm: the part "safetensors" needs nlohmann_json 3.8, which was not found' \
  find_parts refused_safetensors safetensors $missing
refuses 'eigen_norm: the part "npz" needs libzip, which was not found' \
  find_parts refused_npz npz $missing
refuses 'eigen_norm: the part "onnx" needs Protobuf, which was not found' \
  find_parts refused_onnx onnx $missing
refuses 'eigen_norm: the part "mpi" needs MPI, which was not found' find_parts refused_mpi mpi $missing
refuses 'eigen_norm: the part "onnx" needs ONNX, which was not found' \
  find_parts refused_protobuf onnx ${disable}_ONNX=ON
refuses 'needs libzip, which was not found eigen_norm: the part "onnx" needs Protobuf, which' \
  find_parts refused_both "npz;onnx" $missing
refuses 'eigen_norm: there is no part "hdf5"; there are safetensors, npz, onnx, mpi' \
  find_parts refused_unknown hdf5

echo "--- examples/consumer"
cmake -S "$root/examples/consumer" -B "$work/example"
cmake --build "$work/example"
"$work/example/consumer"

echo "--- pkg_config"
PKG_CONFIG_PATH=$work/moved_to/share/pkgconfig "$consumers/pkg_config/build.sh" "$work/consumer"
"$work/consumer"

echo "All consumers build and run."
