// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "eigen_norm/io/convert.hpp"
#include "eigen_norm/io/tensor_view.hpp"

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

/// visit(offset in a, offset in b), in elements, of the first element of each line along the last
/// axis, in row-major order; ends with false where visit returns false.
template <typename Visit>
bool for_each_line(const memory::Shape& shape, const memory::Shape& a, const memory::Shape& b,
                   const Visit& visit) {
  std::array<Index, memory::Shape::max_rank> at{};
  const int last = shape.rank() - 1;
  const Index lines = shape.product(0, last);
  Index at_a = 0, at_b = 0;
  for (Index line = 0; line < lines; ++line) {
    if (!visit(at_a, at_b)) return false;
    for (int axis = last - 1; axis >= 0; --axis) {
      at_a += a[axis];
      at_b += b[axis];
      Index& i = at[static_cast<std::size_t>(axis)];
      if (++i < shape[axis]) break;
      at_a -= a[axis] * i;
      at_b -= b[axis] * i;
      i = 0;
    }
  }
  return true;
}

/// The same elements in one line where they lie without gaps, and else in as many dimensions as
/// there are, at least one.
inline TensorView in_lines(TensorView view, bool packed) {
  if (!packed && view.shape.rank() > 0) return view;
  view.shape = {view.shape.size()};
  view.strides = {1};
  return view;
}

/// Whether `copy` would keep every value in range.
inline bool all_fit(const TensorView& from, ElementType to) {
  if (from.type == to || from.shape.size() == 0) return true;
  const TensorView lines = in_lines(from, has_packed_strides(from, true));
  return visit_types(from.type, to, [&](auto a, auto b) {
    using From = decltype(a);
    using To = decltype(b);
    if constexpr (always_fits<To, From>()) return true;
    constexpr auto size = static_cast<Index>(sizeof(From));
    const Index count = lines.shape[lines.shape.rank() - 1];
    const Index step = size * lines.strides[lines.strides.rank() - 1];
    return for_each_line(lines.shape, lines.strides, lines.strides, [&](Index offset, Index) {
      const char* element = static_cast<const char*>(lines.data) + size * offset;
      for (Index i = 0; i < count; ++i, element += step) {
        if (!fits<To>(read_element<From>(element, lines.swapped))) return false;
      }
      return true;
    });
  });
}

/// Elements that lie `from_step` and `to_step` bytes apart, converted.
template <typename From, typename To>
void copy_line(const char* from, Index from_step, char* to, Index to_step, Index count,
               bool from_swapped, bool to_swapped) {
  if (from_step == Index{sizeof(From)} && to_step == Index{sizeof(To)} && !from_swapped &&
      !to_swapped) {  // what compilers make vectors of
    for (Index i = 0; i < count; ++i) {
      const auto value = read_element<From>(from + i * Index{sizeof(From)}, false);
      write_element(to + i * Index{sizeof(To)}, convert<To>(value), false);
    }
    return;
  }
  for (Index i = 0; i < count; ++i, from += from_step, to += to_step) {
    write_element(to, convert<To>(read_element<From>(from, from_swapped)), to_swapped);
  }
}

/// to(i, j, ...) = from(i, j, ...). The shapes are equal and the types convertible.
inline void copy(const TensorView& from, const MutableTensorView& to) {
  eigen_assert(from.shape == to.shape && is_convertible(from.type, to.type));
  if (from.shape.size() == 0) return;
  if (from.type == to.type && is_packed(from) && is_packed(to)) {
    std::memcpy(to.target(), from.data, bytes_of(from));
    return;
  }
  const bool packed = has_packed_strides(from, true) && has_packed_strides(to, true);
  const TensorView source = in_lines(from, packed), target = in_lines(to, packed);
  visit_types(from.type, to.type, [&](auto a, auto b) {
    using From = decltype(a);
    using To = decltype(b);
    constexpr auto from_size = static_cast<Index>(sizeof(From));
    constexpr auto to_size = static_cast<Index>(sizeof(To));
    const int last = source.shape.rank() - 1;
    return for_each_line(source.shape, source.strides, target.strides, [&](Index i, Index j) {
      copy_line<From, To>(
          static_cast<const char*>(source.data) + from_size * i, from_size * source.strides[last],
          static_cast<char*>(to.target()) + to_size * j, to_size * target.strides[last],
          source.shape[last], source.swapped, target.swapped);
      return true;
    });
  });
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
