// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/tile.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Rows whose sum is taken in the data's own precision.
inline constexpr Index rows_together = 16;

/// `count` rows of adjacent lanes: row j = (j / inner_count, j % inner_count) begins at (j /
/// inner_count) * stride + (j % inner_count) * inner_stride.
struct Rows {
  Index count;
  Index stride;
  Index inner_count = 1;
  Index inner_stride = 0;

  Index offset(Index row) const {
    if (inner_count == 1) return row * stride;
    return row / inner_count * stride + row % inner_count * inner_stride;
  }

  /// True where rows of `width` lanes follow each other without a gap.
  bool is_dense(Index width) const { return inner_count == 1 && stride == width; }
};

/// Narrow rows that follow each other without a gap, several taken as one so that vectors are full:
/// lane l of such a row is lane l % width of one of them. A few rows may be left over.
struct RowFold {
  Index width;   ///< lanes of a row
  Index copies;  ///< rows taken as one
  Index folded;  ///< rows so made
  Index rest;    ///< rows left over, in the end

  RowFold(Index rows, Index lanes, bool dense) : width(lanes), copies(1) {
    constexpr Index narrow = 128;
    if (dense && width <= narrow) {
      while (2 * copies * width <= sum_tile_size && 2 * copies <= rows) copies *= 2;
    }
    folded = rows / copies;
    rest = rows % copies;
  }

  Index lanes() const { return width * copies; }

  /// Bytes from a row to the one that is summed `rows_together` later.
  template <typename Scalar>
  Index next_rows(const Rows& rows) const {
    const Index step = rows.inner_count == 1 ? rows.stride : rows.inner_stride;
    return rows_together * copies * step * Index{sizeof(Scalar)};
  }

  /// Repeats the numbers of the first row's lanes for the others.
  template <typename T, Index Size>
  void repeat(Tile<T, Size>& tile) const {
    for (Index l = width; l < lanes(); ++l) tile[l] = tile[l - width];
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
