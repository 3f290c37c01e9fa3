// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The statistics of x alone, where they are wanted before anything is normalised: `source` writes
/// each where it is told to.
template <typename Scalar>
void statistics(Operand<const Scalar> x, const FromData<Scalar>& source) {
  memory::merge_runs(x);
  const CollapsedShape& v = x.shape;
  const memory::Loop loop = v.loop();
  const bool along_groups = loop == memory::Loop::run || loop == memory::Loop::column;
  const Index rows = loop == memory::Loop::row ? lines_together : tile_size;
  Partition(v, loop, Partition::pieces(v)).for_each([&](const Part& part) {
    StatisticTile<Stat<Scalar>> tile;
    for (Index r = part.repeat_begin; along_groups && r < part.repeat_end; ++r) {
      for (Index g = part.group_begin; g < part.group_end; g += tile_size) {
        const Index count = std::min(tile_size, part.group_end - g);
        if (loop == memory::Loop::run) source.of_runs(x, r, g, count, tile);
        if (loop == memory::Loop::column) source.of_columns(x, r, g, count, tile);
      }
    }
    for (Index r = part.repeat_begin; !along_groups && r < part.repeat_end; r += rows) {
      const Index count = std::min(rows, part.repeat_end - r);
      for (Index g = part.group_begin; g < part.group_end; ++g) {
        if (loop == memory::Loop::row) source.of_rows(x, r, count, g, tile);
        if (loop == memory::Loop::lane) source.of_lanes(x, r, count, g, tile);
      }
    }
  });
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
