// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/moments.hpp"

namespace eigen_norm {

/// Count, mean and sum of squared deviations of the values of each channel: all that BatchNorm
/// needs to know of a batch. Those of parts, merged in any grouping, are those of the whole:
///
///     m2 = sum_i (x_i - mean)^2
template <typename S, int Size = Eigen::Dynamic>
struct BatchStatistics {
  Index count = 0;  ///< values per channel
  Parameters<S, Size> mean, m2;

  /// Takes in the statistics of another part (Chan, Golub, LeVeque 1979). Throws
  /// std::invalid_argument for another number of channels.
  void merge(const BatchStatistics& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    if (mean.size() != other.mean.size()) {
      memory::raise_invalid("BatchStatistics: expected statistics of " +
                            std::to_string(mean.size()) + " channels, got " +
                            std::to_string(other.mean.size()));
    }
    for (Index c = 0; c < mean.size(); ++c) {
      kernels::Moments<S> both{count, mean[c], m2[c]};
      both.merge({other.count, other.mean[c], other.m2[c]});
      mean[c] = both.mean;
      m2[c] = both.m2;
    }
    count += other.count;
  }

  /// Divided by count: what BatchNorm normalises with.
  Parameters<S, Size> var() const { return m2 / S(static_cast<double>(count)); }
  /// Divided by count - 1.
  Parameters<S, Size> unbiased_var() const { return m2 / S(static_cast<double>(count - 1)); }
};

/// The sums behind the gradients of gamma and beta, by channel. Those of parts add up to those of
/// the whole:
///
///     dgamma = sum(dy * xhat),   dbeta = sum(dy)
template <typename S, int Size = Eigen::Dynamic>
struct BatchGradients {
  Parameters<S, Size> dgamma, dbeta;

  /// Takes in those of another part. Throws std::invalid_argument for another number of channels.
  void merge(const BatchGradients& other) {
    if (other.dgamma.size() == 0) return;
    if (dgamma.size() == 0) {
      *this = other;
      return;
    }
    if (dgamma.size() != other.dgamma.size()) {
      memory::raise_invalid("BatchGradients: expected gradients of " +
                            std::to_string(dgamma.size()) + " channels, got " +
                            std::to_string(other.dgamma.size()));
    }
    dgamma += other.dgamma;
    dbeta += other.dbeta;
  }
};

}  // namespace eigen_norm
