// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/column_loop.hpp"
#include "eigen_norm/kernels/lane_loop.hpp"
#include "eigen_norm/kernels/row_loop.hpp"
#include "eigen_norm/kernels/run_loop.hpp"
#include "eigen_norm/kernels/writer.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The backward pass, with the statistics of `source` that the forward pass had. With t1 and t2 the
/// sums of gamma * dy and gamma * dy * xhat over the m values of a statistic:
///
///     dx     = inv_std * (gamma * dy - t1 / m - xhat * t2 / m)    statistics of the batch
///     dx     = inv_std * gamma * dy                               statistics given
///     dgamma = sum(dy * xhat),   dbeta = sum(dy)
///
/// `pass.affine_sums` has room for `pieces` times dgamma and dbeta; the first of them is the
/// result.
template <typename Scalar, typename Xhat, typename Source>
void backward(BackwardPass<Scalar, Xhat> pass, const Source& source, Index pieces) {
  memory::merge_runs(pass.x, pass.dy, pass.dx);
  const memory::Loop loop = memory::common_loop(pass.x, pass.dy, pass.dx);
  const Index sums = 2 * pass.x.shape.channels;
  if (pass.affine_sums != nullptr) {
    std::fill_n(pass.affine_sums, sums * pieces, Stat<Scalar>(0));
  }
  Partition(pass.x.shape, loop, pieces).for_each([&](const Part& part) {
    switch (loop) {
      case memory::Loop::run:
        return backward_runs(pass, source, part);
      case memory::Loop::column:
        return backward_columns(pass, source, part);
      case memory::Loop::row:
        return backward_rows(pass, source, part);
      case memory::Loop::lane:
        return backward_lanes(pass, source, part);
    }
  });
  Writer<Scalar>(pass.x.shape.size()).finish();
  for (Index piece = 1; pass.affine_sums != nullptr && piece < pieces; ++piece) {
    for (Index i = 0; i < sums; ++i) pass.affine_sums[i] += pass.affine_sums[piece * sums + i];
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
