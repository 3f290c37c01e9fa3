// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>

#include "eigen_norm/kernels/deviations.hpp"
#include "eigen_norm/kernels/lane_sums.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"

/// The arithmetic of run_moments for each of some adjacent lanes.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Moments of adjacent lanes that have seen the same number of values.
template <typename S>
struct LaneMoments {
  Index count = 0;
  SumTile<S> mean, m2;

  Moments<S> at(Index lane) const { return {count, mean[lane], m2[lane]}; }
};

/// The mean of some of the rows, from all over them, summed in `Compute`.
template <typename Compute, typename Scalar>
void lane_sample_means(const Scalar* x, const Rows& rows, Index width,
                       SumTile<Param<Scalar>>& means) {
  using S = Stat<Scalar>;
  const Index n = std::min(rows.count, rows_together);
  LaneSums<S, 1> sums;
  sums[0].head(width).setConstant(S(0));
  add_rows<Compute>(
      0, n, width, std::array<S*, 1>{sums[0].data()},
      [&](Index j) { return x + rows.offset(j * rows.count / n); },
      [&](auto lanes, const Scalar* row, Index l) {
        return terms(load<Compute, lanes.value>(row + l) - load<Compute, lanes.value>(x + l));
      });
  bool in_range = true;
  for (Index l = 0; l < width; ++l) {
    in_range &= is_finite(sums[0][l]);
    means[l] = static_cast<Param<Scalar>>(S(x[l]) + sums[0][l] / S(static_cast<double>(n)));
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!in_range) lane_sample_means<S>(x, rows, width, means);
  }
}

/// Sums of the deviations of each lane from its centre, and of their squares.
template <typename Compute, typename Scalar>
void lane_deviations(const Scalar* x, const Rows& rows, const RowFold& fold,
                     SumTile<Param<Scalar>>& centre, bool tiny_matters,
                     LaneSums<Stat<Scalar>, 2>& sums) {
  using S = Stat<Scalar>;
  fold.repeat(centre);
  lane_sums<Compute>(
      fold, sums, [&](Index row) { return x + rows.offset(row); },
      [&](auto lanes, const Scalar* row, Index l) {
        constexpr int size = lanes.value;
        prefetch(row + l, fold.next_rows<Scalar>(rows));
        const auto d = load<Compute, size>(row + l) - load<Compute, size>(centre.data() + l);
        return terms(d, d * d);
      });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool trustworthy = true;
    for (Index l = 0; l < fold.width; ++l) {
      trustworthy &= is_trustworthy<Compute>(sums[1][l], rows.count, tiny_matters);
    }
    if (!trustworthy) lane_deviations<S>(x, rows, fold, centre, tiny_matters, sums);
  }
}

/// Moments of each of `width` adjacent lanes, at most a SumTile of them, over some rows.
template <typename Scalar>
LaneMoments<Stat<Scalar>> lane_moments(const Scalar* x, const Rows& rows, Index width,
                                       bool tiny_matters = true) {
  using S = Stat<Scalar>;
  using P = Param<Scalar>;
  const RowFold fold(rows.count, width, rows.is_dense(width));
  SumTile<P> centre;
  LaneSums<S, 2> sums;
  lane_sample_means<P>(x, rows, width, centre);
  lane_deviations<P>(x, rows, fold, centre, tiny_matters, sums);

  LaneMoments<S> result;
  result.count = rows.count;
  const auto finish = [&] {
    bool far = false;
    for (Index l = 0; l < width; ++l) {
      const Deviations<S> d{sums[0][l], sums[1][l]};
      const Moments<S> moments = d.moments(rows.count, centre[l]);
      result.mean[l] = moments.mean;
      result.m2[l] = moments.m2;
      far |= d.is_far(rows.count);
    }
    return far;
  };
  if (finish()) {
    for (Index l = 0; l < width; ++l) centre[l] = static_cast<P>(result.mean[l]);
    lane_deviations<P>(x, rows, fold, centre, tiny_matters, sums);
    finish();
  }
  return result;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
