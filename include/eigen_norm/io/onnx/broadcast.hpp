// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "eigen_norm/io/tensor_view.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {
namespace internal {

/// The dimension of `shape` that stands under dimension `axis` of a shape of `rank` when both are
/// aligned at the end; 1 where there is none.
inline Index dim_under(const memory::Shape& shape, int axis, int rank) {
  const int own = axis - (rank - shape.rank());
  return own < 0 ? 1 : shape[own];
}

/// The same elements seen in another shape: dimensions are aligned at the end, and one that is 1 or
/// absent is repeated. As NumPy and ONNX broadcast, but that leading dimensions of 1 may be too
/// many. Nothing where the shapes do not fit.
inline std::optional<TensorView> broadcast(const TensorView& from, const memory::Shape& shape) {
  const int excess = from.shape.rank() - shape.rank();
  for (int axis = 0; axis < excess; ++axis) {
    if (from.shape[axis] != 1) return {};
  }
  TensorView result = from;
  result.shape = shape;
  result.strides = {};
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Index dim = dim_under(from.shape, axis, shape.rank());
    if (dim != 1 && dim != shape[axis]) return {};
    result.strides.push_back(dim == 1 ? 0 : from.strides[axis + excess]);
  }
  return result;
}

}  // namespace internal
}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
