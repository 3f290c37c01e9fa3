// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/core/checks.hpp"
#include "eigen_norm/core/conditioned.hpp"
#include "eigen_norm/core/options.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// Group normalization (Wu, He 2018, arXiv:1803.08494) over (N, C) and (N, C, spatial...):
///
///     y = (x - mean) / sqrt(var + eps) * gamma + beta
///
/// mean and var (biased) are those of each sample and group of C / num_groups consecutive channels,
/// over all its positions; gamma and beta are by channel. The same in training and in eval, as
/// torch.nn.GroupNorm, and independent of the batch.
///
/// Throws std::invalid_argument for channels that num_groups does not divide, and another shape.
template <typename Scalar, int Channels = Eigen::Dynamic>
class GroupNorm : public Conditioned<GroupNorm<Scalar, Channels>, Scalar, Channels> {
  using Base = Conditioned<GroupNorm, Scalar, Channels>;
  friend Base;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  GroupNorm(Index num_groups, Index num_channels, const GroupNormOptions& options = {})
      : Base(checked(num_groups, num_channels, options), options.eps, options.gamma, options.beta),
        num_groups_(num_groups),
        num_channels_(num_channels),
        options_(options) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  GroupNorm() : GroupNorm(1, C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit GroupNorm(Index num_groups, const GroupNormOptions& options = {})
      : GroupNorm(num_groups, C, options) {}

  const GroupNormOptions& options() const { return options_; }
  Index num_groups() const { return num_groups_; }
  Index num_channels() const { return num_channels_; }
  /// As error messages have it: "GroupNorm(32, 512)".
  std::string name() const {
    return "GroupNorm(" + std::to_string(num_groups_) + ", " + std::to_string(num_channels_) + ")";
  }

 private:
  static Index checked(Index num_groups, Index num_channels, const GroupNormOptions& options) {
    check_size<Channels>("GroupNorm", "num_channels", num_channels);
    check_size<Eigen::Dynamic>("GroupNorm", "num_groups", num_groups);
    if (num_channels % num_groups != 0) {
      memory::raise_invalid("GroupNorm: expected num_channels divisible by num_groups, got " +
                            std::to_string(num_channels) + " channels in " +
                            std::to_string(num_groups) + " groups");
    }
    check_eps("GroupNorm", options.eps);
    return num_channels;
  }

  template <int Rank>
  static void check_rank() {
    static_assert(
        Rank >= 2,
        "eigen_norm: GroupNorm takes (N, C) or (N, C, ...), a tensor of rank 2 or more or "
        "a matrix with samples as rows");
  }

  void check_input(const memory::Shape& shape, Purpose) const {
    const bool first = options_.channels == ChannelAxis::first;
    if (shape[channel_axis(shape.rank())] != num_channels_) {
      const std::string channels = std::to_string(num_channels_);
      const std::string expected = shape.rank() == 2 ? "(N, " + channels + ")"
                                   : first           ? "(N, " + channels + ", ...)"
                                                     : "(N, ..., " + channels + ")";
      this->raise_shape("input", expected, shape, transpose_hint(shape, num_channels_));
    }
  }

  int channel_axis(int rank) const {
    return options_.channels == ChannelAxis::first ? 1 : rank - 1;
  }
  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_samples(layout, options_.channels, num_groups_);
  }
  static constexpr bool wants_packed() { return false; }

  Index num_groups_;
  Index num_channels_;
  GroupNormOptions options_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
