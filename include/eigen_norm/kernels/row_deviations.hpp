// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/run_moments.hpp"

namespace eigen_norm::kernels {

/// The longest of short rows: one sample tells their centre, one chunk their sums.
inline constexpr Index short_row = 512;

/// The centres and deviations of `count` short rows, the first at `data`, each `stride` after the
/// one before. One step for all rows and then the next: a row is so short that the processor would
/// wait for its sums; it works on several rows at once instead.
template <typename Scalar>
void short_row_deviations(const Scalar* data, Index stride, Index count, Index length,
                          bool tiny_matters, Param<Scalar>* centre, Stat<Scalar>* sum,
                          Stat<Scalar>* squares) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const Index sampled = std::min(length, std::clamp<Index>(length / 4, pack_size<P>, 64));
  const P weight = P(1) / P(static_cast<float>(sampled));
  for (Index j = 0; j < count; ++j) {
    const Scalar* row = data + j * stride;
    const auto shift = static_cast<P>(row[0]);
    Sums<P, 1> sums;
    sums.add(sampled, [=](auto at) { return terms(at(row) - shift); });
    centre[j] = shift + sums.total(0) * weight;
  }
  for (Index j = 0; j < count; ++j) {
    const Scalar* row = data + j * stride;
    const P c = centre[j];
    Sums<P, 2> sums;
    sums.add(length, [=](auto at) {
      const auto d = at(row) - c;
      return terms(d, d * d);
    });
    sum[j] = S(sums.total(0));
    squares[j] = S(sums.total(1));
  }
  for (Index j = 0; j < count; ++j) {
    const Deviations<S> d{sum[j], squares[j]};
    if (!d.is_far(length) && is_trustworthy<P>(d.squares, length, tiny_matters)) continue;
    const Runs<Scalar> row{data + j * stride, 1, 0, length};
    const CentredDeviations<Scalar> about = run_deviations(row, sample_mean<P>(row), tiny_matters);
    centre[j] = about.centre;
    sum[j] = about.d.sum;
    squares[j] = about.d.squares;
  }
}

}  // namespace eigen_norm::kernels
