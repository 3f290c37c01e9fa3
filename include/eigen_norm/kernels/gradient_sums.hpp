// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <type_traits>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/statistics.hpp"

/// The two sums behind every backward pass, over elements that share gamma and the statistic:
///
///     dy       = sum_i dy_i               (dbeta)
///     dy_xhat  = sum_i dy_i * xhat_i      (dgamma)
///
/// In centred form, chunk by chunk: xhat = (x - centre) * inv_std inside the loop, the rest of xhat
/// once at the end.

namespace eigen_norm::kernels {

template <typename S>
struct GradientSums {
  S dy = S(0);
  S dy_xhat = S(0);

  GradientSums& operator+=(const GradientSums& other) {
    dy += other.dy;
    dy_xhat += other.dy_xhat;
    return *this;
  }
};

/// False where a sum left the range of `Compute`.
template <typename Compute>
bool is_in_range(const Compute& sum) {
  using std::abs;
  return abs(sum) <= std::numeric_limits<Compute>::max();
}

/// The terms of both sums for one pack of dy and x.
template <typename PackType, typename P>
std::array<PackType, 2> gradient_terms(const PackType& dy, const PackType& x,
                                       const Standardise<P>& s) {
  using Compute = typename PackType::Scalar;
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
        sums.add(length, [&](auto at) { return gradient_terms(at(dys), at(xs), s); });
      }
    });
  });
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

/// Both sums along one row of `length` elements with gamma inside: sum_i gamma_i * dy_i, ... .
/// `gamma(i, n)` is gamma for the elements i to i + n, n <= tile.
template <typename Scalar, typename Gamma>
GradientSums<Stat<Scalar>> row_gradient_sums(const Scalar* x, const Scalar* dy, Index length,
                                             const Standardise<Param<Scalar>>& s, Index tile,
                                             const Gamma& gamma) {
  using S = Stat<Scalar>;
  GradientSums<S> all;
  for_each_chunk(1, length, [&](Index, Index, Index begin, Index count) {
    all += chunk_gradient_sums<Param<Scalar>, S>([&](auto& sums) {
      for (Index i = begin; i < begin + count; i += tile) {
        const Index width = std::min(tile, begin + count - i);
        const auto* gammas = gamma(i, width).data();
        sums.add(width, [&](auto at) {
          auto g = at(dy + i);
          g *= at(gammas);
          return gradient_terms(g, at(x + i), s);
        });
      }
    });
  });
  all.dy_xhat += S(s.rest) * all.dy;
  return all;
}

/// Centre, inv_std and rest of adjacent lanes.
template <typename P>
struct LaneStandardise {
  const P* centre;
  const P* inv_std;
  const P* rest;
};

/// Adds both sums of `Lanes` adjacent lanes over rows [begin, end) to dy_sum and dy_xhat_sum.
template <typename Compute, int Lanes, typename Scalar>
void add_lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy,
                            const Rows& dy_rows, Index begin, Index end,
                            const LaneStandardise<Param<Scalar>>& s, Stat<Scalar>* dy_sum,
                            Stat<Scalar>* dy_xhat_sum) {
  using S = Stat<Scalar>;
  using P = Pack<Compute, Lanes>;
  const P centre = load<Compute, Lanes>(s.centre);
  const P inv_std = load<Compute, Lanes>(s.inv_std);
  P sum = P::Constant(Compute(0)), xhat_sum = sum;
  for (Index j = begin; j < end; ++j) {
    const P d = load<Compute, Lanes>(dy + dy_rows.offset(j));
    sum += d;
    xhat_sum += d * ((load<Compute, Lanes>(x + x_rows.offset(j)) - centre) * inv_std);
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    bool in_range = true;
    for (int l = 0; l < Lanes; ++l) {
      in_range = in_range && is_in_range(sum[l]) && is_in_range(xhat_sum[l]);
    }
    if (!in_range) {
      return add_lane_gradient_sums<S, Lanes>(x, x_rows, dy, dy_rows, begin, end, s, dy_sum,
                                              dy_xhat_sum);
    }
  }
  for (int l = 0; l < Lanes; ++l) {
    dy_sum[l] += S(sum[l]);
    dy_xhat_sum[l] += S(xhat_sum[l]) + S(s.rest[l]) * S(sum[l]);
  }
}

/// Both sums of each of `width` adjacent lanes over some rows, added to dy_sum and dy_xhat_sum.
template <typename Scalar>
void lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy, const Rows& dy_rows,
                        Index width, const LaneStandardise<Param<Scalar>>& s, Stat<Scalar>* dy_sum,
                        Stat<Scalar>* dy_xhat_sum) {
  using Compute = Param<Scalar>;
  for (Index begin = 0; begin < x_rows.count; begin += chunk_rows) {
    const Index end = std::min(begin + chunk_rows, x_rows.count);
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      add_lane_gradient_sums<Compute, lanes.value>(x + l, x_rows, dy + l, dy_rows, begin, end,
                                                   {s.centre + l, s.inv_std + l, s.rest + l},
                                                   dy_sum + l, dy_xhat_sum + l);
    });
  }
}

}  // namespace eigen_norm::kernels
