// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "peer.hpp"

namespace speed {

/// Every layer by definition, in double:
///
///     y  = xhat * gamma + beta,  xhat = (x - mean) * inv_std
///     dx = inv_std * (gamma * dy - (sum(gamma * dy) + xhat * sum(gamma * dy * xhat)) / m)
///     dgamma = sum(dy * xhat),  dbeta = sum(dy)
///
/// RMSNorm: mean, beta and sum(gamma * dy) are 0.
template <typename Scalar>
class Reference {
  using Array = Eigen::ArrayXd;

 public:
  Reference(const Problem& problem, Layout layout, const Data<Scalar>& data)
      : problem_(problem), layout_(layout), data_(data) {
    const Index statistics = problem.statistics();
    count_ = static_cast<double>(problem.size() / statistics);
    mean_ = var_ = dy_sum_ = dy_xhat_sum_ = Array::Zero(statistics);
    dgamma_ = dbeta_ = Array::Zero(problem.c);

    const bool centred = problem.layer != Layer::rms_norm;
    if (centred) visit([&](Index e, Index s, Index) { mean_[s] += at(data_.x, e) / count_; });
    visit([&](Index e, Index s, Index) { var_[s] += square(at(data_.x, e) - mean_[s]) / count_; });
    inv_std_ = (var_ + eps).rsqrt();
    visit([&](Index e, Index s, Index c) {
      const double dy = at(data_.dy, e), xhat = (at(data_.x, e) - mean_[s]) * inv_std_[s];
      if (centred) dy_sum_[s] += at(data_.gamma, c) * dy;
      dy_xhat_sum_[s] += at(data_.gamma, c) * dy * xhat;
      dgamma_[c] += dy * xhat;
      dbeta_[c] += dy;
    });
  }

  /// How far the last verb of `peer` is off: of y and dx the largest error; of dgamma and dbeta,
  /// too, by the size that a sum of so many random terms has.
  double error(const Peer<Scalar>& peer, Pass pass) const {
    const Scalar* result = peer.result();
    double worst = 0;
    const auto see = [&](double got, double expected) {
      const double off = std::abs(got - expected);
      worst = off <= worst ? worst : off;  // NaN stays
    };
    const bool has_beta = problem_.layer != Layer::rms_norm;
    const bool running = pass == Pass::infer && (problem_.layer == Layer::batch_norm_1d ||
                                                 problem_.layer == Layer::batch_norm_2d);
    visit([&](Index e, Index s, Index c) {
      const double x = at(data_.x, e), gamma = at(data_.gamma, c);
      const double beta = has_beta ? at(data_.beta, c) : 0;
      const double xhat = (x - mean_[s]) * inv_std_[s];
      double expected = xhat * gamma + beta;
      if (running) {
        const double inv_std = 1 / std::sqrt(at(data_.running_var, c) + eps);
        expected = (x - at(data_.running_mean, c)) * inv_std * gamma + beta;
      } else if (pass == Pass::backward) {
        const double mean = (dy_sum_[s] + xhat * dy_xhat_sum_[s]) / count_;
        expected = inv_std_[s] * (gamma * at(data_.dy, e) - mean);
      }
      see(static_cast<double>(result[e]), expected);
    });
    if (pass == Pass::backward) {
      const double terms = static_cast<double>(problem_.size() / problem_.c);
      for (Index c = 0; c < problem_.c; ++c) {
        see(static_cast<double>(peer.gamma_grad()[c]) / std::sqrt(terms),
            dgamma_[c] / std::sqrt(terms));
        if (!has_beta) continue;
        see(static_cast<double>(peer.beta_grad()[c]) / std::sqrt(terms),
            dbeta_[c] / std::sqrt(terms));
      }
    }
    return worst;
  }

 private:
  template <typename F>
  void visit(const F& f) const {
    problem_.visit(layout_, f);
  }
  template <typename Values>
  static double at(const Values& values, Index i) {
    return static_cast<double>(values[i]);
  }
  static double square(double value) { return value * value; }

  const Problem& problem_;
  Layout layout_;
  const Data<Scalar>& data_;
  double count_;
  Array mean_, var_, inv_std_, dy_sum_, dy_xhat_sum_, dgamma_, dbeta_;
};

}  // namespace speed
