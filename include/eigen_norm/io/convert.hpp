// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <type_traits>

#include "eigen_norm/io/element_type.hpp"
#include "eigen_norm/kernels/finite.hpp"
#include "eigen_norm/kernels/rounding.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Whether a tensor of one type may be read as another: a float as any float, an integer as any
/// integer.
inline bool is_convertible(ElementType from, ElementType to) {
  return is_integer(from) == is_integer(to);
}

/// Rounded once, to the nearest; of the same type the same bits, those of a NaN too.
template <typename To, typename From>
To convert(const From& value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (kernels::is_16_bit_float<From>) {
    return static_cast<To>(static_cast<float>(value));
  } else {
    return kernels::rounded<To>(value);
  }
}

/// Whether a value stays in range: what is finite stays finite, an integer stays what it is.
template <typename To, typename From>
bool fits(const From& value) {
  if constexpr (std::is_integral_v<From>) {
    return value >= std::numeric_limits<To>::min() && value <= std::numeric_limits<To>::max();
  } else {
    return !kernels::is_finite(value) || kernels::is_finite(convert<To>(value));
  }
}

/// visit(From(), To()) with the elements' types, two floats or two integers.
template <typename Visit>
decltype(auto) visit_types(ElementType from, ElementType to, const Visit& visit) {
  return visit_type(from, [&](auto a) {
    return visit_type(to, [&](auto b) {
      using From = decltype(a);
      using To = decltype(b);
      // A pair of another kind never gets here, and need not compile.
      if constexpr (std::is_integral_v<From> == std::is_integral_v<To>) {
        return visit(a, b);
      } else {
        return visit(a, a);
      }
    });
  });
}

/// Whether every value of one type stays in range as another: none is looked at.
template <typename To, typename From>
constexpr bool always_fits() {
  using ToRange = std::numeric_limits<To>;
  using FromRange = std::numeric_limits<From>;
  if (std::is_integral_v<From>) return ToRange::digits >= FromRange::digits;
  return ToRange::max_exponent >= FromRange::max_exponent && ToRange::digits >= FromRange::digits;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
