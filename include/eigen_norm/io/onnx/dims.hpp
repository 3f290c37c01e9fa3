// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// The dimensions of a value as the format has them, of 64 bits on every machine; -1 where the
/// model leaves one open.
using OnnxDims = std::vector<std::int64_t>;

inline OnnxDims onnx_dims(const memory::Shape& shape) {
  OnnxDims dims;
  for (int axis = 0; axis < shape.rank(); ++axis) dims.push_back(shape[axis]);
  return dims;
}

/// For error messages: "(2, 3, 4)".
inline std::string onnx_text(const OnnxDims& dims) {
  std::string text;
  for (const std::int64_t dim : dims) text += (text.empty() ? "" : ", ") + std::to_string(dim);
  return '(' + text + ')';
}

/// The same as a shape, if it has at most max_rank dimensions and an Index holds them and their
/// product.
inline std::optional<memory::Shape> onnx_shape(const OnnxDims& dims) {
  if (dims.size() > std::size_t{memory::Shape::max_rank}) return {};
  memory::Shape shape;
  for (const std::int64_t dim : dims) {
    if (dim < 0 || dim > std::numeric_limits<Index>::max()) return {};
    shape.push_back(static_cast<Index>(dim));
  }
  if (!shape.is_countable()) return {};
  return shape;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
