// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/sources.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch renormalization (Ioffe 2017, arXiv:1702.03275): a training batch is normalised by its own
/// statistics, and then moved towards what the running ones would give:
///
///     y = (xhat * r + d) * gamma + beta
///     r = clip(std / running_std, 1 / r_max, r_max)
///     d = clip((mean - running_mean) / running_std, -d_max, d_max),   std = sqrt(var + eps)
///
/// r and d are constants to the gradient. So this is a pass with gamma * r and beta + gamma * d in
/// the place of gamma and beta.
template <typename Scalar, int Size>
class Renormalisation {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

 public:
  /// Takes r and d of a batch with these statistics.
  void measure(const S* mean, const S* inv_std, Index size,
               const kernels::StatisticsOfRunning<Scalar>& running, const BatchRenorm& limits) {
    r_.resize(size);
    d_.resize(size);
    // inv_std is 0 for a standard deviation of 0, too: of the batch, where xhat is 0 whatever r is,
    // or of the running statistics, where the limits are all that is left.
    for (Index c = 0; c < size; ++c) {
      const kernels::Statistic<S> of_running = running.at(c);
      const S distance = mean[c] - of_running.mean;
      const bool is_infinite = S(running.var[c]) > S(0);
      if (of_running.inv_std == S(0) && !is_infinite) {
        r_[c] = inv_std[c] == S(0) ? S(1) : S(limits.r_max);
        d_[c] = S(distance == S(0) ? 0 : distance < S(0) ? -limits.d_max : limits.d_max);
        continue;
      }
      r_[c] = inv_std[c] == S(0)
                  ? S(1)
                  : clip(of_running.inv_std / inv_std[c], 1 / limits.r_max, limits.r_max);
      d_[c] = clip(distance * of_running.inv_std, -limits.d_max, limits.d_max);
    }
  }

  /// gamma * r and beta + gamma * d; valid until the next call.
  kernels::Affine<P> applied_to(const kernels::Affine<P>& affine) {
    gamma_.resize(r_.size());
    beta_.resize(r_.size());
    for (Index c = 0; c < r_.size(); ++c) {
      const S gamma = S(affine.gamma_at(c));
      const S gamma_d = gamma * d_[c];
      gamma_[c] = static_cast<P>(gamma * r_[c]);
      beta_[c] = static_cast<P>(S(affine.beta_at(c)) + gamma_d);
    }
    return {gamma_.data(), beta_.data()};
  }

  /// dgamma = sum(dy * (xhat * r + d)), in the place of sum(dy * xhat).
  void correct(S* dgamma, const S* dbeta) const {
    for (Index c = 0; c < r_.size(); ++c) {
      const S xhat_part = r_[c] * dgamma[c], d_part = d_[c] * dbeta[c];
      dgamma[c] = xhat_part + d_part;
    }
  }

  const Parameters<S, Size>& r() const { return r_; }
  const Parameters<S, Size>& d() const { return d_; }

 private:
  static S clip(const S& value, double least, double most) {
    return value < S(least) ? S(least) : value > S(most) ? S(most) : value;
  }

  Parameters<S, Size> r_, d_;
  Parameters<P, Size> gamma_, beta_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
