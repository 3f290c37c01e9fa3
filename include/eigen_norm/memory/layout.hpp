// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Where the channels stand in the logical index: (N, C, ...) or (N, ..., C).
enum class ChannelAxis { first, last };

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm

namespace eigen_norm::memory {
inline namespace EIGEN_NORM_ABI {

/// How a dense tensor of a given shape lies in memory.
///
/// Row-major: the last index runs fastest; column-major (Eigen's default): the first. Everything is
/// packed, but for rank 2, where `leading` is the distance between neighbours along the slow axis
/// (the outer stride of an Eigen matrix or block).
struct Layout {
  Shape shape;
  bool row_major = true;
  Index leading = 0;

  static Layout packed(const Shape& shape, bool row_major) {
    const int rank = shape.rank();
    return {shape, row_major, row_major ? shape.product(1, rank) : shape.product(0, rank - 1)};
  }

  /// The same packed memory as one sample: (C, ...) as (1, C, ...).
  Layout as_batch() const {
    Shape one;
    one.push_back(1);
    for (int axis = 0; axis < shape.rank(); ++axis) one.push_back(shape[axis]);
    return packed(one, row_major);
  }

  /// The same memory of a matrix with its axes exchanged.
  Layout transposed() const { return {{shape[1], shape[0]}, !row_major, leading}; }

  bool is_packed() const {
    const Layout same_but_packed = packed(shape, row_major);
    const Index lines = shape.rank() == 0 ? 1 : shape[row_major ? 0 : shape.rank() - 1];
    return lines <= 1 || leading == same_but_packed.leading;
  }

  /// Elements from the first to one past the last.
  Index span() const {
    if (shape.size() == 0) return 0;
    const Index lines = shape.rank() == 0 ? 1 : shape[row_major ? 0 : shape.rank() - 1];
    return (lines - 1) * leading + shape.size() / lines;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::memory
