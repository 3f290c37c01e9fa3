// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "eigen_norm/kernels/scalar.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// A wider number cut off to a float, whose last bit is set where that has lost anything: so that a
/// later rounding to 11 bits or fewer knows.
template <typename Wide>
float round_to_odd(const Wide& value) {
  using std::abs;
  const auto nearest = static_cast<float>(value);
  const auto there = static_cast<Wide>(nearest);
  if (!(there < value || there > value)) return nearest;
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  if (abs(there) > abs(value)) --bits;
  bits |= 1;
  float odd;
  std::memcpy(&odd, &bits, sizeof odd);
  return odd;
}

/// To the nearest. Eigen goes to 16 bits by way of float, which rounds a second time: halfway
/// between two numbers, after a float that was not, it takes the wrong one.
template <typename To, typename Wide>
To rounded(const Wide& value) {
  if constexpr (is_16_bit_float<To> && !std::is_same_v<Wide, float> && !std::is_same_v<Wide, To>) {
    return static_cast<To>(round_to_odd(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
