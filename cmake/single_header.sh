#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes single_include/eigen_norm_single.hpp: all headers that need Eigen alone, as one file, for
# Compiler Explorer and for projects that copy a header. What reads and writes files stays outside.
#   cmake/single_header.sh            writes it
#   cmake/single_header.sh --check    says whether it is as the headers are
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
single=single_include/eigen_norm_single.hpp

# eigen_norm.hpp first, then what it does not include; no folder of an optional part.
headers() {
  local parts
  parts=$(sed -n 's/^eigen_norm_part(\([a-z0-9]*\).*/\1/p' cmake/parts.cmake | paste -sd'|' -)
  cd include
  echo eigen_norm/eigen_norm.hpp
  find eigen_norm -name '*.hpp' | grep -vE "^eigen_norm/(io|$parts)/" | LC_ALL=C sort
}

write() {
  cat <<END
// SPDX-License-Identifier: MIT
// $(grep ^Copyright LICENSE)
//
// eigen-norm $(version), written by cmake/single_header.sh from the headers of include/eigen_norm;
// changes belong there.
#pragma once

END
  awk -v root=include -f cmake/single_header.awk $(headers)
}

if [ "${1:-}" != --check ]; then
  mkdir -p "$(dirname $single)"
  write >$single
elif ! write | diff $single -; then
  echo "$single is not as the headers are; run cmake/single_header.sh"
  exit 1
fi
