// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/io/copy.hpp"
#include "eigen_norm/memory/error.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// As Plain counts dimensions: of a vector (n) as a matrix (n, 1) or (1, n).
template <typename Plain>
memory::Shape shape_as(const memory::Shape& shape) {
  if constexpr (memory::is_dense<Plain>) {
    if (shape.rank() == 1 && Plain::RowsAtCompileTime == 1) return {1, shape[0]};
    if (shape.rank() == 1) return {shape[0], 1};
    if (shape.rank() == 2 && Plain::IsVectorAtCompileTime) return {};
  }
  return shape;
}

/// The shapes that Plain can have: "(2, n)" of a matrix of two rows, "(n)" of a vector, "rank 3".
template <typename Plain>
std::string expected_shape() {
  if constexpr (memory::is_dense<Plain>) {
    const auto size = [](int fixed) {
      return fixed == Eigen::Dynamic ? std::string("n") : std::to_string(fixed);
    };
    const std::string rows = size(Plain::RowsAtCompileTime), cols = size(Plain::ColsAtCompileTime);
    if (Plain::IsVectorAtCompileTime) {
      return std::string("(").append(Plain::RowsAtCompileTime == 1 ? cols : rows).append(")");
    }
    return std::string("(").append(rows).append(", ").append(cols).append(")");
  } else {
    std::string rank = "rank " + std::to_string(memory::EigenObject<Plain>::rank);
    constexpr auto bits = 8 * sizeof(typename Plain::Index);
    if (bits == 8 * sizeof(Index)) return rank;
    return rank + " within indices of " + std::to_string(bits) + " bits";
  }
}

/// A copy of a tensor as an Eigen matrix, array or tensor that owns its memory, converted to its
/// scalar. A vector or a tensor takes its own number of dimensions, a matrix also a vector, as a
/// column.
///
/// Throws std::invalid_argument, which begins with `name`, for another number of dimensions, a size
/// that does not fit, an integer in the place of a float or the reverse, and a value beyond the
/// scalar's range.
template <typename Plain>
Plain to_eigen(const TensorView& from, const std::string& name) {
  using Object = memory::EigenObject<Plain>;
  static_assert(Object::is_owner, "eigen_norm: get an owning Eigen matrix, array or tensor");
  constexpr ElementType type = element_type_of<typename Object::Scalar>();
  const auto fail = [&](const std::string& expected, const std::string& got) {
    memory::raise_invalid(name + ": expected " + expected + ", got " + got);
  };
  const memory::Shape shape = shape_as<Plain>(from.shape);
  if (shape.rank() != Object::rank || !Object::can_become(shape)) {
    fail(expected_shape<Plain>(), from.shape.text());
  }
  if (!is_convertible(from.type, type)) fail(name_of(type), name_of(from.type));
  if (!all_fit(from, type)) fail(std::string("values within ") + name_of(type), "one beyond");
  Plain result;
  Object::resize(result, shape);
  MutableTensorView to = view_of(result);
  to.shape = from.shape;
  if (to.strides.rank() > from.shape.rank()) to.strides = packed_strides(from.shape);
  copy(from, to);
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
