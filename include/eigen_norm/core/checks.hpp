// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>  // std::snprintf: std::to_string writes -1e-9 as -0.000000
#include <limits>
#include <string>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// For messages: "1e-09".
inline std::string number_text(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// eps is added to a variance: not negative, not NaN, not infinite.
inline void check_eps(const std::string& layer, double eps) {
  if (!(eps >= 0 && eps <= std::numeric_limits<double>::max())) {
    memory::raise_invalid(layer + ": expected eps >= 0 and finite, got " + number_text(eps));
  }
}

/// A number of channels or features: at least 1, and the one fixed at compile time where it is.
template <int Fixed>
void check_size(const std::string& layer, const char* what, Index size) {
  if (size < 1) {
    memory::raise_invalid(layer + ": expected " + what + " of at least 1, got " +
                          std::to_string(size));
  }
  if (Fixed != Eigen::Dynamic && size != Fixed) {
    memory::raise_invalid(layer + ": expected " + what + " " + std::to_string(Fixed) +
                          ", fixed at compile time, got " + std::to_string(size));
  }
}

/// For error messages: what to do where a column vector was meant as one sample.
inline std::string transpose_hint(const memory::Shape& shape, Index features) {
  if (shape.rank() != 2 || shape[1] != 1 || shape[0] != features) return "";
  return "; a column vector is " + std::to_string(features) +
         " samples of one feature, use .transpose() for one sample";
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
