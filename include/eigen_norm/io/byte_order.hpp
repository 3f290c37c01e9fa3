// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Whether this machine keeps the lowest byte of a number first. Compilers know the answer.
inline bool is_little_endian() {
  const std::uint16_t number = 1;
  unsigned char first;
  std::memcpy(&first, &number, 1);
  return first == 1;
}

/// The number whose `bytes` lowest bytes these are, the lowest first, on any machine.
inline std::uint64_t read_little_endian(const char* from, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  }
  return value;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
