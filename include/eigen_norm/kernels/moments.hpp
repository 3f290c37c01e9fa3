// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Count, mean and sum of squared deviations of some values: all that a normalization needs to know
/// of them, and mergeable.
///
///     m2 = sum_i (x_i - mean)^2
template <typename Stat>
struct Moments {
  Index count = 0;
  Stat mean = Stat(0);
  Stat m2 = Stat(0);

  /// Welford's update (Technometrics 4, 1962): one more value.
  void add(const Stat& x) {
    ++count;
    const Stat delta = x - mean;
    mean += delta / Stat(static_cast<double>(count));
    m2 += delta * (x - mean);
  }

  /// The moments of both sets of values together (Chan, Golub, LeVeque 1979).
  void merge(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double total = static_cast<double>(count + other.count);
    const double share = static_cast<double>(other.count) / total;
    const Stat delta = other.mean - mean;
    mean += delta * Stat(share);
    m2 += other.m2 + delta * delta * Stat(static_cast<double>(count) * share);
    count += other.count;
  }

  /// Divided by count: the one to normalise with. Rounding may leave m2 a little below zero.
  Stat biased_variance() const {
    return m2 < Stat(0) ? Stat(0) : Stat(m2 / Stat(static_cast<double>(count)));
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
