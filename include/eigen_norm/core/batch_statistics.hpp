// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>

#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/moments.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

inline void check_channels(const char* expected, Index channels, Index size) {
  if (size == channels) return;
  memory::raise_invalid(std::string(expected) + " of " + std::to_string(channels) +
                        " channels, got " + std::to_string(size));
}

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
    if (other.mean.size() == 0 && other.m2.size() == 0) return;
    const bool is_new = mean.size() == 0 && m2.size() == 0;
    const Index channels = is_new ? other.mean.size() : mean.size();
    for (const Index size : {other.mean.size(), other.m2.size(), is_new ? channels : m2.size()}) {
      check_channels("BatchStatistics: expected statistics", channels, size);
    }
    if (count == 0 && (is_new || other.count > 0)) {
      *this = other;
      return;
    }
    if (other.count == 0) return;
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
    if (other.dgamma.size() == 0 && other.dbeta.size() == 0) return;
    const bool is_new = dgamma.size() == 0 && dbeta.size() == 0;
    const Index channels = is_new ? other.dgamma.size() : dgamma.size();
    for (const Index size :
         {other.dgamma.size(), other.dbeta.size(), is_new ? channels : dbeta.size()}) {
      check_channels("BatchGradients: expected gradients", channels, size);
    }
    if (is_new) {
      *this = other;
      return;
    }
    dgamma += other.dgamma;
    dbeta += other.dbeta;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
