// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "eigen_norm/core/options.hpp"
#include "eigen_norm/core/split_batch.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

/// What the layers over (N, C) and (N, C, spatial...) share that normalise by the statistics of a
/// batch: BatchNorm and, where a batch lies on several machines, SyncBatchNorm.
template <typename Derived, typename Scalar, int Channels, int SpatialRank>
class BatchLayer : public SplitBatch<Derived, Scalar, Channels, BatchNormOptions> {
  using Base = SplitBatch<Derived, Scalar, Channels, BatchNormOptions>;
  friend Base;
  friend typename Base::TrackingBase;
  friend typename Base::LayerBase;
  friend typename Base::ConditionedBase;
  friend typename Base::CallsBase;

 protected:
  using BatchBase = BatchLayer;
  using Base::Base;

  /// Parameters, running statistics and mode, of another layer over as many channels.
  template <typename From, typename To>
  static void copy_state(const From& from, To& to) {
    to.gamma() = from.gamma();
    to.beta() = from.beta();
    to.running_mean() = from.running_mean();
    to.running_var() = from.running_var();
    to.num_batches_tracked() = from.num_batches_tracked();
    to.train(from.is_training());
    if (from.is_frozen()) to.freeze();
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
  void check_mask(const memory::Shape& shape, const Mask* mask, Purpose) const {
    if (mask == nullptr || mask->count(0, mask->shape().size()) != 1) return;
    this->raise_shape(more_than_one_value,
                      this->options().track_running_stats
                          ? "when training, under the mask"
                          : "under the mask, without running statistics",
                      shape);
  }

  memory::CollapsedShape collapse(const memory::Layout& layout, bool) const {
    return memory::CollapsedShape::over_batch(layout, this->options().channels);
  }
  static constexpr bool wants_packed() { return false; }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
