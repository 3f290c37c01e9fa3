// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "eigen_norm/kernels/moments.hpp"
#include "eigen_norm/kernels/pack.hpp"
#include "eigen_norm/kernels/scalar.hpp"

namespace eigen_norm::kernels {

/// `count` runs of `length` adjacent elements, `stride` apart.
template <typename Scalar>
struct Runs {
  const Scalar* data;
  Index count;
  Index stride;
  Index length;

  Index size() const { return count * length; }
};

/// Elements visited together: few enough to stay in the first-level cache for a second pass.
inline constexpr Index chunk_size = 2048;

/// Rows of a column chunk, for the same reason.
inline constexpr Index chunk_rows = 32;

/// Calls f(first run, runs, first element, elements) for pieces of at most `chunk_size` elements:
/// parts of one run where runs are long, several whole runs where they are short.
template <typename F>
void for_each_chunk(Index count, Index length, const F& f) {
  if (length >= chunk_size) {
    for (Index run = 0; run < count; ++run) {
      for (Index begin = 0; begin < length; begin += chunk_size) {
        f(run, Index{1}, begin, std::min(chunk_size, length - begin));
      }
    }
  } else {
    const Index together = std::max<Index>(1, chunk_size / length);
    for (Index run = 0; run < count; run += together) {
      f(run, std::min(together, count - run), Index{0}, length);
    }
  }
}

/// False where a sum of squares left the range in which `Compute` holds it to full precision.
template <typename Compute>
bool is_trustworthy(const Compute& squares) {
  using Limits = std::numeric_limits<Compute>;
  return squares >= Limits::min() / Limits::epsilon() && squares <= Limits::max();
}

/// Moments of one chunk: two passes over it while it is in the cache.
///
///     shift = x_0                    constants give exactly zero below
///     c     = shift + sum_i (x_i - shift) / n,  rounded to Compute
///     r     = sum_i (x_i - c),   q = sum_i (x_i - c)^2
///     mean  = c + r / n,         m2 = q - r^2 / n
///
/// The residue r is what c lost by rounding. Where q over- or underflows, the chunk is done again
/// in the wider type.
template <typename Compute, typename Scalar>
Moments<Stat<Scalar>> chunk_moments(const Runs<Scalar>& x) {
  using S = Stat<Scalar>;
  const S n = S(static_cast<double>(x.size()));
  const Compute shift = static_cast<Compute>(x.data[0]);

  Sums<Compute, 1> first;
  for (Index j = 0; j < x.count; ++j) {
    const Scalar* run = x.data + j * x.stride;
    first.add(x.length, [&](auto at) {
      auto d = at(run);
      d -= shift;
      return terms(d);
    });
  }
  const Compute c = static_cast<Compute>(S(shift) + S(first.total(0)) / n);

  Sums<Compute, 2> second;
  for (Index j = 0; j < x.count; ++j) {
    const Scalar* run = x.data + j * x.stride;
    second.add(x.length, [&](auto at) {
      auto d = at(run);
      d -= c;
      return terms(d, d * d);
    });
  }
  const S r = S(second.total(0));
  const S q = S(second.total(1));
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy(second.total(1))) return chunk_moments<S>(x);
  }
  S m2 = q - r * r / n;
  if (m2 < S(0)) m2 = S(0);
  return {x.size(), S(c) + r / n, m2};
}

/// Moments of all elements of some runs, chunk by chunk, merged in order.
template <typename Scalar>
Moments<Stat<Scalar>> run_moments(const Runs<Scalar>& x) {
  Moments<Stat<Scalar>> all;
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    const Scalar* data = x.data + run * x.stride + begin;
    all.merge(chunk_moments<Param<Scalar>>(Runs<Scalar>{data, runs, x.stride, length}));
  });
  return all;
}

/// `count` rows of adjacent lanes: row j = (j / inner_count, j % inner_count) begins at
/// (j / inner_count) * stride + (j % inner_count) * inner_stride.
struct Rows {
  Index count;
  Index stride;
  Index inner_count = 1;
  Index inner_stride = 0;

  Index offset(Index row) const {
    return row / inner_count * stride + row % inner_count * inner_stride;
  }
};

/// The arithmetic of chunk_moments for `Lanes` adjacent lanes over rows [begin, end), added to the
/// moments of the `begin` rows before.
template <typename Compute, int Lanes, typename Scalar>
void add_lane_moments(const Scalar* x, const Rows& rows, Index begin, Index end, Stat<Scalar>* mean,
                      Stat<Scalar>* m2) {
  using S = Stat<Scalar>;
  using P = Pack<Compute, Lanes>;
  const S n = S(static_cast<double>(end - begin));
  const P shift = load<Compute, Lanes>(x + rows.offset(begin));

  P sum = P::Constant(Compute(0));
  for (Index j = begin; j < end; ++j) sum += load<Compute, Lanes>(x + rows.offset(j)) - shift;
  const P c = (shift.template cast<S>() + sum.template cast<S>() / n).template cast<Compute>();

  P r = P::Constant(Compute(0)), q = r;
  for (Index j = begin; j < end; ++j) {
    const P d = load<Compute, Lanes>(x + rows.offset(j)) - c;
    r += d;
    q += d * d;
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    bool trustworthy = true;
    for (int l = 0; l < Lanes; ++l) trustworthy = trustworthy && is_trustworthy(q[l]);
    if (!trustworthy) return add_lane_moments<S, Lanes>(x, rows, begin, end, mean, m2);
  }
  for (int l = 0; l < Lanes; ++l) {
    const S residue = S(r[l]);
    S lane_m2 = S(q[l]) - residue * residue / n;
    if (lane_m2 < S(0)) lane_m2 = S(0);
    Moments<S> lane{begin, mean[l], m2[l]};
    lane.merge({end - begin, S(c[l]) + residue / n, lane_m2});
    mean[l] = lane.mean;
    m2[l] = lane.m2;
  }
}

/// Calls f(lanes, first lane) over `width` lanes, as many packs as fit and then single lanes;
/// `lanes` is an integral constant.
template <typename Compute, typename F>
void for_each_pack(Index width, const F& f) {
  constexpr int lanes = pack_size<Compute>;
  Index l = 0;
  for (; l + lanes <= width; l += lanes) f(std::integral_constant<int, lanes>{}, l);
  if constexpr (lanes > 1) {
    for (; l < width; ++l) f(std::integral_constant<int, 1>{}, l);
  }
}

/// Moments of each of `width` adjacent lanes over some rows.
template <typename Scalar>
void lane_moments(const Scalar* x, const Rows& rows, Index width, Stat<Scalar>* mean,
                  Stat<Scalar>* m2) {
  using Compute = Param<Scalar>;
  for (Index begin = 0; begin < rows.count; begin += chunk_rows) {
    const Index end = std::min(begin + chunk_rows, rows.count);
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      add_lane_moments<Compute, lanes.value>(x + l, rows, begin, end, mean + l, m2 + l);
    });
  }
}

}  // namespace eigen_norm::kernels
