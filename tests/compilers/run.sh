#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the core tests in the ways of cells.txt, one program each, and prints a table of
# what passed.
#   tests/compilers/run.sh            those that .ci/run has the time for
#   tests/compilers/run.sh all
#   tests/compilers/run.sh NAME...
#   tests/compilers/run.sh list
# EIGEN, GOOGLETEST and JSON say where their sources are, JOBS how many programs are built at a time.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
eigen=${EIGEN:-/usr/include/eigen3}
googletest=${GOOGLETEST:-/usr/src/googletest/googletest}
json=${JSON:-/usr/include/nlohmann}
jobs=${JOBS:-$jobs}
chosen=${*:-ci}
work=$root/build/compilers
columns=(name ci compiler standard library flags run_by beyond except)

# How the library sees Eigen's objects, how it computes, what the layers answer.
core=(memory/error memory/eigen_object kernels/finite kernels/pack kernels/simd_half
  kernels/statistics kernels/normalise kernels/backward accuracy batch_norm)
# How states are copied and kept in files: where a cell is said to have "files" beyond the core.
files=(io/copy io/state_dict io/model_state io/mapped_file io/atomic_file io/npy
  io/npy/header_parser io/safetensors)
support=(logical random reference)
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

# Calls the arguments for each chosen line, with its columns as variables.
for_each_cell() {
  local column "${columns[@]}"
  while IFS='|' read -r "${columns[@]}"; do
    for column in "${columns[@]}"; do read -r "${column?}" <<<"${!column}"; done
    case " $chosen " in
      " all " | *" $name "*) ;;
      *) [ "$chosen" = ci ] && [ "$ci" = ci ] || continue ;;
    esac
    "$@"
  done < <(grep -v -e '^#' -e '^$' "$root/tests/compilers/cells.txt")
}

# What a cell needs, by the names of Debian's packages.
packages() {
  local version=${compiler##*-}
  case $compiler in
    clang++-*) echo "clang-$version" ;;
    *-linux-gnu-g++) echo "g++-${compiler%-g++}" ;;
    *) echo "$compiler" ;;
  esac
  if [ "$library" = libc++ ]; then echo "libc++-$version-dev libc++abi-$version-dev"; fi
  if [ -n "$run_by" ]; then echo qemu-user; fi
}

# Whether this machine has the instructions that the flags ask for.
can_run() {
  case $flags in
    *-march=x86-64-v*)
      local level=${flags##*-march=}
      /lib64/ld-linux-x86-64.so.2 --help | grep "^  ${level%% *} (supported" >/dev/null
      ;;
  esac
}

# The cell's tests beside the core ones.
beyond_core() {
  local test
  for test in $beyond; do
    if [ "$test" = files ]; then echo "${files[@]}"; else echo "$test"; fi
  done
}

# compile SOURCE FLAG...: as the cell says, and with the flags given.
compile() {
  local path=${1#"$root/"}
  local object=$work/$name/${path//\//_}.o
  $compiler "-std=$standard" $flags "${@:2}" -c "$1" -o "$object"
  objects+=("$object")
}

# What most tests include is compiled once. What judges the answers keeps exceptions and IEEE's
# arithmetic, whatever the library is compiled with.
build() {
  local test objects=() prelude=$work/$name/prelude.hpp
  local includes=(-I"$root/include" -I"$root/tests" -isystem "$eigen" -isystem "$googletest/include"
    -isystem "$work/include" -DEIGEN_NORM_TEST_DATA_DIR="\"$root/tests/data\"")
  local judging=("${includes[@]}" -fexceptions -fno-fast-math)
  local testing=("${includes[@]}" "${warnings[@]}")
  compile "$googletest/src/gtest-all.cc" "${judging[@]}" -I"$googletest" -O0
  compile "$googletest/src/gtest_main.cc" "${judging[@]}" -O0
  for test in "${support[@]}"; do
    compile "$root/tests/support/$test.cpp" "${judging[@]}" "${warnings[@]}"
  done
  printf '#include <%s>\n' gtest/gtest.h eigen_norm/eigen_norm.hpp >"$prelude"
  $compiler "-std=$standard" $flags "${testing[@]}" -x c++-header "$prelude" -o "$prelude.gch"
  for test in "${core[@]}" $(beyond_core); do
    compile "$root/tests/${test}_test.cpp" "${testing[@]}" -include "$prelude"
  done
  $compiler $flags "${objects[@]}" -pthread -o "$work/$name/tests"
}

# Names of tests, a line each, as googletest leaves them out.
left_out() {
  if [ -n "$except" ]; then grep -v -e '^#' -e '^$' "$root/tests/compilers/$except" | paste -sd:; fi
}

# Leaves the cell's line of the table in a file; several cells are at work at a time.
run_cell() {
  local log=$work/$name/log status=0 tests passed
  if [ "$library" = libc++ ]; then flags+=" -stdlib=libc++"; fi
  rm -rf "${work:?}/$name"
  mkdir -p "$work/$name"
  build >"$log" 2>&1 &
  if wait $!; then
    $run_by "$work/$name/tests" --gtest_filter="-$(left_out)" >>"$log" 2>&1 || status=$?
  fi
  tests=$(sed -n 's/^\[==========\] \([0-9]*\) test.* ran\..*/\1/p' "$log")
  passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log")
  times >"$work/$name/times"
  report "${tests:-0}" "${passed:-0}" \
    "$(awk -F '[ms ]+' 'END { printf "%.0f", 60 * $1 + $2 + 60 * $3 + $4 }' "$work/$name/times")"
  [ "$status" -eq 0 ] && [ "${passed:-0}" -gt 0 ]
}

# report TESTS PASSED SECONDS: seconds of one core, to build and to run.
report() {
  echo "| $name | $compiler | $standard | $library | ${flags% -stdlib=*} | ${run_by:-this machine} | $1 | $2 | $3 |" \
    >"$work/$name/row"
  echo "$name: $2 of $1 tests passed in $3 s" >&2
}

start_cell() {
  if ! can_run; then
    echo "$name: not run, this processor lacks the instructions" >&2
    return
  fi
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do sleep 1; done
  run_cell &
  started+=("$name:$!")
}

if [ "$chosen" = list ]; then
  cut -d'|' -f1 "$root/tests/compilers/cells.txt" | grep -v -e '^#' -e '^$'
  exit
fi

install_missing googletest libeigen3-dev nlohmann-json3-dev $(for_each_cell packages | sort -u)
# Alone in a folder: beside these headers of any processor are those of this machine's own.
mkdir -p "$work/include"
ln -sfn "$json" "$work/include/nlohmann"
started=() failed=()
for_each_cell start_cell
if [ ${#started[@]} -eq 0 ]; then
  echo "Nothing was run of: $chosen"
  exit 1
fi
for cell in "${started[@]}"; do wait "${cell##*:}" || failed+=("${cell%:*}"); done

echo
echo "| cell | compiler | standard | library | flags | run by | tests | passed | seconds |"
echo "|---|---|---|---|---|---|---|---|---|"
for cell in "${started[@]}"; do cat "$work/${cell%:*}/row"; done
if [ ${#failed[@]} -gt 0 ]; then
  for name in "${failed[@]}"; do
    echo "=== $name"
    tail -n 40 "$work/$name/log"
  done
  echo "Failed: ${failed[*]}"
  exit 1
fi
