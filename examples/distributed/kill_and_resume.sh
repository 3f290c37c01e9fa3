#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trains distributed_cnn three times: to the end, killed in the second epoch and resumed, and stopped
# by Ctrl-C and resumed. All three must end with the same checkpoint.
#   ./examples/run.sh distributed_cnn --help && ./examples/distributed/kill_and_resume.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
source "$root/cmake/mpi.sh"
program=${PROGRAM:-$root/build/examples/examples/distributed_cnn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# train NAME [FLAG...]: to the end of three epochs, or until somebody stops it.
train() {
  on_ranks 4 "$program" --images 1600 --epochs 3 --checkpoint "$work/$1" "${@:2}"
}

# stopped_by SIGNAL NAME: in the second epoch mpirun gets the signal; then all ranks are gone.
stopped_by() {
  echo "=== stopped by SIG$1"
  set -m
  train "$2" >"$work/$2.log" 2>&1 &
  local job=$!
  until grep -qs "^epoch 1" "$work/$2.log"; do sleep 0.1; done
  sleep 1
  kill "-$1" "$(pgrep -P $job || echo $job)"
  wait $job || true
  set +m
  for _ in $(seq 100); do
    if ! pgrep -f -- "--checkpoint $work/$2" >/dev/null; then break; fi
    sleep 0.1
  done
  cat "$work/$2.log"
  if pgrep -f -- "--checkpoint $work/$2"; then echo "Ranks are left over" && exit 1; fi
}

echo "=== to the end"
train whole
for signal in KILL INT; do
  stopped_by $signal $signal
  echo "=== resumed"
  train $signal --resume
  cmp "$work/whole" "$work/$signal"
done
echo "The checkpoints are the same."
