// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "eigen_norm/memory/abi.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Of the character that begins with this byte, in bytes; 0 where none does.
inline std::size_t utf8_size(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC0) return 0;  // a continuation
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF8 ? 4 : 0;
}

/// Whether the first `size` bytes, two to four, are one character: no surrogate, nothing beyond
/// U+10FFFF, and nothing that fewer bytes can say.
inline bool is_utf8_character(const char* bytes, std::size_t size) {
  static const std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  std::uint32_t code = static_cast<unsigned char>(bytes[0]) & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if ((byte & 0xC0) != 0x80) return false;
    code = code << 6 | (byte & 0x3FU);
  }
  return code >= smallest[size] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

/// How many bytes at the front are UTF-8: all of them, where the text is.
inline std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = utf8_size(static_cast<unsigned char>(text[at]));
    if (size == 0 || size > text.size() - at) break;
    if (size > 1 && !is_utf8_character(text.data() + at, size)) break;
    at += size;
  }
  return at;
}
inline bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
