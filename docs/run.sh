#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the pages of the documents and the public headers with doxygen, where a warning is an error:
# build/docs/html/index.html.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"
install_missing doxygen

cd "$root"
rm -rf build/docs
mkdir -p build
VERSION=$(version) doxygen docs/Doxyfile
echo "build/docs/html/index.html"
