#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds examples and runs them:
#   ./examples/run.sh                        the quick ones
#   ./examples/run.sh all                    every one, a quarter of an hour
#   ./examples/run.sh fashion_cnn --help     one, with its flags
#   RANKS=2 ./examples/run.sh distributed_cnn    on 2 processes; on 4 if nothing is said
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"
source "$root/cmake/mpi.sh"

quick=(batchnorm_from_scratch train_vs_eval clinical_mlp digits_cnn streaming_filter from_torch consumer)
slow=(fashion_cnn char_transformer claims distributed_cnn)

examples=("${quick[@]}")
case ${1:-} in
  "") ;;
  all) examples+=("${slow[@]}") ;;
  *)
    if [[ " ${quick[*]} ${slow[*]} " != *" $1 "* ]]; then
      echo "examples/run.sh: expected all or one of ${quick[*]} ${slow[*]}, got $1" >&2
      exit 2
    fi
    examples=("$1")
    shift
    flags=("$@")
    ;;
esac

install_missing g++ cmake ninja-build libeigen3-dev libcli11-dev zlib1g-dev nlohmann-json3-dev
if [[ " ${examples[*]} " =~ " fashion_cnn "|" claims "|" distributed_cnn " ]]; then
  install_missing dataset-fashion-mnist
fi
if [[ " ${examples[*]} " == *" distributed_cnn "* ]]; then
  install_missing openmpi-bin libopenmpi-dev
fi

build=$root/build/examples
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DEIGEN_NORM_NATIVE=ON \
  -DEIGEN_NORM_BUILD_TESTS=OFF -DEIGEN_NORM_BUILD_BENCHMARKS=OFF

# A project of its own, which finds the library installed.
build_consumer() {
  cmake --install "$build" --prefix "$build/installed" >/dev/null
  cmake -S "$root/examples/consumer" -B "$build/consumer" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$build/installed"
  cmake --build "$build/consumer"
}

programs=()
for example in "${examples[@]}"; do
  if [ "$example" != consumer ]; then programs+=("$example"); fi
done
if [ ${#programs[@]} -gt 0 ]; then
  cmake --build "$build" --parallel "$jobs" --target "${programs[@]}"
fi

for example in "${examples[@]}"; do
  echo "=== $example"
  if [ "$example" = consumer ]; then
    build_consumer
    "$build/consumer/consumer"
  elif [ "$example" = distributed_cnn ]; then
    on_ranks "${RANKS:-4}" "$build/examples/$example" ${flags[@]+"${flags[@]}"}
  else
    "$build/examples/$example" ${flags[@]+"${flags[@]}"}
  fi
done
