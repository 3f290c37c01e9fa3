// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "eigen_norm/kernels/coefficient_tiles.hpp"
#include "eigen_norm/kernels/deviations.hpp"
#include "eigen_norm/kernels/lane_sums.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// GradientSums of adjacent lanes.
template <typename S>
struct LaneGradientSums {
  SumTile<S> dy, dy_xhat;

  GradientSums<S> at(Index lane) const { return {dy[lane], dy_xhat[lane]}; }
};

/// Both sums of each lane, without the rest of xhat.
template <typename Compute, typename Scalar>
void centred_lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy,
                                const Rows& dy_rows, const RowFold& fold,
                                const StandardiseTile<Param<Scalar>, sum_tile_size>& s,
                                LaneSums<Stat<Scalar>, 2>& sums) {
  using S = Stat<Scalar>;
  lane_sums<Compute>(
      fold, sums,
      [&](Index row) { return std::pair(x + x_rows.offset(row), dy + dy_rows.offset(row)); },
      [&](auto lanes, const auto& row, Index l) {
        constexpr int size = lanes.value;
        prefetch(row.first + l, fold.next_rows<Scalar>(x_rows));
        prefetch(row.second + l, fold.next_rows<Scalar>(dy_rows));
        const auto d = load<Compute, size>(row.second + l);
        const auto centred =
            load<Compute, size>(row.first + l) - load<Compute, size>(s.centre.data() + l);
        return terms(d, d * (centred * load<Compute, size>(s.inv_std.data() + l)));
      });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool in_range = true;
    for (Index l = 0; l < fold.width; ++l) {
      in_range &= is_finite(sums[0][l]) && is_finite(sums[1][l]);
    }
    if (!in_range) centred_lane_gradient_sums<S>(x, x_rows, dy, dy_rows, fold, s, sums);
  }
}

/// Both sums of each of `width` adjacent lanes, at most a SumTile of them, over some rows.
template <typename Scalar>
LaneGradientSums<Stat<Scalar>> lane_gradient_sums(
    const Scalar* x, const Rows& x_rows, const Scalar* dy, const Rows& dy_rows, Index width,
    StandardiseTile<Param<Scalar>, sum_tile_size>& s) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const RowFold fold(x_rows.count, width, x_rows.is_dense(width) && dy_rows.is_dense(width));
  fold.repeat(s.centre);
  fold.repeat(s.inv_std);
  LaneSums<S, 2> sums;
  centred_lane_gradient_sums<P>(x, x_rows, dy, dy_rows, fold, s, sums);

  LaneGradientSums<S> result;
  for (Index l = 0; l < width; ++l) {
    result.dy[l] = sums[0][l];
    result.dy_xhat[l] = sums[1][l] + S(s.rest[l]) * sums[0][l];
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
