// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/layer.hpp"
#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/running_statistics.hpp"

namespace eigen_norm {

/// Batch normalization (Ioffe, Szegedy 2015, arXiv:1502.03167) over (N, C) and (N, C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var are those of each channel: in training of the batch, over samples and positions; in
/// eval the running ones. `freeze()` pins the running ones whatever train() says; gamma and beta
/// still learn.
///
/// Differs from torch.nn.BatchNorm in two things: a batch whose statistics are not finite never
/// enters the running ones (`num_batches_skipped` counts it), and an empty batch is not counted.
///
/// Throws std::invalid_argument for another shape, and in training for one value per channel.
template <typename Scalar, int Channels, int SpatialRank>
class BatchNorm
    : public Layer<BatchNorm<Scalar, Channels, SpatialRank>, Scalar, Channels, Channels> {
  using Base = Layer<BatchNorm, Scalar, Channels, Channels>;
  using typename Base::ConstOperand;
  using typename Base::MutableOperand;
  using typename Base::P;
  using typename Base::S;
  friend Base;

 public:
  explicit BatchNorm(Index num_features, const BatchNormOptions& options = {})
      : Base(checked(num_features, options), options.eps, options.gamma, options.beta),
        num_features_(num_features),
        options_(options),
        running_(options.track_running_stats ? num_features : 0) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  BatchNorm() : BatchNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit BatchNorm(const BatchNormOptions& options) : BatchNorm(C, options) {}

  const BatchNormOptions& options() const { return options_; }
  Index num_features() const { return num_features_; }

  /// Uses the running statistics and keeps them, whatever train() says, until unfreeze().
  void freeze() {
    if (!options_.track_running_stats) {
      memory::raise_logic(name() +
                          ": freeze needs running statistics, but track_running_stats is "
                          "false");
    }
    frozen_ = true;
  }
  void unfreeze() { frozen_ = false; }
  bool is_frozen() const { return frozen_; }

  /// By channel; empty where the options say that none are tracked.
  Parameters<P, Channels>& running_mean() { return running_.mean(); }
  Parameters<P, Channels>& running_var() { return running_.var(); }
  const Parameters<P, Channels>& running_mean() const { return running_.mean(); }
  const Parameters<P, Channels>& running_var() const { return running_.var(); }

  /// Training batches taken into the running statistics, and those left out as not finite.
  Index& num_batches_tracked() { return running_.tracked(); }
  Index num_batches_tracked() const { return running_.tracked(); }
  Index num_batches_skipped() const { return running_.skipped(); }
  void reset_running_stats() { running_.reset(); }

 private:
  static std::string class_name() { return "BatchNorm" + std::to_string(SpatialRank) + "d"; }
  std::string name() const { return class_name() + "(" + std::to_string(num_features_) + ")"; }

  static Index checked(Index num_features, const BatchNormOptions& options) {
    check_size<Channels>(class_name(), "num_features", num_features);
    check_eps(class_name(), options.eps);
    return num_features;
  }

  template <int Rank>
  static void check_rank() {
    static_assert(SpatialRank != 1 || Rank == 2 || Rank == 3,
                  "eigen_norm: BatchNorm1d takes (N, C) or (N, C, L), a tensor of rank 2 or 3 or a "
                  "matrix with samples as rows");
    static_assert(SpatialRank != 2 || Rank == 4,
                  "eigen_norm: BatchNorm2d takes (N, C, H, W), a tensor of rank 4");
    static_assert(SpatialRank != 3 || Rank == 5,
                  "eigen_norm: BatchNorm3d takes (N, C, D, H, W), a tensor of rank 5");
  }

  /// "(N, 64, H, W)" or "(N, H, W, 64)"
  std::string expected_input(int rank) const {
    static const char* const names[] = {"", ", L", ", H, W", ", D, H, W"};
    const std::string spatial = names[rank - 2];
    const std::string channels = ", " + std::to_string(num_features_);
    return "(N" +
           (options_.channels == ChannelAxis::first ? channels + spatial : spatial + channels) +
           ")";
  }

  void check_input(const memory::Shape& shape, bool inference) const {
    const int axis = options_.channels == ChannelAxis::first ? 1 : shape.rank() - 1;
    if (shape[axis] != num_features_) {
      this->raise_shape("input", expected_input(shape.rank()), shape,
                        transpose_hint(shape, num_features_));
    }
    if (options_.track_running_stats &&
        (running_.mean().size() != num_features_ || running_.var().size() != num_features_)) {
      memory::raise_invalid(name() + ": expected running_mean and running_var of " +
                            std::to_string(num_features_) + " values each, got " +
                            std::to_string(running_.mean().size()) + " and " +
                            std::to_string(running_.var().size()));
    }
    if (!uses_running(inference) && shape.size() == num_features_) {
      const bool training = this->is_training() && !inference;
      this->raise_shape("more than 1 value per channel",
                        training ? "when training" : "without running statistics", shape);
    }
  }

  memory::CollapsedShape collapse(const memory::Layout& layout) const {
    return memory::CollapsedShape::over_batch(layout, options_.channels);
  }
  static constexpr bool wants_packed() { return false; }

  bool uses_running(bool inference) const {
    return options_.track_running_stats && (inference || frozen_ || !this->is_training());
  }

  void normalise(const ConstOperand& x, const MutableOperand& y, const memory::Shape& shape) {
    auto& last = this->last();
    if (uses_running(false)) {
      last.resize(num_features_);
      last.begin(shape, false);
      const auto running = running_.view(options_.eps);
      for (Index c = 0; c < num_features_; ++c) {
        last.mean.data()[c] = running.at(c).mean;
        last.inv_std.data()[c] = running.at(c).inv_std;
      }
      infer_into(x, y);
      return;
    }
    S* var = this->scratch();
    this->normalise_by_own(x, y, shape, var);
    if (options_.track_running_stats && this->is_training()) {
      running_.update(last.mean.data(), var, x.shape.values_per_statistic(), options_);
    }
  }

  void infer_into(const ConstOperand& x, const MutableOperand& y) const {
    if (!options_.track_running_stats) return this->infer_by_own(x, y);
    this->normalise_by(running_.view(options_.eps), x, y);
  }

  Index num_features_;
  BatchNormOptions options_;
  RunningStatistics<Scalar, Channels> running_;
  bool frozen_ = false;
};

/// (N, C) or (N, C, L); channels last: (N, L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm1d = BatchNorm<Scalar, Channels, 1>;

/// (N, C, H, W); channels last: (N, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using BatchNorm2d = BatchNorm<Scalar, Channels, 2>;

}  // namespace eigen_norm
