// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>

#include "eigen_norm/core/batch_layer.hpp"
#include "eigen_norm/core/renormalisation.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Batch normalization (Ioffe, Szegedy 2015, arXiv:1502.03167) over (N, C) and (N, C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var are those of each channel: in training of the batch, over samples and positions; in
/// eval the running ones. `freeze()` pins the running ones whatever train() says; gamma and beta
/// still learn.
///
/// With `virtual_batch_size` a batch is normalised in parts of so many samples, each by its own
/// statistics (ghost batches: Hoffer, Hubara, Soudry 2017, arXiv:1705.08741); the running ones take
/// in the average over them. With `renorm` training approaches what inference will do: see
/// Renormalisation.
///
/// Differs from torch.nn.BatchNorm in few things: a batch whose statistics are not finite never
/// enters the running ones (`num_batches_skipped` counts it), an empty batch is not counted, a
/// variance of 0 with eps = 0 gives beta, and another number of channels is always refused.
///
/// Throws std::invalid_argument for another shape, and for one value per channel, or a batch that
/// virtual_batch_size does not divide, wherever the batch's own statistics count: in training, and,
/// without running statistics, always.
template <typename Scalar, int Channels, int SpatialRank>
class BatchNorm
    : public BatchLayer<BatchNorm<Scalar, Channels, SpatialRank>, Scalar, Channels, SpatialRank> {
  using Base = BatchLayer<BatchNorm, Scalar, Channels, SpatialRank>;
  friend Base;
  friend typename Base::SplitBase;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;
  using typename Base::P;
  using typename Base::S;

 public:
  explicit BatchNorm(Index num_features, const BatchNormOptions& options = {})
      : Base(num_features, options) {
    check_options(options);
  }

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  BatchNorm() : BatchNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit BatchNorm(const BatchNormOptions& options) : BatchNorm(C, options) {}

  /// Other limits for batch renormalization, which are best widened while training goes on.
  void set_renorm(const BatchRenorm& limits) {
    BatchNormOptions options = this->options();
    options.renorm = limits;
    check_options(options);
    this->mutable_options() = options;
  }

 private:
  static std::string class_name() { return "BatchNorm" + std::to_string(SpatialRank) + "d"; }

  bool has_one_value(const memory::Shape& shape) const {
    const Index parts = shape[0] / this->options().virtual_batch_size.value_or(shape[0] + 1);
    return shape.size() == this->num_features() * std::max<Index>(1, parts);
  }
  void check_batch(const memory::Shape& shape) const {
    const Index size = this->options().virtual_batch_size.value_or(1);
    if (shape[0] % size != 0) {
      this->raise_shape("a batch that", "virtual_batch_size " + std::to_string(size) + " divides",
                        shape);
    }
  }
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose purpose) const {
    if (this->options().virtual_batch_size || this->options().renorm) {
      memory::raise_logic(this->name() +
                          ": a mask, or a scale and shift per sample, goes with neither "
                          "virtual_batch_size nor renorm");
    }
    Base::check_mask(shape, mask, purpose);
  }
  void check_options(const BatchNormOptions& options) const {
    if (options.virtual_batch_size.value_or(1) < 1) {
      memory::raise_invalid(this->name() + ": expected virtual_batch_size of at least 1, got " +
                            std::to_string(*options.virtual_batch_size));
    }
    if (!options.renorm) return;
    if (!(options.renorm->r_max >= 1) || !(options.renorm->d_max >= 0)) {
      memory::raise_invalid(
          this->name() + ": expected renorm with r_max >= 1 and d_max >= 0, got " +
          std::to_string(options.renorm->r_max) + " and " + std::to_string(options.renorm->d_max));
    }
    if (!options.track_running_stats || options.virtual_batch_size) {
      memory::raise_invalid(this->name() +
                            ": expected renorm with running statistics and without "
                            "virtual_batch_size");
    }
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool own_statistics) const {
    const auto& samples = this->options().virtual_batch_size;
    if (!own_statistics || !samples) return Base::collapse(layout, own_statistics);
    return memory::CollapsedShape::over_parts_of_batch(layout, this->options().channels, *samples);
  }

  void normalise_batch(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape,
                       S* var) {
    renormalised_ = this->options().renorm.has_value();
    if (!renormalised_) return Base::normalise_batch(x, y, shape, var);
    auto& last = this->last();
    last.begin(shape, true);
    last.resize(this->num_features());
    S *const mean = last.mean.data(), *const inv_std = last.inv_std.data();
    kernels::statistics(x, kernels::FromData<Scalar>(this->eps(), {mean, inv_std, var}));
    renorm_.measure(mean, inv_std, this->num_features(), this->running().view(this->eps()),
                    *this->options().renorm);
    kernels::normalise(x, y, renorm_.applied_to(this->affine().view()),
                       kernels::FromChannels<Scalar>({mean, inv_std}));
  }

  bool is_renormalised() const { return renormalised_ && this->last().own_statistics; }
  kernels::Affine<P> last_affine() {
    const kernels::Affine<P> affine = this->affine().view();
    return is_renormalised() ? renorm_.applied_to(affine) : affine;
  }
  void correct_sums(S* dgamma, const S* dbeta) {
    if (is_renormalised()) renorm_.correct(dgamma, dbeta);
  }

  Renormalisation<Scalar, Channels> renorm_;
  bool renormalised_ = false;  ///< the last training batch was
};

/// (N, C) or (N, C, L); channels last: (N, L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm1d = BatchNorm<Scalar, Channels, 1>;

/// (N, C, H, W); channels last: (N, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm2d = BatchNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W); channels last: (N, D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm3d = BatchNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
