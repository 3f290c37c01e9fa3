// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/column_loop.hpp"
#include "eigen_norm/kernels/lane_loop.hpp"
#include "eigen_norm/kernels/row_loop.hpp"
#include "eigen_norm/kernels/run_loop.hpp"
#include "eigen_norm/kernels/writer.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The forward pass, y = (x - mean) * inv_std * gamma + beta, with the statistics of `source`. y
/// may be x.
template <typename Scalar, typename Source>
void normalise(Operand<const Scalar> x, Operand<Scalar> y, const Affine<Param<Scalar>>& affine,
               const Source& source) {
  memory::merge_runs(x, y);
  const memory::Loop loop = memory::common_loop(x, y);
  Partition(x.shape, loop, Partition::pieces(x.shape)).for_each([&](const Part& part) {
    switch (loop) {
      case memory::Loop::run:
        return normalise_runs(x, y, affine, source, part);
      case memory::Loop::column:
        return normalise_columns(x, y, affine, source, part);
      case memory::Loop::row:
        if constexpr (!Source::by_channel) normalise_rows(x, y, affine, source, part);
        return;
      case memory::Loop::lane:
        if constexpr (!Source::by_channel) normalise_lanes(x, y, affine, source, part);
        return;
    }
  });
  Writer<Scalar>(x.shape.size()).finish();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
