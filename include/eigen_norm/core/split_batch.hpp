// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/core/batch_statistics.hpp"
#include "eigen_norm/core/tracking_layer.hpp"
#include "eigen_norm/kernels/statistics.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// A training pass of BatchNorm in its four steps, for a batch that comes in parts: micro-batches
/// that together do not fit the memory, or the shares of several machines. The result is that of
/// the whole batch.
///
///     for each part:  statistics.merge(norm.batch_statistics(x));
///     norm.update_running_stats(statistics);
///     for each part:  norm.forward_by(statistics, x, y);
///     for each part:  gradients.merge(norm.gradient_sums(statistics, x, dy));
///     norm.accumulate(gradients);
///     for each part:  norm.backward_by(statistics, gradients, x, dy, dx);
///
/// The steps themselves remember nothing, and do not disturb what forward has remembered. They take
/// the statistics they are given, whatever the mode and virtual_batch_size are; with renorm there
/// are no such steps (std::logic_error), but statistics can be had and set.
template <typename Derived, typename Scalar, int Channels, typename Options>
class SplitBatch : public TrackingLayer<Derived, Scalar, Channels, Options> {
  using Base = TrackingLayer<Derived, Scalar, Channels, Options>;

 protected:
  using typename Base::ConstBuffer;
  using typename Base::MutableBuffer;

 public:
  using typename Base::P;
  using typename Base::S;
  using Statistics = BatchStatistics<S, Channels>;
  using Gradients = BatchGradients<S, Channels>;

  /// Those of x alone; count is 0 where x is empty.
  template <typename X>
  Statistics batch_statistics(const X& x) const {
    Statistics result;
    result.mean.setConstant(this->num_features(), S(0));
    result.m2.setConstant(this->num_features(), S(0));
    this->read(x, this->checked_for(Purpose::part), [&](const ConstBuffer& in) {
      if (in.layout.shape.size() == 0) return;
      const auto from = this->operand(in, false);
      kernels::statistics(from, kernels::FromData<Scalar>(
                                    this->eps(), {result.mean.data(), nullptr, result.m2.data()}));
      result.count = from.shape.values_per_statistic();
      result.m2 *= S(static_cast<double>(result.count));
    });
    return result;
  }

