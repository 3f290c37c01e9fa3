// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// The protobuf wire format: just enough to read a message without its schema's generated code.
namespace eigen_norm::test::protobuf {

// One field of a protobuf message: a number (wire types 0, 1 and 5) or bytes (wire type 2).
struct Field {
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  std::string_view bytes;

  std::string text() const { return std::string(bytes); }
};

// Reads from the front of a piece of memory that outlives it.
class Wire {
 public:
  explicit Wire(std::string_view bytes) : bytes_(bytes) {}

  bool done() const { return bytes_.empty(); }

  // Seven bits a byte, the lowest first; the top bit says that more follow.
  std::uint64_t varint() {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      result |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80U) return result;
    }
    throw std::runtime_error("protobuf: a varint of more than ten bytes");
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) throw std::runtime_error("protobuf: the message is cut short");
    const std::string_view result = bytes_.substr(0, static_cast<std::size_t>(count));
    bytes_.remove_prefix(static_cast<std::size_t>(count));
    return result;
  }

  template <typename T>
  T fixed() {
    T result;
    std::memcpy(&result, take(sizeof(T)).data(), sizeof(T));
    return result;
  }

 private:
  std::string_view bytes_;
};

std::vector<Field> fields_of(std::string_view message);

// A field of wire type 5 that holds a float.
float as_float(std::uint64_t bits);

}  // namespace eigen_norm::test::protobuf
