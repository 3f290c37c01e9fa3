// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/io/byte_order.hpp"
#include "eigen_norm/io/element_type.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// What the header of an .npy file says of the elements that follow it.
struct NpyHeader {
  ElementType type = ElementType::f32;
  bool swapped = false;   ///< the bytes of each element are in the order that this machine has not
  bool row_major = true;  ///< the last index runs fastest; else the first
  memory::Shape shape;
};

/// What every .npy file begins with.
inline constexpr char npy_magic[] = "\x93NUMPY";

/// NumPy's name of a type without the byte order; null where it has none: bfloat16. (What ml_dtypes
/// saves says "V2", two bytes of anything, which only their writer can read.)
inline const char* numpy_name_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return "f8";
    case ElementType::f32:
      return "f4";
    case ElementType::f16:
      return "f2";
    case ElementType::i64:
      return "i8";
    case ElementType::i32:
      return "i4";
    default:
      return nullptr;
  }
}

/// The bytes before the elements, as numpy.save has them: padded with spaces for the outermost
/// dimension to grow to 21 digits, then with one to 64 until the elements begin at a multiple of
/// 64. `header` has a type that NumPy has. Eight dimensions never need more than version 1.0.
inline std::string npy_header_bytes(const NpyHeader& header) {
  const bool is_little = is_little_endian() != header.swapped;
  const memory::Shape& shape = header.shape;
  std::string text = std::string("{'descr': '") + (is_little ? '<' : '>') +
                     numpy_name_of(header.type) +
                     "', 'fortran_order': " + (header.row_major ? "False" : "True") +
                     ", 'shape': (" + shape.list() + (shape.rank() == 1 ? ",), }" : "), }");
  if (shape.rank() > 0) {
    const Index outermost = shape[header.row_major ? 0 : shape.rank() - 1];
    text.append(21 - std::to_string(outermost).size(), ' ');
  }
  constexpr std::size_t before = 10;  // magic, version and the length of the text
  text.append(64 - (before + text.size() + 1) % 64, ' ').append("\n");
  return npy_magic + std::string("\x01\x00", 2) + static_cast<char>(text.size() % 256) +
         static_cast<char>(text.size() / 256) + text;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
