// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <type_traits>
#include <utility>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/statistics.hpp"

/// The two sums behind every backward pass, over elements that share gamma and
/// the statistic:
///
///     dy       = sum_i dy_i               (dbeta)
///     dy_xhat  = sum_i dy_i * xhat_i      (dgamma)
///
/// In centred form, chunk by chunk: xhat = (x - centre) * inv_std inside the
/// loop, the rest of xhat once at the end.

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

/// Both sums of one chunk, whose elements `add_to(sums)` adds; done again in
/// the wider type where `Compute` overflows.
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

/// Both sums along one row of `length` elements with gamma inside: sum_i
/// gamma_i * dy_i, ... . `gamma(i)` points to gamma for the elements from i on,
/// a tile of them.
template <typename Scalar, typename Gamma>
GradientSums<Stat<Scalar>> row_gradient_sums(const Scalar* x, const Scalar* dy, Index length,
                                             const Standardise<Param<Scalar>>& s,
                                             const Gamma& gamma) {
  using S = Stat<Scalar>;
  GradientSums<S> all;
  for_each_chunk(1, length, [&](Index, Index, Index begin, Index count) {
    all += chunk_gradient_sums<Param<Scalar>, S>([&](auto& sums) {
      for (Index i = begin; i < begin + count; i += tile_size) {
        const Index width = std::min(tile_size, begin + count - i);
        const auto* gammas = gamma(i);
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

/// Both sums of each of `width` adjacent lanes over rows [begin, end), added to
/// dy_sum and dy_xhat_sum.
template <typename Compute, typename Scalar>
void add_lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy,
                            const Rows& dy_rows, Index begin, Index end, Index width,
                            const LaneStandardise<Param<Scalar>>& s, Stat<Scalar>* dy_sum,
                            Stat<Scalar>* dy_xhat_sum) {
  using S = Stat<Scalar>;
  std::array<Tile<Compute>, 2> sums{};
  const auto place = [&](Index row) {
    return std::pair(x + x_rows.offset(row), dy + dy_rows.offset(row));
  };
  add_rows<Compute>(begin, end, width, sums, place, [&](auto lanes, const auto& row, Index l) {
    constexpr int size = lanes.value;
    const auto d = load<Compute, size>(row.second + l);
    return terms(d, d * ((load<Compute, size>(row.first + l) - load<Compute, size>(s.centre + l)) *
                         load<Compute, size>(s.inv_std + l)));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool in_range = true;
    for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
      in_range &= is_in_range(sums[0][l]) && is_in_range(sums[1][l]);
    }
    if (!in_range) {
      return add_lane_gradient_sums<S>(x, x_rows, dy, dy_rows, begin, end, width, s, dy_sum,
                                       dy_xhat_sum);
    }
  }
  for_each_pack<S>(width, [&](auto lanes, Index l) {
    constexpr int size = lanes.value;
    const auto sum = load<S, size>(sums[0].data() + l);
    store<size>(dy_sum + l, load<S, size>(dy_sum + l) + sum);
    store<size>(dy_xhat_sum + l, load<S, size>(dy_xhat_sum + l) +
                                     load<S, size>(sums[1].data() + l) +
                                     load<S, size>(s.rest + l) * sum);
  });
}

/// Both sums of each of `width` adjacent lanes, at most a tile of them, over
/// some rows, added to dy_sum and dy_xhat_sum.
template <typename Scalar>
void lane_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy, const Rows& dy_rows,
                        Index width, const LaneStandardise<Param<Scalar>>& s, Stat<Scalar>* dy_sum,
                        Stat<Scalar>* dy_xhat_sum) {
  for (Index begin = 0; begin < x_rows.count; begin += chunk_rows) {
    const Index end = std::min(begin + chunk_rows, x_rows.count);
    add_lane_gradient_sums<Param<Scalar>>(x, x_rows, dy, dy_rows, begin, end, width, s, dy_sum,
                                          dy_xhat_sum);
  }
}

}  // namespace eigen_norm::kernels
