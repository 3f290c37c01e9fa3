// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/run_moments.hpp"
#include "eigen_norm/kernels/tile.hpp"

/// GradientSums of runs and rows in centred form, chunk by chunk: xhat = (x - centre) * inv_std
/// inside the loop, the rest of xhat once at the end.

namespace eigen_norm::kernels {

/// The terms of both sums for one pack of dy and x.
template <typename Compute, int Lanes, typename P>
std::array<Pack<Compute, Lanes>, 2> gradient_terms(const Pack<Compute, Lanes>& dy,
                                                   const Pack<Compute, Lanes>& x,
                                                   const Standardise<P>& s) {
  return terms(dy, dy * ((x - static_cast<Compute>(s.centre)) * static_cast<Compute>(s.inv_std)));
}

/// Both sums of one chunk, whose elements `add_to(sums)` adds; done again in the wider type where
/// `Compute` overflows.
template <typename Compute, typename S, typename AddTo>
GradientSums<S> chunk_gradient_sums(const AddTo& add_to) {
  Sums<Compute, 2> sums;
  add_to(sums);
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_in_range(sums.total(0)) || !is_in_range(sums.total(1))) {
      return chunk_gradient_sums<S, S>(add_to);
    }
  }
  return {S(sums.total(0)), S(sums.total(1))};
}

/// Both sums over some runs.
template <typename Scalar>
GradientSums<Stat<Scalar>> run_gradient_sums(const Runs<Scalar>& x, const Runs<Scalar>& dy,
                                             const Standardise<Param<Scalar>>& s) {
  using S = Stat<Scalar>;
  GradientSums<S> all;
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    all += chunk_gradient_sums<Param<Scalar>, S>([&](auto& sums) {
      for (Index j = run; j < run + runs; ++j) {
        const Scalar* xs = x.data + j * x.stride + begin;
        const Scalar* dys = dy.data + j * dy.stride + begin;
        sums.add(length, [=](auto at) { return gradient_terms(at(dys), at(xs), s); });
      }
    });
  });
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

/// Both sums along one row of `length` elements with gamma inside: sum_i gamma_i * dy_i, ... .
/// `gamma(i)` points to gamma for the elements from i on, a tile of them.
template <typename Scalar, typename Gamma>
GradientSums<Stat<Scalar>> row_gradient_sums(const Scalar* x, const Scalar* dy, Index length,
                                             const Standardise<Param<Scalar>>& s,
                                             const Gamma& gamma) {
  using S = Stat<Scalar>;
  GradientSums<S> all;
  for (Index i = 0; i < length; i += tile_size) {
    const auto* gammas = gamma(i);
    all += chunk_gradient_sums<Param<Scalar>, S>([&](auto& sums) {
      sums.add(std::min(tile_size, length - i),
               [=](auto at) { return gradient_terms(at(gammas) * at(dy + i), at(x + i), s); });
    });
  }
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

}  // namespace eigen_norm::kernels
