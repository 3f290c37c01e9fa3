// SPDX-License-Identifier: MIT
#include "support/protobuf.hpp"

namespace eigen_norm::test::protobuf {

std::vector<Field> fields_of(std::string_view message) {
  std::vector<Field> result;
  Wire wire(message);
  while (!wire.done()) {
    const std::uint64_t tag = wire.varint();
    Field field;
    field.id = tag >> 3U;
    switch (tag & 7U) {
      case 0:
        field.number = wire.varint();
        break;
      case 1:
        field.number = wire.fixed<std::uint64_t>();
        break;
      case 2:
        field.bytes = wire.take(wire.varint());
        break;
      case 5:
        field.number = wire.fixed<std::uint32_t>();
        break;
      default:
        throw std::runtime_error("protobuf: unknown wire type");
    }
    result.push_back(field);
  }
  return result;
}

float as_float(std::uint64_t bits) {
  const auto low = static_cast<std::uint32_t>(bits);
  float result = 0;
  std::memcpy(&result, &low, sizeof(result));
  return result;
}

}  // namespace eigen_norm::test::protobuf
