#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Packs the library, then tries the packages as their users have them: the .deb in a Debian that has
# nothing but a compiler and CMake, each optional part first without and then with the packages that
# it suggests; the .tar.gz and the sources unpacked. Needs root, for chroot, and a mirror of Debian.
#   DEBIAN=trixie MIRROR=http://... tests/packages/run.sh
# What is downloaded for the clean Debian stays in build/packages.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
source "$root/tests/consumers/checks.sh"
install_missing g++ cmake ninja-build libeigen3-dev debootstrap debian-archive-keyring lintian
if [ "$(id -u)" -ne 0 ]; then
  echo "Only root can change into a clean root."
  exit 1
fi

work=$root/build/packages
debian=${DEBIAN:-bookworm}
clean=$work/$debian   # downloaded once
system=$work/system   # a copy, in which all happens
trap 'rm -rf "$system"' EXIT
packed=$work/packed
off=(-DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_EXAMPLES=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF)
parts="safetensors;npz;onnx;mpi"
programs="consumer uses_safetensors uses_npz uses_onnx uses_mpi"

echo "=== packing"
rm -rf "$work/build" "$packed"
cmake -S "$root" -B "$work/build" "${off[@]}"
for config in CPackConfig CPackSourceConfig; do
  cpack --config "$work/build/$config.cmake" -B "$packed"
done
deb=$(ls "$packed"/*.deb)
dpkg-deb --info "$deb"
# The first upload to Debian would close a request for the package.
lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$deb"

echo "=== a clean $debian"
if [ ! -e "$clean/complete" ]; then
  rm -rf "$clean"
  debootstrap --variant=minbase --include=g++,cmake,make "$debian" "$clean" \
    "${MIRROR:-http://deb.debian.org/debian}"
  touch "$clean/complete"
fi
rm -rf "$system"
cp -a --reflink=auto "$clean" "$system"
cp -r "$root/tests/consumers" "$system/consumers"
cp "$deb" "$system/eigen-norm.deb"
inside=(chroot "$system" env DEBIAN_FRONTEND=noninteractive CMAKE_GENERATOR="Unix Makefiles")
install() { "${inside[@]}" apt-get -qq install --no-install-recommends "$@" >/dev/null; }

# find_parts FOLDER PARTS ARGUMENT...
find_parts() {
  "${inside[@]}" cmake -S /consumers/find_package -B "/build/$1" "-DPARTS=$2" "${@:3}"
}

echo "=== the .deb alone"
"${inside[@]}" apt-get -qq update
install /eigen-norm.deb
find_parts core "" -DOPTIONAL_PARTS="$parts"
builds /build/core consumer
refuses 'eigen_norm: the part "safetensors" needs nlohmann_json 3.8, which was not found' \
  find_parts refused_safetensors safetensors
refuses 'eigen_norm: the part "npz" needs libzip, which was not found' \
  find_parts refused_npz npz
refuses 'eigen_norm: the part "onnx" needs Protobuf, which was not found' \
  find_parts refused_onnx onnx
refuses 'eigen_norm: the part "mpi" needs MPI, which was not found' \
  find_parts refused_mpi mpi

echo "=== the .deb with what it suggests"
install $(dpkg-deb --field "$deb" Suggests | sed 's/([^)]*)//g; s/,//g')
find_parts deb "$parts"
builds /build/deb $programs

echo "=== the .deb removed"
"${inside[@]}" apt-get -qq purge libeigen-norm-dev
if find "$system/usr" -path '*eigen[_-]norm*' | grep .; then exit 1; fi

echo "=== the .tar.gz"
tar -C "$system/opt" -xf "$packed"/eigen-norm-*[0-9].tar.gz
ls "$system"/opt/eigen-norm-*/LICENSE
find_parts tar "$parts" -DCMAKE_PREFIX_PATH="$("${inside[@]}" sh -c "ls -d /opt/eigen-norm-*")"
builds /build/tar $programs

echo "=== the sources"
tar -C "$system/usr/src" -xf "$packed"/eigen-norm-*-source.tar.gz
"${inside[@]}" sh -c "cmake -S /usr/src/eigen-norm-* -B /build/source -DCMAKE_INSTALL_PREFIX=/opt/source ${off[*]}"
"${inside[@]}" cmake --install /build/source
find_parts source_consumer "$parts" -DCMAKE_PREFIX_PATH=/opt/source
builds /build/source_consumer $programs

echo "The packages work."
