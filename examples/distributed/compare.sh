#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trains distributed_cnn with three seeds on 4 ranks, with the statistics of each share and of the
# whole batch, and on 1 rank; draws docs/distributed_cnn.svg and prints the table of
# examples/README.md.
#   ./examples/run.sh distributed_cnn --help && ./examples/distributed/compare.sh [FOLDER]
# A run whose output is in FOLDER is not made again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../cmake/setup.sh"
source "$root/cmake/mpi.sh"
install_missing gnuplot-nox
folder=$(realpath -m "${1:-$root/build/distributed}")
program=$root/build/examples/examples/distributed_cnn
mkdir -p "$folder"

runs="4_batch 4_sync 1_batch"  # ranks and --norm
for seed in 1 2 3; do
  for run in $runs; do
    output=$folder/$run.$seed.txt
    if [ -e "$output" ]; then continue; fi
    on_ranks "${run%_*}" "$program" --norm "${run#*_}" --seed $seed \
      --checkpoint "$folder/checkpoint" >"$output.new"
    mv "$output.new" "$output"
  done
done

# Lines "epoch 1/6  train loss 1.2  test loss 0.8  test accuracy 0.7": by epoch, mean and deviation
# over the seeds of the three numbers.
for run in $runs; do
  awk '/^epoch/ {
      split($2, epoch, "/"); e = epoch[1]; n[e]++
      for (i = 1; i <= 3; ++i) { x = $(2 + 3 * i); sum[e, i] += x; squares[e, i] += x * x }
    }
    END {
      for (e = 1; e in n; ++e) {
        printf "%d", e
        for (i = 1; i <= 3; ++i) {
          mean = sum[e, i] / n[e]
          variance = (squares[e, i] - n[e] * mean * mean) / (n[e] - 1)
          printf " %.5f %.5f", mean, sqrt(variance > 0 ? variance : 0)
        }
        print ""
      }
    }' "$folder/$run".[123].txt >"$folder/$run.dat"
done

cd "$root/examples/distributed"
gnuplot -e "data='$folder'; out='$root/docs/distributed_cnn.svg'" curves.gp

# The table of examples/README.md: the three numbers after the last epoch.
for run in $runs; do
  awk -v run="$run" 'END {
      split(run, word, "_")
      printf "| %d | %s | %.4f +- %.4f | %.4f +- %.4f | %.4f +- %.4f |\n",
             word[1], word[2], $2, $3, $4, $5, $6, $7
    }' "$folder/$run.dat"
done
