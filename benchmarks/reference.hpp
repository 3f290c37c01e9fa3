// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "peer.hpp"

namespace bench {

/// Every layer by definition, on the numbers that it is given:
///
///     y  = xhat * gamma + beta,  xhat = (x - mean) * inv_std
///     dx = inv_std * (g - (sum(g) + xhat * sum(g * xhat)) / m),  g = gamma * dy
///     dgamma = sum(dy * xhat),  dbeta = sum(dy)
///
/// RMSNorm: mean, beta and sum(g) are 0. The mean is summed once more about itself and the variance
/// about the mean, so that neither depends on how far from 0 the data are.
template <typename Scalar>
class Reference {
  using Real = long double;
  using Array = Eigen::Array<Real, Eigen::Dynamic, 1>;

 public:
  Reference(const Problem& problem, Layout layout, const Data<Scalar>& data)
      : problem_(problem), layout_(layout), data_(data) {
    const Index statistics = problem.statistics();
    mean_ = var_ = g_sum_ = g_xhat_sum_ = g_size_ = Array::Zero(statistics);
    dgamma_ = dbeta_ = Array::Zero(problem.c);
    const Real count = static_cast<Real>(problem.size() / statistics);

    const bool centred = problem.layer != Layer::rms_norm;
    for (int visits = centred ? 2 : 0; visits > 0; --visits) {
      Array sum = Array::Zero(statistics);
      visit([&](Index e, Index s, Index) { sum[s] += at(data_.x, e) - mean_[s]; });
      mean_ += sum / count;
    }
    visit([&](Index e, Index s, Index) { var_[s] += square(at(data_.x, e) - mean_[s]); });
    var_ /= count;
    inv_std_ = (var_ + Real(problem.eps)).rsqrt();
    visit([&](Index e, Index s, Index c) {
      const Real dy = at(data_.dy, e), xhat = (at(data_.x, e) - mean_[s]) * inv_std_[s];
      const Real g = at(data_.gamma, c) * dy;
      if (centred) g_sum_[s] += g;
      g_xhat_sum_[s] += g * xhat;
      g_size_[s] += std::abs(g);
      dgamma_[c] += dy * xhat;
      dbeta_[c] += dy;
    });
    g_sum_ /= count;
    g_xhat_sum_ /= count;
    g_size_ /= count;
  }

  Moments moments() const {
    return {mean_.template cast<double>(), inv_std_.template cast<double>()};
  }

  /// f(offset, expected, size) for every element of y or dx: size is that of the largest term, but
  /// of y at least 1 and of dx at least that of a typical g.
  template <typename F>
  void expect(Pass pass, const F& f) const {
    const bool running = pass == Pass::infer && (problem_.layer == Layer::batch_norm_1d ||
                                                 problem_.layer == Layer::batch_norm_2d);
    visit([&](Index e, Index s, Index c) {
      const Real x = at(data_.x, e), gamma = at(data_.gamma, c);
      const Real xhat = (x - mean_[s]) * inv_std_[s];
      if (pass == Pass::backward) {
        const Real g = gamma * at(data_.dy, e), second = xhat * g_xhat_sum_[s];
        const Real size = std::max({g_size_[s], std::abs(g), std::abs(second)});
        return f(e, inv_std_[s] * (g - g_sum_[s] - second), inv_std_[s] * size);
      }
      const Real beta = has_beta() ? at(data_.beta, c) : 0;
      const Real standard = running ? (x - at(data_.running_mean, c)) /
                                          std::sqrt(at(data_.running_var, c) + Real(problem_.eps))
                                    : xhat;
      const Real size = std::max({Real(1), std::abs(gamma * standard), std::abs(beta)});
      f(e, standard * gamma + beta, size);
    });
  }

  /// How far the last verb of `peer` is off: of y and dx the largest error; of dgamma and dbeta,
  /// too, by the size that a sum of so many random terms has.
  double error(const Peer<Scalar>& peer, Pass pass) const {
    const Scalar* result = peer.result();
    Errors errors;
    const auto see = [&](double got, Real expected) {
      errors.add(static_cast<double>(std::abs(got - expected)));
    };
    expect(pass,
           [&](Index e, Real expected, Real) { see(static_cast<double>(result[e]), expected); });
    if (pass == Pass::backward) {
      const double root = std::sqrt(static_cast<double>(problem_.size() / problem_.c));
      for (Index c = 0; c < problem_.c; ++c) {
        see(static_cast<double>(peer.gamma_grad()[c]) / root, dgamma_[c] / root);
        if (has_beta()) see(static_cast<double>(peer.beta_grad()[c]) / root, dbeta_[c] / root);
      }
    }
    return errors.worst();
  }

 private:
  template <typename F>
  void visit(const F& f) const {
    problem_.visit(layout_, f);
  }
  template <typename Values>
  static Real at(const Values& values, Index i) {
    return static_cast<double>(values[i]);
  }
  static Real square(Real value) { return value * value; }
  bool has_beta() const { return problem_.layer != Layer::rms_norm; }

  const Problem& problem_;
  Layout layout_;
  const Data<Scalar>& data_;
  Array mean_, var_, inv_std_, g_sum_, g_xhat_sum_, g_size_, dgamma_, dbeta_;
};

}  // namespace bench
