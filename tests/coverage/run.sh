#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, runs every test with counters in it, and reports by file which lines and
# branches of include/ were reached. Fails where fewer than 98 of 100 lines were.
#
# The kernels' tests run a second time for this machine's processor, whose instructions stand beside
# the portable ones. Branches to the handling of exceptions do not count.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
install_missing g++ cmake ninja-build libeigen3-dev libgtest-dev libonnx-testdata \
  libcli11-dev zlib1g-dev gcovr
cd "$root"

portable=build/coverage native=build/coverage-native
cmake --preset coverage
cmake --build --preset coverage --parallel "$jobs"
find $portable -name '*.gcda' -delete
ctest --preset coverage --parallel "$jobs"

cmake --preset coverage -B $native -DCMAKE_CXX_FLAGS=-march=native
cmake --build $native --parallel "$jobs" --target kernels_tests
find $native -name '*.gcda' -delete
$native/tests/kernels_tests --gtest_brief

# count FOLDER: what was reached in the programs built there, as FOLDER/reached.json.
count() {
  gcovr --gcov-executable "$root/tests/coverage/gcov.sh" --filter include/ \
    --exclude-throw-branches --exclude-unreachable-branches --json "$1/reached.json" "$1"
}
count $portable
count $native

report() { gcovr --add-tracefile $portable/reached.json --add-tracefile $native/reached.json "$@"; }
mkdir -p $portable/report
report --html-details $portable/report/index.html
report --txt --branches --sort-uncovered
report --txt --sort-uncovered --fail-under-line 98
echo "Line by line: $portable/report/index.html"
