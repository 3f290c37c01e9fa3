// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/run_moments.hpp"
#include "eigen_norm/kernels/side_by_side.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"
#include "eigen_norm/kernels/tile.hpp"

/// GradientSums of runs and rows in centred form, chunk by chunk: xhat = (x - centre) * inv_std
/// inside the loop, the rest of xhat once at the end.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The terms of both sums for one pack of dy and x.
template <typename Compute, int Lanes, typename P>
std::array<Pack<Compute, Lanes>, 2> gradient_terms(const Pack<Compute, Lanes>& dy,
                                                   const Pack<Compute, Lanes>& x,
                                                   const Standardise<P>& s) {
  return terms(dy, dy * ((x - static_cast<Compute>(s.centre)) * static_cast<Compute>(s.inv_std)));
}

template <typename S, typename TermOf>
EIGEN_DONT_INLINE GradientSums<S> wide_chunk_gradient_sums(Index lines, Index length,
                                                           const TermOf& term_of);

/// Both sums of one chunk: of `lines` times `length` elements, with term_of(j) as Sums take it;
/// done again in the wider type where `Compute` overflows.
template <typename Compute, typename S, typename TermOf>
EIGEN_ALWAYS_INLINE GradientSums<S> chunk_gradient_sums(Index lines, Index length,
                                                        const TermOf& term_of) {
  Sums<Compute, 2> sums;
  for (Index j = 0; j < lines; ++j) sums.add(length, term_of(j));
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_finite(sums.total(0)) || !is_finite(sums.total(1))) {
      return wide_chunk_gradient_sums<S>(lines, length, term_of);
    }
  }
  return {S(sums.total(0)), S(sums.total(1))};
}

/// The rare case, kept out of the loops.
template <typename S, typename TermOf>
GradientSums<S> wide_chunk_gradient_sums(Index lines, Index length, const TermOf& term_of) {
  return chunk_gradient_sums<S, S>(lines, length, term_of);
}

/// Both sums over some runs.
template <typename Scalar>
GradientSums<Stat<Scalar>> run_gradient_sums(const Runs<Scalar>& x, const Runs<Scalar>& dy,
                                             const Standardise<Param<Scalar>>& s) {
  using S = Stat<Scalar>;
  auto all = GradientSums<S>::zero();
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    all += chunk_gradient_sums<Param<Scalar>, S>(runs, length, [&](Index j) {
      const Scalar* xs = x.data + (run + j) * x.stride + begin;
      const Scalar* dys = dy.data + (run + j) * dy.stride + begin;
      return [=](auto at) { return gradient_terms(at(dys), at(xs), s); };
    });
  });
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

/// Both sums of each of `count` channels: `x` and `dy` are the runs of the first, those of each
/// other lie a stride further.
template <typename Scalar>
void channel_gradient_sums(const Runs<Scalar>& x, Index x_stride, const Runs<Scalar>& dy,
                           Index dy_stride, Index count, const Standardise<Param<Scalar>>* s,
                           GradientSums<Stat<Scalar>>* out) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  if (x.length > short_run) {
    for (Index c = 0; c < count; ++c) {
      out[c] = run_gradient_sums(x.shifted(c * x_stride), dy.shifted(c * dy_stride), s[c]);
    }
    return;
  }
  const Index next_run = x.stride * Index{sizeof(Scalar)};
  const Index next_run_of_dy = dy.stride * Index{sizeof(Scalar)};
  const auto term_of = [&](Index c, Index run) {
    const Scalar* xs = x.data + c * x_stride + run * x.stride;
    const Scalar* dys = dy.data + c * dy_stride + run * dy.stride;
    const Standardise<P> by = s[c];
    return [=](auto at) {
      prefetch(xs + at.i, next_run);
      prefetch(dys + at.i, next_run_of_dy);
      return gradient_terms(at(dys), at(xs), by);
    };
  };
  std::fill_n(out, count, GradientSums<S>::zero());
  sum_side_by_side<P, 2>(
      count, x.count, x.length, term_of,
      [&](Index c, Index first, Index runs, const Sums<P, 2>& sums) {
        const bool in_range = is_finite(sums.total(0)) && is_finite(sums.total(1));
        out[c] += in_range ? GradientSums<S>{S(sums.total(0)), S(sums.total(1))}
                           : wide_chunk_gradient_sums<S>(
                                 runs, x.length, [&](Index j) { return term_of(c, first + j); });
      });
  for (Index c = 0; c < count; ++c) out[c].dy_xhat += S(s[c].rest) * out[c].dy;
}

/// Both sums along one row of `length` elements with gamma inside: sum_i gamma_i * dy_i, ... .
/// `gamma(i)` points to gamma for the elements from i on, a tile of them.
template <typename Scalar, typename Values, typename Gamma>
GradientSums<Stat<Scalar>> row_gradient_sums(const Values& x, const Scalar* dy, Index length,
                                             const Standardise<Param<Scalar>>& s,
                                             const Gamma& gamma) {
  using S = Stat<Scalar>;
  auto all = GradientSums<S>::zero();
  for (Index i = 0; i < length; i += tile_size) {
    const auto* gammas = gamma(i);
    all += chunk_gradient_sums<Param<Scalar>, S>(1, std::min(tile_size, length - i), [&](Index) {
      return [=](auto at) { return gradient_terms(at(gammas) * at(dy + i), at(x + i), s); };
    });
  }
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
