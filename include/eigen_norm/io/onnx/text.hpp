// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// For error messages: std::to_string writes 1e-9 as 0.000000.
inline std::string onnx_text(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// "2 to 3 dimensions", "4 dimensions"
inline std::string onnx_ranks(int lowest, int highest) {
  return std::to_string(lowest) + (lowest == highest ? "" : " to " + std::to_string(highest)) +
         " dimensions";
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
