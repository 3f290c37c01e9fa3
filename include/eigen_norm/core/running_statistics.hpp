// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/sources.hpp"

namespace eigen_norm {

/// The averages over batches that inference normalises with.
///
///     running = (1 - momentum) * running + momentum * batch
///
/// momentum is the weight of the new batch; without one it is 1 / (number of batches), the average
/// of all of them. Computed in Stat and rounded once.
template <typename Scalar, int Size>
class RunningStatistics {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

 public:
  explicit RunningStatistics(Index size) {
    mean_.resize(size);
    var_.resize(size);
    reset();
  }

  Parameters<P, Size>& mean() { return mean_; }
  Parameters<P, Size>& var() { return var_; }
  const Parameters<P, Size>& mean() const { return mean_; }
  const Parameters<P, Size>& var() const { return var_; }
  Index& tracked() { return tracked_; }
  Index tracked() const { return tracked_; }
  Index skipped() const { return skipped_; }

  void reset() {
    mean_.setConstant(P(0));
    var_.setConstant(P(1));
    tracked_ = 0;
    skipped_ = 0;
  }

  /// Takes in one batch: mean and variance by channel, the one that is to be remembered. A batch
  /// that would leave a number that is not finite is skipped as a whole, and counted as skipped.
  void update(const S* batch_mean, const S* batch_var,
              const std::optional<double>& momentum_of_new) {
    const S momentum = S(momentum_of_new.value_or(1.0 / static_cast<double>(tracked_ + 1)));
    const S kept = S(1) - momentum;
    const auto average = [&](const P& running, const S& batch) {
      const S old_part = kept * S(running), new_part = momentum * batch;
      return static_cast<P>(old_part + new_part);
    };
    for (Index c = 0; c < mean_.size(); ++c) {
      if (!is_finite(batch_mean[c]) || !is_finite(average(mean_[c], batch_mean[c])) ||
          !is_finite(average(var_[c], batch_var[c]))) {
        ++skipped_;
        return;
      }
    }
    for (Index c = 0; c < mean_.size(); ++c) {
      mean_[c] = average(mean_[c], batch_mean[c]);
      var_[c] = average(var_[c], batch_var[c]);
    }
    ++tracked_;
  }

  /// Takes these in their place; false, and nothing changes, where one would not be finite.
  bool set(const S* mean, const S* var) {
    for (Index c = 0; c < mean_.size(); ++c) {
      if (!is_finite(static_cast<P>(mean[c])) || !is_finite(static_cast<P>(var[c]))) return false;
    }
    for (Index c = 0; c < mean_.size(); ++c) {
      mean_[c] = static_cast<P>(mean[c]);
      var_[c] = static_cast<P>(var[c]);
    }
    return true;
  }

  /// What makes the variance to remember of the biased one of `count` values.
  static S correction(Index count, RunningVariance kind) {
    const S m = S(static_cast<double>(count));
    return kind == RunningVariance::unbiased ? S(m / (m - S(1))) : S(1);
  }

  /// As inference sees them.
  kernels::StatisticsOfRunning<Scalar> view(double eps) const {
    return {mean_.data(), var_.data(), eps};
  }

 private:
  /// By the bits of the exponent where it can be: under -ffast-math no comparison knows NaN.
  template <typename T>
  static bool is_finite(const T& value) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
      constexpr int mantissa = std::numeric_limits<T>::digits - 1;
      constexpr Bits all = ~Bits(0), exponent = (all >> 1) & (all << mantissa);
      Bits bits;
      std::memcpy(&bits, &value, sizeof bits);
      return (bits & exponent) != exponent;
    } else {
      using std::abs;
      return abs(value) <= T(Eigen::NumTraits<T>::highest());
    }
  }

  Parameters<P, Size> mean_, var_;
  Index tracked_ = 0;
  Index skipped_ = 0;
};

}  // namespace eigen_norm
