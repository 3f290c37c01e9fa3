// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Of a file that is not as its format says: throws std::runtime_error("source: expected ..., got
/// ..."), where `source` is its path, or what else names it.
[[noreturn]] inline void raise_malformed(const std::string& source, const std::string& expected,
                                         const std::string& got) {
  memory::raise<std::runtime_error>(source + ": expected " + expected + ", got " + got);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
