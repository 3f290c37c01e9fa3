// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "eigen_norm/kernels/moments.hpp"
#include "eigen_norm/kernels/scalar.hpp"
#include "eigen_norm/kernels/sums.hpp"

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

/// Short runs visited together: each adds once to the same registers, and many additions in a row
/// of much the same number round the same way.
inline constexpr Index chunk_runs = 32;

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
    const Index together = std::clamp<Index>(chunk_size / length, 1, chunk_runs);
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
    first.add(x.length, [&](auto at) { return terms(at(run) - shift); });
  }
  const Compute c = static_cast<Compute>(S(shift) + S(first.total(0)) / n);

  Sums<Compute, 2> second;
  for (Index j = 0; j < x.count; ++j) {
    const Scalar* run = x.data + j * x.stride;
    second.add(x.length, [&](auto at) {
      const auto d = at(run) - c;
      return terms(d, d * d);
    });
  }
  const S r = S(second.total(0));
  const S q = S(second.total(1));
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy(second.total(1))) return chunk_moments<S>(x);
  }
  return {x.size(), S(c) + r / n, q - r * r / n};
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

}  // namespace eigen_norm::kernels
