// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// For error messages: "2 to 3 dimensions", "4 dimensions"
inline std::string onnx_ranks(int lowest, int highest) {
  return std::to_string(lowest) + (lowest == highest ? "" : " to " + std::to_string(highest)) +
         " dimensions";
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