  /// y = (x - mean) / sqrt(var + eps) * gamma + beta with these mean and var.
  template <typename X>
  auto forward_by(const Statistics& statistics, const X& x) const {
    typename memory::EigenObject<X>::Plain y;
    forward_by(statistics, x, y);
    return y;
  }
  template <typename X, typename Y>
  void forward_by(const Statistics& statistics, const X& x, Y&& y) const {
    check_step(statistics);
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    this->template transform<Base::template is_row_major<X>>(
        x, y, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          kernels::normalise(
              this->operand(in, false), this->operand(out, false), this->affine().view(),
              kernels::FromChannels<Scalar>({statistics.mean.data(), inv_std.data()}));
        });
  }

  /// dgamma and dbeta of x and dy alone. The layer's own are left as they are.
  template <typename X, typename Dy>
  Gradients gradient_sums(const Statistics& statistics, const X& x, const Dy& dy) const {
    check_step(statistics);
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    Gradients result;
    result.dgamma.setConstant(this->num_features(), S(0));
    result.dbeta = result.dgamma;
    this->template read_gradient<Base::template is_row_major<X>>(
        x, dy, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          if (in.layout.shape.size() == 0) return;
          const auto from = this->operand(in, false);
          const Index pieces = Base::pieces(from);
          Parameters<S, Channels == Eigen::Dynamic ? Eigen::Dynamic : 2 * Channels> sums(
              2 * this->num_features() * pieces);
          kernels::backward(
              kernels::BackwardPass<Scalar>{from, this->operand(gradient, false),
                                            memory::Operand<Scalar>{nullptr, from.shape},
                                            this->affine().view(), true, sums.data()},
              kernels::FromForward<Scalar>({statistics.mean.data(), inv_std.data()}), pieces);
          result.dgamma = sums.head(this->num_features());
          result.dbeta = sums.segment(this->num_features(), this->num_features());
        });
    return result;
  }

  /// Adds them to gamma_grad and beta_grad.
  void accumulate(const Gradients& gradients) {
    check(gradients);
    this->check_parameters();
    this->affine().accumulate(gradients.dgamma.data(), gradients.dbeta.data());
  }

  /// The gradient by x, given the statistics and gradients of the whole batch, all in training.
  template <typename X, typename Dy>
  auto backward_by(const Statistics& statistics, const Gradients& gradients, const X& x,
                   const Dy& dy) const {
    typename memory::EigenObject<X>::Plain dx;
    backward_by(statistics, gradients, x, dy, dx);
    return dx;
  }
  template <typename X, typename Dy, typename Dx>
  void backward_by(const Statistics& statistics, const Gradients& gradients, const X& x,
                   const Dy& dy, Dx&& dx) const {
    check_step(statistics);
    check(gradients);
    this->check_parameters();
    const Parameters<S, Channels> inv_std = this->inv_std(statistics);
    Gradients scaled = gradients;
    for (Index c = 0; c < this->num_features(); ++c) {
      const S gamma = S(this->affine().view().gamma_at(c));
      scaled.dgamma[c] *= gamma;
      scaled.dbeta[c] *= gamma;
    }
    this->template differentiate<Base::template is_row_major<X>>(
        x, dy, dx, this->checked_for(Purpose::part),
        [&](const ConstBuffer& in, const ConstBuffer& gradient, const MutableBuffer& out) {
          if (in.layout.shape.size() == 0) return;
          const auto from = this->operand(in, false);
          kernels::BackwardPass<Scalar> pass{from,
                                             this->operand(gradient, false),
                                             this->operand(out, false),
                                             this->affine().view(),
                                             true,
                                             nullptr};
          pass.given = {scaled.dbeta.data(), scaled.dgamma.data(), statistics.count};
          kernels::backward(
              pass, kernels::FromForward<Scalar>({statistics.mean.data(), inv_std.data()}), 1);
        });
  }

  /// Takes in these statistics as those of one training batch.
  void update_running_stats(const Statistics& statistics) {
    this->check_tracking("update_running_stats");
    this->check_running();
    if (statistics.count == 0) return;
    check(statistics);
    const Parameters<S, Channels> var = remembered_var(statistics);
    this->running().update(statistics.mean.data(), var.data(), this->options().momentum);
  }

  /// Makes these statistics the running ones, in place of an average over batches: exact where they
  /// are those of a whole data set, each value of which counts alike however it was cut into
  /// batches. num_batches_tracked stays as it is: without a momentum, set it to the number of
  /// batches before you train on. Throws std::invalid_argument for numbers that are not finite.
  void set_running_stats(const Statistics& statistics) {
    this->check_tracking("set_running_stats");
    this->check_running();
    check(statistics);
    const Parameters<S, Channels> var = remembered_var(statistics);
    if (!this->running().set(statistics.mean.data(), var.data())) {
      memory::raise_invalid(this->name() + ": expected statistics that are finite");
    }
  }

 protected:
  using SplitBase = SplitBatch;
  using Base::Base;

 private:
  Parameters<S, Channels> inv_std(const Statistics& statistics) const {
    Parameters<S, Channels> result = statistics.var();
    kernels::show_overflow(result.data(), result.size());
    kernels::inverse_std(result.data(), result.size(), this->eps());
    return result;
  }

  Parameters<S, Channels> remembered_var(const Statistics& statistics) const {
    return this->options().running_variance == RunningVariance::unbiased ? statistics.unbiased_var()
                                                                         : statistics.var();
  }

  /// Of a step, as opposed to statistics that are only kept.
  void check_step(const Statistics& statistics) const {
    if (this->options().renorm) {
      memory::raise_logic(this->name() +
                          ": a batch in parts is not renormalised, but renorm is on");
    }
    check(statistics);
  }

  void check(const Statistics& statistics) const {
    check_size(statistics.mean.size(), "statistics");
    check_size(statistics.m2.size(), "statistics");
    if (statistics.count < 2) {
      memory::raise_invalid(this->name() +
                            ": expected statistics of more than 1 value per channel, got " +
                            std::to_string(statistics.count));
    }
  }
  void check(const Gradients& gradients) const {
    check_size(gradients.dgamma.size(), "gradients");
    check_size(gradients.dbeta.size(), "gradients");
  }
  void check_size(Index size, const char* what) const {
    if (size == this->num_features()) return;
    check_channels((this->name() + ": expected " + what).c_str(), this->num_features(), size);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
