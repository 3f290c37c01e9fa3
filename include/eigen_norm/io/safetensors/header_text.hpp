// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/safetensors/header.hpp"
#include "eigen_norm/io/safetensors/malformed.hpp"
#include "eigen_norm/io/utf8.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The header of a file: UTF-8 that begins with {, and may be JSON.
/// Throws std::runtime_error, with `source` first, where it is not.
inline std::string_view safetensors_header_text(std::string_view file, const std::string& source) {
  const auto fail = [&](const std::string& expected, const std::string& got) {
    raise_malformed(source, expected, got);
  };
  constexpr int front = sizeof(std::uint64_t);
  if (file.size() < front) fail("at least 8 bytes", std::to_string(file.size()));
  const auto size = read_little_endian(file.data(), front);
  if (size > SafetensorsHeader::max_size) {
    fail("a header of at most " + std::to_string(SafetensorsHeader::max_size) + " bytes",
         std::to_string(size));
  }
  if (size > file.size() - front) {
    fail("a header of " + std::to_string(size) + " bytes", std::to_string(file.size() - front));
  }
  const std::string_view text = file.substr(front, static_cast<std::size_t>(size));
  const std::size_t prefix = utf8_prefix(text);
  if (prefix < text.size()) {
    fail("a header in UTF-8", "something else at byte " + std::to_string(prefix + 1));
  }
  if (text.empty()) fail("a header", "none");
  const std::size_t zero = text.find('\0');  // where the parser would see the end of the text
  if (zero < text.size()) fail("JSON in the header", "a zero at byte " + std::to_string(zero + 1));
  if (text[0] != '{') {
    fail("a header that begins with {", "byte " + std::to_string(text[0] & 0xFF));
  }
  return text;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
