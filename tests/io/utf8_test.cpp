// SPDX-License-Identifier: MIT
#include "eigen_norm/io/utf8.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace eigen_norm {
namespace {

using io::is_utf8;
using io::utf8_prefix;

// The character as UTF-8 would say it in so many bytes, whether it may or not.
std::string encoded(std::uint32_t code, std::size_t size) {
  static const unsigned leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  if (size == 1) return {static_cast<char>(code)};
  std::string bytes(size, '\0');
  for (std::size_t i = size - 1; i > 0; --i, code >>= 6) {
    bytes[i] = static_cast<char>(0x80U | (code & 0x3FU));
  }
  bytes[0] = static_cast<char>(leads[size] | code);
  return bytes;
}

std::size_t shortest(std::uint32_t code) {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

TEST(Utf8, IsEveryCharacterInItsShortestForm) {
  for (std::uint32_t code = 0; code <= 0x10FFFF; ++code) {
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    const std::size_t size = shortest(code);
    ASSERT_EQ(is_utf8(encoded(code, size)), !is_surrogate) << std::hex << code;
    for (std::size_t longer = size + 1; longer <= 4; ++longer) {
      ASSERT_FALSE(is_utf8(encoded(code, longer))) << std::hex << code;
    }
    const std::string cut_off = encoded(code, size).substr(0, size - 1);
    ASSERT_EQ(is_utf8(cut_off), cut_off.empty()) << std::hex << code;
  }
}

TEST(Utf8, EndsAtTheLastCharacter) {
  EXPECT_FALSE(is_utf8(encoded(0x110000, 4)));
  EXPECT_FALSE(is_utf8(encoded(0x1FFFFF, 4)));
  for (int byte = 0xF8; byte <= 0xFF; ++byte) {
    EXPECT_FALSE(is_utf8(std::string(1, static_cast<char>(byte)) + "\x80\x80\x80\x80")) << byte;
  }
}

TEST(Utf8, SaysHowFarItGoes) {
  EXPECT_EQ(utf8_prefix(""), 0U);
  EXPECT_EQ(utf8_prefix("weight"), 6U);
  EXPECT_EQ(utf8_prefix("\xC3\xA9t\x80"), 3U);
  EXPECT_EQ(utf8_prefix("ab\xC3t"), 2U);
  EXPECT_EQ(utf8_prefix("\x80"), 0U);
}

}  // namespace
}  // namespace eigen_norm
