// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "eigen_norm/io/tensor_view.hpp"
#include "eigen_norm/kernels/finite.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The element at an address of any alignment.
template <typename T>
T read_element(const char* from, bool swapped) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, from, sizeof(T));
  if (swapped) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}
template <typename T>
void write_element(char* to, T value, bool swapped) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  if (swapped) std::reverse(bytes, bytes + sizeof(T));
  std::memcpy(to, bytes, sizeof(T));
}

/// visit(offset in a, offset in b), in elements, for each index of `shape` from dimension `axis`
/// on, in row-major order; ends with false where visit returns false.
template <typename Visit>
bool walk(const memory::Shape& shape, const memory::Shape& a, const memory::Shape& b, Visit& visit,
          int axis = 0, Index at_a = 0, Index at_b = 0) {
  if (shape.rank() == 0) return visit(at_a, at_b);
  const bool innermost = axis + 1 == shape.rank();
  for (Index i = 0; i < shape[axis]; ++i, at_a += a[axis], at_b += b[axis]) {
    if (!(innermost ? visit(at_a, at_b) : walk(shape, a, b, visit, axis + 1, at_a, at_b))) {
      return false;
    }
  }
  return true;
}

/// Whether a tensor of one type may be read as another: a float as any float, an integer as any
/// integer.
inline bool is_convertible(ElementType from, ElementType to) {
  return is_integer(from) == is_integer(to);
}

/// static_cast, from half and bfloat16 and to them by way of float; of the same type the same bits,
/// those of a NaN too.
template <typename To, typename From>
To convert(const From& value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (std::is_same_v<From, Eigen::half> || std::is_same_v<From, Eigen::bfloat16>) {
    return static_cast<To>(static_cast<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Whether a value stays in range: what is finite stays finite, an integer stays what it is.
template <typename To, typename From>
bool fits(const From& value) {
  if constexpr (std::is_integral_v<From>) {
    return value >= std::numeric_limits<To>::min() && value <= std::numeric_limits<To>::max();
  } else {
    return !kernels::is_finite(value) || kernels::is_finite(convert<To>(value));
  }
}

/// visit(From(), To()) with the elements' types, two floats or two integers.
template <typename Visit>
decltype(auto) visit_types(ElementType from, ElementType to, const Visit& visit) {
  return visit_type(from, [&](auto a) {
    return visit_type(to, [&](auto b) {
      using From = decltype(a);
      using To = decltype(b);
      // A pair of another kind never gets here, and need not compile.
      if constexpr (std::is_integral_v<From> == std::is_integral_v<To>) {
        return visit(a, b);
      } else {
        return visit(a, a);
      }
    });
  });
}

/// Whether `copy` would keep every value in range.
inline bool all_fit(const TensorView& from, ElementType to) {
  if (from.type == to || from.shape.size() == 0) return true;
  return visit_types(from.type, to, [&](auto a, auto b) {
    const char* const data = static_cast<const char*>(from.data);
    auto visit = [&](Index offset, Index) {
      using From = decltype(a);
      const auto size = static_cast<Index>(sizeof(From));
      return fits<decltype(b)>(read_element<From>(data + offset * size, from.swapped));
    };
    return walk(from.shape, from.strides, from.strides, visit);
  });
}

/// to(i, j, ...) = from(i, j, ...). The shapes are equal and the types convertible.
inline void copy(const TensorView& from, const MutableTensorView& to) {
  eigen_assert(from.shape == to.shape && is_convertible(from.type, to.type));
  if (from.shape.size() == 0) return;
  if (from.type == to.type && is_packed(from) && is_packed(to)) {
    std::memcpy(to.target(), from.data, bytes_of(from));
    return;
  }
  visit_types(from.type, to.type, [&](auto a, auto b) {
    using From = decltype(a);
    using To = decltype(b);
    auto visit = [&](Index at_from, Index at_to) {
      const auto* const source =
          static_cast<const char*>(from.data) + at_from * static_cast<Index>(sizeof(From));
      auto* const target = static_cast<char*>(to.target()) + at_to * static_cast<Index>(sizeof(To));
      write_element(target, convert<To>(read_element<From>(source, from.swapped)), to.swapped);
      return true;
    };
    return walk(from.shape, from.strides, to.strides, visit);
  });
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
