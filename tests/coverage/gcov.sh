#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gcov for gcovr, without the branches of lines that were never executed: the lines are counted as
# such, and gcov does not say which of their branches lead to the handling of exceptions, which do
# not count.
set -euo pipefail
shopt -s nullglob
gcov "$@"
for file in *.gcov; do
  awk '/^ *[^ :]+: *[0-9]+:/ { executed = $1 !~ /^(#####|=====)/ }
       executed || !/^branch.*never executed$/' "$file" >"$file.kept"
  mv "$file.kept" "$file"
done
