// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "fuzz/input.hpp"

// What libFuzzer, or replay.cpp, calls with each input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace eigen_norm::test::fuzz {

using Run = void (*)(Input&);

// One of the runs, as the first byte says.
template <std::size_t N>
int run_one(const Run (&runs)[N], const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  runs[in.byte() % N](in);
  return 0;
}

}  // namespace eigen_norm::test::fuzz
