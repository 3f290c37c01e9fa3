// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Neither infinite nor NaN. Of float and double by the bits of the exponent: under -ffast-math the
/// compiler takes each number for finite, and leaves out comparisons that only others would need.
template <typename T>
bool is_finite(const T& value) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
    constexpr int mantissa = std::numeric_limits<T>::digits - 1;
    constexpr Bits all = ~Bits(0), exponent = (all >> 1) & (all << mantissa);
    Bits bits;
    std::memcpy(&bits, &value, sizeof bits);
#if defined(__GNUC__) && defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
    __asm__("" : "+r"(bits));  // clang knows them for a number's otherwise
#endif
    return (bits & exponent) != exponent;
  } else {
    using std::abs;
    return abs(value) <= T(Eigen::NumTraits<T>::highest());
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
