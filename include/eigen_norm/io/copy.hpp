// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
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

/// visit(offset in a, offset in b), in elements, of each index of the first `axes` axes, in
/// row-major order; ends with false where visit returns false.
template <typename Visit>
bool for_each_index(int axes, const memory::Shape& shape, const memory::Shape& a,
                    const memory::Shape& b, const Visit& visit) {
  std::array<Index, memory::Shape::max_rank> at{};
  const Index count = shape.product(0, axes);
  Index at_a = 0, at_b = 0;
  for (Index index = 0; index < count; ++index) {
    if (!visit(at_a, at_b)) return false;
    for (int axis = axes - 1; axis >= 0; --axis) {
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

/// The same elements in a matrix of one row where they lie without gaps, and else in as many
/// dimensions as there are, at least two.
inline TensorView as_matrix(TensorView view, bool packed) {
  if (!packed && view.shape.rank() > 1) return view;
  const Index step = packed || view.shape.rank() == 0 ? 1 : view.strides[0];
  view.shape = {1, view.shape.size()};
  view.strides = {0, step};
  return view;
}

/// The axis whose elements are nearest to each other.
inline int fastest_axis(const TensorView& view) {
  int fastest = view.shape.rank() - 1;
  for (int axis = fastest - 1; axis >= 0; --axis) {
    const bool is_faster = std::abs(view.strides[axis]) < std::abs(view.strides[fastest]);
    if (view.shape[axis] > 1 && (is_faster || view.shape[fastest] == 1)) fastest = axis;
  }
  return fastest;
}

/// The same elements by an index that has this one of its axes last.
inline TensorView with_last(TensorView view, int axis) {
  const auto moved = [axis](const memory::Shape& of) {
    memory::Shape result = of.without(axis);
    result.push_back(of[axis]);
    return result;
  };
  view.shape = moved(view.shape);
  view.strides = moved(view.strides);
  return view;
}

/// Whether `copy` would keep every value in range.
inline bool all_fit(const TensorView& from, ElementType to) {
  if (from.type == to || from.shape.size() == 0) return true;
  const TensorView all = as_matrix(from, has_packed_strides(from, true));
  const TensorView lines = with_last(all, fastest_axis(all));
  const int last = lines.shape.rank() - 1;
  return visit_types(from.type, to, [&](auto a, auto b) {
    using From = decltype(a);
    using To = decltype(b);
    if constexpr (always_fits<To, From>()) return true;
    constexpr auto size = static_cast<Index>(sizeof(From));
    const Index count = lines.shape[last], step = size * lines.strides[last];
    const auto line_fits = [&](Index offset, Index) {
      const char* element = static_cast<const char*>(lines.data) + size * offset;
      for (Index i = 0; i < count; ++i, element += step) {
        if (!fits<To>(read_element<From>(element, lines.swapped))) return false;
      }
      return true;
    };
    return for_each_index(last, lines.shape, lines.strides, lines.strides, line_fits);
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

/// How far apart the elements of a matrix lie, in bytes.
struct Steps {
  Index row, col;
};

/// A matrix whose rows are lines in `from` and whose columns are lines in `to`, in tiles that are
/// turned in a place of their own: each line of the cache is read once and written once.
template <typename From, typename To>
void copy_turned(const char* from, Steps from_step, char* to, Steps to_step, Index rows, Index cols,
                 bool from_swapped, bool to_swapped) {
  constexpr Index edge = 64, size = sizeof(To);
  char tile[edge * edge * size];
  for (Index row = 0; row < rows; row += edge) {
    const Index height = std::min(edge, rows - row);
    for (Index col = 0; col < cols; col += edge) {
      const Index width = std::min(edge, cols - col);
      const char* const source = from + row * from_step.row + col * from_step.col;
      char* const target = to + row * to_step.row + col * to_step.col;
      for (Index i = 0; i < height; ++i) {
        copy_line<From, To>(source + i * from_step.row, from_step.col, tile + i * size, edge * size,
                            width, from_swapped, to_swapped);
      }
      for (Index j = 0; j < width; ++j) {
        copy_line<To, To>(tile + j * edge * size, size, target + j * to_step.col, to_step.row,
                          height, false, false);
      }
    }
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
  TensorView source = as_matrix(from, packed), target = as_matrix(to, packed);
  for (const TensorView* const view : {&target, &source}) {
    const int axis = fastest_axis(*view);
    source = with_last(source, axis);
    target = with_last(target, axis);
  }
  // Now the source runs fastest along the last axis, the target along that or the one before.
  const int last = source.shape.rank() - 1;
  const bool turned = fastest_axis(target) != last;
  visit_types(from.type, to.type, [&](auto a, auto b) {
    using From = decltype(a);
    using To = decltype(b);
    constexpr auto from_size = static_cast<Index>(sizeof(From));
    constexpr auto to_size = static_cast<Index>(sizeof(To));
    const Steps from_step{from_size * source.strides[last - 1], from_size * source.strides[last]};
    const Steps to_step{to_size * target.strides[last - 1], to_size * target.strides[last]};
    const auto copy_matrix = [&](Index i, Index j) {
      const char* const first = static_cast<const char*>(source.data) + from_size * i;
      char* const place = static_cast<char*>(to.target()) + to_size * j;
      const Index rows = source.shape[last - 1], cols = source.shape[last];
      if (turned) {
        copy_turned<From, To>(first, from_step, place, to_step, rows, cols, source.swapped,
                              target.swapped);
      } else {
        for (Index row = 0; row < rows; ++row) {
          copy_line<From, To>(first + row * from_step.row, from_step.col, place + row * to_step.row,
                              to_step.col, cols, source.swapped, target.swapped);
        }
      }
      return true;
    };
    return for_each_index(last - 1, source.shape, source.strides, target.strides, copy_matrix);
  });
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
