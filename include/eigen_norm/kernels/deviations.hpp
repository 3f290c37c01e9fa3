// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <type_traits>

#include "eigen_norm/kernels/finite.hpp"
#include "eigen_norm/kernels/moments.hpp"
#include "eigen_norm/kernels/scalar.hpp"

/// How sums of float become moments of double precision: about a centre near the mean.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// False where squares left the range in which `Compute` holds them to full precision: beyond its
/// largest number, or, where that matters, near its smallest. Where nothing is wider they have to
/// do.
template <typename Compute, typename S>
bool is_trustworthy(const S& squares, Index n, bool tiny_matters) {
  if constexpr (std::is_same_v<Compute, S>) {
    return true;
  } else {
    using Limits = std::numeric_limits<Compute>;
    const S smallest = S(Limits::min()) / S(Limits::epsilon()) * S(static_cast<double>(n));
    return is_finite(squares) && squares <= S(Limits::max()) &&
           (!tiny_matters || squares >= smallest);
  }
}

/// Whether tiny squares matter beside eps: they do where it is not far above them.
inline bool tiny_matters(double eps) { return eps < 1e-20; }

/// Sums of deviations from a centre c, and of their squares:
///
///     r = sum_i (x_i - c),   q = sum_i (x_i - c)^2
///     mean = c + r / n,      m2 = q - r^2 / n
///
/// r is what c lacks of the mean. While r^2 / n is no large part of q, the difference keeps the
/// digits that q has.
template <typename S>
struct Deviations {
  S sum = S(0);
  S squares = S(0);

  /// True where the centre is so many sigma off the mean that m2 would lose digits.
  bool is_far(Index n) const { return sum * sum > S(0.75) * squares * S(static_cast<double>(n)); }

  template <typename P>
  Moments<S> moments(Index n, const P& centre) const {
    const S share = sum / S(static_cast<double>(n));
    return {n, S(centre) + share, squares - sum * share};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
