// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/core/batch_layer.hpp"
#include "eigen_norm/distributed/agreement.hpp"
#include "eigen_norm/distributed/rank_order.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch normalization of a batch that lies on several ranks, processes or threads, each of which
/// calls the same layer with its own share; as torch.nn.SyncBatchNorm. In training
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// has the mean and var of all shares together: each rank gathers count, mean and m2 by channel of
/// every other and merges them in the order of ranks, so that all have the same bits. backward
/// gathers sum(dy) and sum(dy * xhat) likewise. One collective each way; shares may be of different
/// sizes, and some may be empty.
///
/// gamma_grad and beta_grad are the sums over this rank's share, as PyTorch's: sum or average them
/// over the ranks with those of all other parameters. The running statistics are those of the whole
/// batch, the same on every rank. In eval and when frozen, and for infer, nothing is exchanged.
///
///     auto ranks = std::make_shared<mpi::Communicator>(MPI_COMM_WORLD);
///     SyncBatchNorm2d<float> norm(64, ranks);
///
/// All ranks construct the same layers, and call their forward and backward in the same order. A
/// rank whose input is refused says so to the others: there the call throws a std::runtime_error
/// that names it, and the next call works again. The steps of SplitBatch are of this rank alone.
///
/// Throws as BatchNorm does; for one value per channel on all ranks together; and
/// std::invalid_argument on all ranks where their layers are not alike, or for virtual_batch_size
/// and renorm, std::logic_error for masks and scales per sample in training.
template <typename Scalar, int Channels, int SpatialRank>
class SyncBatchNorm : public BatchLayer<SyncBatchNorm<Scalar, Channels, SpatialRank>, Scalar,
                                        Channels, SpatialRank> {
  using Base = BatchLayer<SyncBatchNorm, Scalar, Channels, SpatialRank>;
  friend Base;
  friend typename Base::SplitBase;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;
  using typename Base::ConstBuffer;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;
  using typename Base::P;
  using typename Base::S;
  static_assert(std::is_same_v<S, double>,
                "eigen_norm: SyncBatchNorm exchanges doubles; its scalar is double or narrower");

 public:
  using Communicator = distributed::Communicator;

  /// A collective call: every rank constructs the same layer.
  SyncBatchNorm(Index num_features, const std::shared_ptr<Communicator>& ranks,
                const BatchNormOptions& options = {})
      : Base(
            distributed::agreed_channels(SpatialRank, Channels, num_features, options, ranks.get()),
            options),
        exchange_(ranks, num_features),
        statistics_{"the statistics of " + this->name(), 0},
        gradients_{"the gradient sums of " + this->name(), 1} {
    if (options.virtual_batch_size || options.renorm) {
      memory::raise_invalid(this->name() + ": expected neither virtual_batch_size nor renorm");
    }
  }

  /// Where the number of channels is fixed at compile time. A collective call.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit SyncBatchNorm(const std::shared_ptr<Communicator>& ranks,
                         const BatchNormOptions& options = {})
      : SyncBatchNorm(C, ranks, options) {}

  /// The same layer over all ranks, with its state and mode; num_batches_skipped begins at 0. A
  /// collective call.
  SyncBatchNorm(const BatchNorm<Scalar, Channels, SpatialRank>& norm,
                const std::shared_ptr<Communicator>& ranks)
      : SyncBatchNorm(norm.num_features(), ranks, norm.options()) {
    Base::copy_state(norm, *this);
  }

  /// The first half of backward: the sums over this share, on their way to the other ranks. What
  /// needs no dx can be done until backward, with the same x and dy, finishes it.
  template <typename X, typename Dy>
  void start_backward(const X& x, const Dy& dy) {
    if (!this->last().synchronised) return this->check_answerable("start_backward", false, false);
    const Debt debt(exchange_, gradients_);
    check_nothing_is_pending("start_backward");
    this->check_answerable("start_backward", false, false);
    this->template read_gradient<Base::template is_row_major<X>>(
        x, dy,
        [&](const memory::Shape& shape) { this->check_last("x of the last forward", shape); },
        [&](const ConstBuffer& in, const ConstBuffer& gradient) {
          start_sums(in, gradient, kernels::XhatOfInput());
        });
  }

  /// Forgets what start_backward has begun, if anything. The other ranks, who have the sums of this
  /// one, can finish theirs.
  void cancel_backward() { exchange_.abandon(); }

  /// The layer of one machine, with the state and mode of this one; num_batches_skipped begins at
  /// 0.
  BatchNorm<Scalar, Channels, SpatialRank> batch_norm() const {
    BatchNorm<Scalar, Channels, SpatialRank> norm(this->num_features(), this->options());
    Base::copy_state(*this, norm);
    return norm;
  }

 private:
  using Exchange = distributed::ChannelExchange;
  using Debt = Exchange::Debt;

  static std::string class_name() { return "SyncBatchNorm" + std::to_string(SpatialRank) + "d"; }

  /// Whether a forward has to do with the other ranks: by running statistics it has not.
  bool synchronises() const { return this->is_training() && !this->uses_running(false); }

  Purpose forward_purpose() const { return synchronises() ? Purpose::part : Purpose::forward; }
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose purpose) const {
    if (purpose == Purpose::inference || !synchronises()) {
      return Base::check_mask(shape, mask, purpose);
    }
    memory::raise_logic(this->name() +
                        ": a mask, or a scale and shift per sample, is not synchronised");
  }
  void check_nothing_is_pending(const char* call) const {
    if (!exchange_.is_pending()) return;
    memory::raise_logic(this->name() + ": " + call +
                        " needs a backward before it, to finish what "
                        "start_backward has begun");
  }

  template <typename Call>
  void forward_together(const Call& call) {
    if (!synchronises()) {
      check_nothing_is_pending("forward");
      return call();
    }
    const Debt debt(exchange_, statistics_);
    check_nothing_is_pending("forward");
    call();
  }

  /// In training: mean and m2 of this share to all, those of all shares from all.
  void exchange_statistics(const ConstBuffer& in) {
    if (!synchronises()) return;
    // Where there is no memory, the others must hear of it: none is taken after `start`.
    this->last().reserve(this->num_features());
    this->scratch();
    const memory::Shape& shape = in.layout.shape;
    Index count = 0;
    if (shape.size() == 0) {
      exchange_.set_zero();
    } else {
      const ConstOperand x = this->operand(in, true);
      count = x.shape.values_per_statistic();
      double* const m2 = exchange_.second();
      kernels::statistics(x,
                          kernels::FromData<Scalar>(this->eps(), {exchange_.first(), nullptr, m2}));
      for (Index c = 0; c < this->num_features(); ++c) m2[c] *= static_cast<double>(count);
    }
    exchange_.start(count, statistics_);
    take_statistics(shape);
  }

  /// An empty share is remembered with the statistics of the others.
  void remember_empty(const memory::Shape& shape) {
    if (!synchronises()) Base::remember_empty(shape);
  }
  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    if (!synchronises()) return Base::normalise(x, y, shape);
    const auto& last = this->last();
    kernels::normalise(
        x, y, this->affine().view(),
        kernels::FromChannels<Scalar>({last.mean.view().data(), last.inv_std.view().data()}));
  }

  /// The statistics of all shares, merged in the order of ranks and remembered.
  void take_statistics(const memory::Shape& shape) {
    exchange_.finish(statistics_);
    const Index count = distributed::merged_count(exchange_);
    if (count == 1) {
      memory::raise_invalid(this->name() +
                            ": expected more than 1 value per channel when training, "
                            "got 1 on " +
                            std::to_string(exchange_.ranks().size()) + " ranks together");
    }
    auto& last = this->last();
    last.begin(shape, true);
    last.synchronised = true;
    count_ = count;
    if (count == 0) return;
    last.resize(this->num_features());
    S *const mean = last.mean.data(), *const var = this->scratch();
    distributed::merge_moments(exchange_, mean, var);
    for (Index c = 0; c < this->num_features(); ++c) {
      const kernels::Moments<S> moments{count, mean[c], var[c]};
      var[c] = last.inv_std.data()[c] = moments.biased_variance();
    }
    kernels::show_overflow(last.inv_std.data(), this->num_features());
    kernels::inverse_std(last.inv_std.data(), this->num_features(), this->eps());
    if (!this->options().track_running_stats) return;
    this->remember(mean, var, this->running().correction(count, this->options().running_variance));
  }

  template <typename Call>
  void backward_together(const Call& call) {
    if (!this->last().synchronised || exchange_.is_pending()) return call();
    const Debt debt(exchange_, gradients_);
    call();
  }

  template <typename Xhat>
  void exchange_sums(const ConstBuffer& x, const ConstBuffer& dy, const Xhat& xhat) {
    if (!this->last().synchronised) return;
    if (!exchange_.is_pending()) start_sums(x, dy, xhat);
    exchange_.finish(gradients_);
  }

  /// sum(dy * xhat) and sum(dy) of this share, on their way to the others.
  template <typename Xhat>
  void start_sums(const ConstBuffer& in, const ConstBuffer& gradient, const Xhat& xhat) {
    if (in.layout.shape.size() == 0) {
      exchange_.set_zero();
    } else {
      const ConstOperand x = this->operand(in, true);
      const Index pieces = Base::pieces(x);
      kernels::BackwardPass<Scalar, Xhat> pass = pass_over(x, this->operand(gradient, true), xhat);
      pass.affine_sums = this->scratch(pieces);
      kernels::backward(pass, statistics_of_last(), pieces);
      std::copy_n(pass.affine_sums, 2 * this->num_features(), exchange_.first());
    }
    exchange_.start(0, gradients_);
  }

  template <typename Xhat>
  void differentiate_into(const ConstOperand& x, const ConstOperand& dy, const MutableOperand& dx,
                          const Xhat& xhat) {
    if (!this->last().synchronised) return Base::differentiate_into(x, dy, dx, xhat);
    kernels::BackwardPass<Scalar, Xhat> pass = pass_over(x, dy, xhat);
    pass.dx = dx;
    pass.given = all_sums();
    kernels::backward(pass, statistics_of_last(), 1);
    this->affine().accumulate(exchange_.first(), exchange_.second());
  }

  /// sum(gamma * dy) and sum(gamma * dy * xhat) of all shares, added in the order of ranks.
  kernels::GivenSums<S> all_sums() {
    S* const dy_xhat = this->scratch();
    S* const dy = dy_xhat + this->num_features();
    distributed::add_sums(exchange_, dy_xhat, dy);
    for (Index c = 0; c < this->num_features(); ++c) {
      const S gamma = S(this->affine().view().gamma_at(c));
      dy_xhat[c] *= gamma;
      dy[c] *= gamma;
    }
    return {dy, dy_xhat, count_};
  }

  template <typename Xhat>
  kernels::BackwardPass<Scalar, Xhat> pass_over(const ConstOperand& x, const ConstOperand& dy,
                                                const Xhat& xhat) {
    return {x, dy, {nullptr, x.shape}, this->affine().view(), true, nullptr, true, {}, xhat};
  }
  kernels::FromForward<Scalar> statistics_of_last() const {
    const auto& last = this->last();
    return kernels::FromForward<Scalar>({last.mean.view().data(), last.inv_std.view().data()});
  }

  Exchange exchange_;
  Exchange::Topic statistics_, gradients_;  ///< what is exchanged
  Index count_ = 0;                         ///< values per channel of the last training batch
};

/// (N, C) or (N, C, L); channels last: (N, L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm1d = SyncBatchNorm<Scalar, Channels, 1>;

/// (N, C, H, W); channels last: (N, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm2d = SyncBatchNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W); channels last: (N, D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using SyncBatchNorm3d = SyncBatchNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
