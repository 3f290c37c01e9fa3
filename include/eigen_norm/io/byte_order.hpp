// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Whether this machine keeps the least significant byte last, as hardly any does: TensorView's
/// `swapped` for what a file holds in little-endian order.
inline bool is_big_endian() {
  const std::uint16_t one = 1;
  char first = 0;
  std::memcpy(&first, &one, 1);
  return first == 0;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
