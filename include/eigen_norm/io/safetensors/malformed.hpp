// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "eigen_norm/io/malformed.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A text of the file for a message, escaped as in JSON: a zero does not end the message, nor does
/// a line break pass for one of its own.
inline std::string shown(const std::string& text) {
  const std::string quoted = nlohmann::json(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

/// Of a tensor of a malformed file, or of the metadata, by name.
[[noreturn]] inline void raise_malformed(const std::string& source, const std::string& name,
                                         const std::string& expected, const std::string& got) {
  raise_malformed(source + ": " + shown(name), expected, got);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
