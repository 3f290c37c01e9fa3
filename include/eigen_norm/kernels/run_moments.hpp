// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>

#include "eigen_norm/kernels/deviations.hpp"
#include "eigen_norm/kernels/sums.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// `count` runs of `length` adjacent elements, `stride` apart.
template <typename Scalar>
struct Runs {
  const Scalar* data;
  Index count;
  Index stride;
  Index length;

  Index size() const { return count * length; }
  /// The same runs, `offset` elements further.
  Runs shifted(Index offset) const { return {data + offset, count, stride, length}; }
};

/// Elements whose sum is taken in the data's own precision.
inline constexpr Index chunk_size = 2048;

/// Short runs summed together: each adds once to the same registers, and many additions in a row of
/// much the same number round the same way.
inline constexpr Index chunk_runs = 32;

/// Calls f(first run, runs, first element, elements) for pieces of at most `chunk_size` elements:
/// parts of one run where runs are long, several whole runs where they are short.
template <typename F>
EIGEN_ALWAYS_INLINE void for_each_chunk(Index count, Index length, const F& f) {
  const bool one_by_one = count == 1 || length >= chunk_size;
  const Index together = one_by_one ? 1 : std::clamp<Index>(chunk_size / length, 1, chunk_runs);
  for (Index run = 0; run < count; run += together) {
    for (Index begin = 0; begin < length; begin += chunk_size) {
      f(run, std::min(together, count - run), begin, std::min(chunk_size, length - begin));
    }
  }
}

/// The mean of some of the elements, from all over the runs, summed in `Compute`:
///
///     c = x_0 + sum_i (x_i - x_0) / n       constants are met exactly
template <typename Compute, typename Scalar>
Param<Scalar> sample_mean(const Runs<Scalar>& x) {
  using S = Stat<Scalar>;
  constexpr Index piece_size = 64;
  const Index pieces = std::clamp<Index>(std::max(x.size() / 512, x.count), 1, 8);
  const auto shift = static_cast<Compute>(x.data[0]);
  Sums<Compute, 1> sums;
  Index n = 0;
  const auto add = [&](Index run, Index begin, Index length) {
    const Scalar* data = x.data + run * x.stride + begin;
    sums.add(length, [=](auto at) { return terms(at(data) - shift); });
    n += length;
  };
  add(0, 0, std::min(piece_size, x.length));
  for (Index piece = 1; piece < pieces; ++piece) {
    const Index place = piece * x.size() / pieces;
    const Index begin = place % x.length;
    add(place / x.length, begin, std::min(piece_size, x.length - begin));
  }
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_finite(sums.total(0))) return sample_mean<S>(x);
  }
  const S weight = S(1) / S(static_cast<double>(n));  // known before the sum is
  return static_cast<Param<Scalar>>(S(shift) + S(sums.total(0)) * weight);
}

/// The deviations of all elements of some runs from a centre.
template <typename Compute, typename Scalar>
Deviations<Stat<Scalar>> deviations(const Runs<Scalar>& x, const Param<Scalar>& centre,
                                    bool tiny_matters) {
  using S = Stat<Scalar>;
  const auto c = static_cast<Compute>(centre);
  Deviations<S> all;
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    Sums<Compute, 2> sums;
    for (Index j = run; j < run + runs; ++j) {
      const Scalar* data = x.data + j * x.stride + begin;
      sums.add(length, [=](auto at) {
        const auto d = at(data) - c;
        return terms(d, d * d);
      });
    }
    all.sum += S(sums.total(0));
    all.squares += S(sums.total(1));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy<Compute>(all.squares, x.size(), tiny_matters)) {
      return deviations<S>(x, centre, tiny_matters);
    }
  }
  return all;
}

/// The sum of the squares of all elements of some runs: RMSNorm's only sum.
template <typename Compute, typename Scalar>
Stat<Scalar> sum_of_squares(const Runs<Scalar>& x, bool tiny_matters) {
  using S = Stat<Scalar>;
  S all = S(0);
  for_each_chunk(x.count, x.length, [&](Index run, Index runs, Index begin, Index length) {
    Sums<Compute, 1> sums;
    for (Index j = run; j < run + runs; ++j) {
      const Scalar* data = x.data + j * x.stride + begin;
      sums.add(length, [=](auto at) {
        const auto value = at(data);
        return terms(value * value);
      });
    }
    all += S(sums.total(0));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    if (!is_trustworthy<Compute>(all, x.size(), tiny_matters)) {
      return sum_of_squares<S>(x, tiny_matters);
    }
  }
  return all;
}

/// Deviations and the centre they are from.
template <typename Scalar>
struct CentredDeviations {
  Param<Scalar> centre;
  Deviations<Stat<Scalar>> d;
};

/// In one visit where `centre`, as sampled, is near enough to the mean, which it nearly always is.
template <typename Scalar>
CentredDeviations<Scalar> run_deviations(const Runs<Scalar>& x, Param<Scalar> centre,
                                         bool tiny_matters) {
  using P = Param<Scalar>;
  auto d = deviations<P>(x, centre, tiny_matters);
  if (d.is_far(x.size())) {
    centre = static_cast<P>(d.moments(x.size(), centre).mean);
    d = deviations<P>(x, centre, tiny_matters);
  }
  return {centre, d};
}

/// Moments of all elements of some runs.
template <typename Scalar>
Moments<Stat<Scalar>> run_moments(const Runs<Scalar>& x, bool tiny_matters = true) {
  const auto [centre, d] = run_deviations(x, sample_mean<Param<Scalar>>(x), tiny_matters);
  return d.moments(x.size(), centre);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
