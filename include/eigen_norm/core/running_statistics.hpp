// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/finite.hpp"
#include "eigen_norm/kernels/sources.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

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
  const Index& tracked() const { return tracked_; }
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
      if (!kernels::is_finite(batch_mean[c]) ||
          !kernels::is_finite(average(mean_[c], batch_mean[c])) ||
          !kernels::is_finite(average(var_[c], batch_var[c]))) {
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
      if (!kernels::is_finite(static_cast<P>(mean[c])) ||
          !kernels::is_finite(static_cast<P>(var[c])))
        return false;
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
  Parameters<P, Size> mean_, var_;
  Index tracked_ = 0;
  Index skipped_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
