// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "eigen_norm/kernels/scalar.hpp"

namespace eigen_norm::fold {
inline namespace EIGEN_NORM_ABI {

/// The float next to a wider number whose last bit is odd, or the number itself where a float holds
/// it: what was cut off is never lost on a later rounding to 11 bits or fewer.
template <typename Wide>
float round_to_odd(const Wide& value) {
  const auto nearest = static_cast<float>(value);
  const auto there = static_cast<Wide>(nearest);
  if (!(there < value || there > value)) return nearest;
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  if (bits % 2 == 1) return nearest;
  constexpr float largest = std::numeric_limits<float>::max();
  return std::nextafter(nearest, there < value ? largest : -largest);
}

/// To the nearest. Eigen goes to 16 bits by way of float, which rounds a second time: halfway
/// between two numbers, after a float that was not, it takes the wrong one.
template <typename To, typename Wide>
To rounded(const Wide& value) {
  if constexpr (kernels::is_16_bit_float<To>) {
    return static_cast<To>(round_to_odd(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::fold
