# SPDX-License-Identifier: MIT
# Sourced by the run scripts: install_missing, version, and the settings they share.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}; fi

# The version of the library, as version.hpp has it.
version() {
  sed -n 's/.*EIGEN_NORM_VERSION_[A-Z]* //p' "$root/include/eigen_norm/version.hpp" | paste -sd. -
}

# Whether that which a Debian package brings is here; a tool may come from elsewhere.
have() {
  case $1 in
    g++) command -v "${CXX:-g++}" ;;
    ninja-build) command -v ninja ;;
    cmake | clang | clang-format | pkg-config) command -v "$1" ;;
    *) dpkg-query --show --showformat='${db:Status-Status}\n' "$1" | grep -x installed ;;
  esac >/dev/null 2>&1
}

# install_missing PACKAGE...: by apt where that is possible, else says what is needed and goes on.
install_missing() {
  local package missing=() as_root=
  for package in "$@"; do
    if ! have "$package"; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi

  if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
  if ! command -v apt-get >/dev/null || ! command -v ${as_root:-true} >/dev/null; then
    echo "Needed, by the names of Debian's packages: ${missing[*]}"
    echo "They cannot be installed from here; going on with what there is."
    return
  fi

  echo "Installing ${missing[*]}"
  $as_root apt-get -qq update &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null ||
    echo "apt-get failed; going on with what there is."
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}; fi
}

# Clang with its sanitizers and its fuzzer, which Debian has in a package of the same version.
install_clang_with_sanitizers() {
  install_missing clang
  install_missing "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
}
