#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the consumer, as the program named by the first argument, with the compiler alone.
set -euo pipefail
cd "$(dirname "$0")/.."
${CXX:-g++} -std=c++17 -Wall -Wextra $(pkg-config --cflags eigen_norm) main.cpp normalise.cpp -o "$1"
