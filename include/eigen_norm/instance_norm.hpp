// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/tracking_layer.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Instance normalization (Ulyanov, Vedaldi, Lempitsky 2016, arXiv:1607.08022) over
/// (N, C, spatial...), and over one sample (C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each sample and channel, over its positions. As in
/// torch.nn.InstanceNorm, gamma and beta, one for each channel, are off by default, and so are
/// running statistics; with them eval, infer and a frozen layer normalise every sample alike, as
/// BatchNorm does:
///
///     running = (1 - momentum) * running + momentum * (mean over the samples of the batch)
///
/// Differs from torch.nn.InstanceNorm in that batches taken into the running statistics are counted
/// (num_batches_tracked), that momentum may be absent (their average over all batches), and in what
/// BatchNorm does differently.
///
/// Throws std::invalid_argument for another shape (of channels too, where there is no gamma), and
/// for one position wherever an instance's own statistics count: in training, and, without running
/// statistics, always.
template <typename Scalar, int Channels, int SpatialRank>
class InstanceNorm : public TrackingLayer<InstanceNorm<Scalar, Channels, SpatialRank>, Scalar,
                                          Channels, InstanceNormOptions> {
  using Base = TrackingLayer<InstanceNorm, Scalar, Channels, InstanceNormOptions>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 public:
  explicit InstanceNorm(Index num_features, const InstanceNormOptions& options = {})
      : Base(num_features, options) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  InstanceNorm() : InstanceNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit InstanceNorm(const InstanceNormOptions& options) : InstanceNorm(C, options) {}

 private:
  static constexpr int unbatched_rank = SpatialRank + 1;

  static std::string class_name() { return "InstanceNorm" + std::to_string(SpatialRank) + "d"; }

  template <int Rank>
  static void check_rank() {
    constexpr bool fits = Rank == unbatched_rank || Rank == unbatched_rank + 1;
    static_assert(SpatialRank != 1 || fits,
                  "eigen_norm: InstanceNorm1d takes (N, C, L), a tensor of rank 3, or (C, L)");
    static_assert(
        SpatialRank != 2 || fits,
        "eigen_norm: InstanceNorm2d takes (N, C, H, W), a tensor of rank 4, or (C, H, W)");
    static_assert(SpatialRank != 3 || fits,
                  "eigen_norm: InstanceNorm3d takes (N, C, D, H, W), a tensor of rank 5, or "
                  "(C, D, H, W)");
  }

  std::string expected_input(int rank) const {
    return (rank == unbatched_rank ? "(" : "(N, ") + this->expected_channels(SpatialRank) + ")";
  }
  static std::string hint(const memory::Shape&) { return ""; }
  int channel_axis(int rank) const {
    return this->options().channels == ChannelAxis::last ? rank - 1 : rank - unbatched_rank;
  }

  static Index samples(const memory::Shape& shape) {
    return shape.rank() == unbatched_rank ? 1 : shape[0];
  }

  static constexpr const char* more_than_one_value = "more than 1 spatial element";
  bool has_one_value(const memory::Shape& shape) const {
    return samples(shape) > 0 && shape.size() == samples(shape) * this->num_features();
  }

  /// One statistic for each sample and channel, or, by running statistics, for each channel.
  memory::CollapsedShape collapse(const memory::Layout& layout, bool own_statistics) const {
    const ChannelAxis axis = this->options().channels;
    if (layout.shape.rank() == 2) {  // one sample is a matrix whose rows or columns are channels
      return memory::CollapsedShape::over_batch(
          axis == ChannelAxis::last ? layout : layout.transposed(), ChannelAxis::first);
    }
    const memory::Layout batch = layout.shape.rank() == unbatched_rank ? layout.as_batch() : layout;
    return own_statistics ? memory::CollapsedShape::over_samples(batch, axis, this->num_features())
                          : memory::CollapsedShape::over_batch(batch, axis);
  }
  static constexpr bool wants_packed() { return false; }
};

/// (N, C, L) or (C, L); channels last: (N, L, C) or (L, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm1d = InstanceNorm<Scalar, Channels, 1>;

/// (N, C, H, W) or (C, H, W); channels last: (N, H, W, C) or (H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm2d = InstanceNorm<Scalar, Channels, 2>;

/// (N, C, D, H, W) or (C, D, H, W); channels last: (N, D, H, W, C) or (D, H, W, C).
template <typename Scalar, int Channels = Eigen::Dynamic>
using InstanceNorm3d = InstanceNorm<Scalar, Channels, 3>;

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
