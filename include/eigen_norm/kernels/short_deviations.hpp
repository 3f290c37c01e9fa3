// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/side_by_side.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The centres and deviations of `count` lines of short runs, each `stride` after the one before;
/// `first` is the first of them. One step for all lines and then the next: a run is so short that
/// the processor would wait for its sums; it works on several at once instead.
template <typename Scalar>
void short_deviations(const Runs<Scalar>& first, Index stride, Index count, bool tiny_matters,
                      Param<Scalar>* centre, Stat<Scalar>* sum, Stat<Scalar>* squares) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const Index length = first.length;

  // The mean of some of the elements, from the beginnings of some of the runs.
  const Index sampled = std::min(length, std::clamp<Index>(length / 4, pack_size<P>, 64));
  const Index runs = std::min<Index>(first.count, 8);
  const P weight = P(1) / P(static_cast<float>(sampled * runs));
  const Index next_run = first.stride * Index{sizeof(Scalar)};
  const auto shift = [&](Index j) { return static_cast<P>(first.data[j * stride]); };
  sum_side_by_side<P, 1>(
      count, runs, sampled,
      [&](Index j, Index run) {
        const Scalar* data = first.data + j * stride + run * first.count / runs * first.stride;
        const P x_0 = shift(j);
        return [=](auto at) { return terms(at(data) - x_0); };
      },
      [&](Index j, Index, Index, const Sums<P, 1>& sums) {
        centre[j] = shift(j) + sums.total(0) * weight;
      });

  sum_side_by_side<P, 2>(
      count, first.count, length,
      [&](Index j, Index run) {
        const Scalar* data = first.data + j * stride + run * first.stride;
        const P c = centre[j];
        return [=](auto at) {
          prefetch(data + at.i, next_run);
          const auto d = at(data) - c;
          return terms(d, d * d);
        };
      },
      [&](Index j, Index begin, Index, const Sums<P, 2>& sums) {
        sum[j] = S(sums.total(0)) + (begin == 0 ? S(0) : sum[j]);
        squares[j] = S(sums.total(1)) + (begin == 0 ? S(0) : squares[j]);
      });

  for (Index j = 0; j < count; ++j) {
    const Deviations<S> d{sum[j], squares[j]};
    if (!d.is_far(first.size()) && is_trustworthy<P>(d.squares, first.size(), tiny_matters)) {
      continue;
    }
    const Runs<Scalar> line = first.shifted(j * stride);
    const CentredDeviations<Scalar> about =
        run_deviations(line, sample_mean<P>(line), tiny_matters);
    centre[j] = about.centre;
    sum[j] = about.d.sum;
    squares[j] = about.d.squares;
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
