// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/split_batch.hpp"

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
/// Throws std::invalid_argument for another shape, and for one value per channel wherever the
/// batch's own statistics count: in training, and, without running statistics, always.
template <typename Scalar, int Channels, int SpatialRank>
class BatchNorm : public SplitBatch<BatchNorm<Scalar, Channels, SpatialRank>, Scalar, Channels,
                                    BatchNormOptions> {
  using Base = SplitBatch<BatchNorm, Scalar, Channels, BatchNormOptions>;
  friend Base;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::CallsBase;

 public:
  explicit BatchNorm(Index num_features, const BatchNormOptions& options = {})
      : Base(num_features, options) {}

  /// Where the number of channels is fixed at compile time.
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  BatchNorm() : BatchNorm(C) {}
  template <int C = Channels, std::enable_if_t<C != Eigen::Dynamic, int> = 0>
  explicit BatchNorm(const BatchNormOptions& options) : BatchNorm(C, options) {}

 private:
  static std::string class_name() { return "BatchNorm" + std::to_string(SpatialRank) + "d"; }

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

  std::string expected_input(int rank) const {
    return "(N, " + this->expected_channels(rank - 2) + ")";
  }
  std::string hint(const memory::Shape& shape) const {
    return transpose_hint(shape, this->num_features());
  }
  int channel_axis(int rank) const {
    return this->options().channels == ChannelAxis::first ? 1 : rank - 1;
  }

  static constexpr const char* more_than_one_value = "more than 1 value per channel";
  bool has_one_value(const memory::Shape& shape) const {
    return shape.size() == this->num_features();
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_batch(layout, this->options().channels);
  }
  static constexpr bool wants_packed() { return false; }
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

}  // namespace eigen_norm
