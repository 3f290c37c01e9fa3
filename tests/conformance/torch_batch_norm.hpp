// SPDX-License-Identifier: MIT
#pragma once

#include "conformance/torch.hpp"
#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/instance_norm.hpp"

// BatchNorm and InstanceNorm: the layers that may keep running statistics.
namespace eigen_norm::test {

template <typename Options>
Options tracking_options(const GoldenCase& golden, ChannelAxis channels) {
  Options options;
  options.eps = golden.number("eps");
  options.momentum = optional_number(golden, "momentum");
  options.gamma = options.beta = golden.flag("affine");
  options.track_running_stats = golden.flag("track_running_stats");
  options.channels = channels;
  return options;
}

// Three training steps, the running statistics after each, and an evaluation of another batch. The
// channels are the axis `axis` of the golden arrays.
template <typename Tensor, typename Layer, typename Scalar>
void compare_tracking_case(Comparison<Scalar>& compare, const GoldenCase& golden, Index axis,
                           ChannelAxis channels) {
  constexpr int training_steps = 3;
  using Options = std::decay_t<decltype(std::declval<Layer>().options())>;
  Layer layer(golden.array("x0").dims.at(static_cast<std::size_t>(axis)),
              tracking_options<Options>(golden, channels));
  set_parameters(layer, golden);
  const Dims order =
      channels == ChannelAxis::last ? channels_last<Tensor>(axis) : channels_first<Tensor>();
  for (int i = 0; i <= training_steps; ++i) {
    const std::string step = std::to_string(i);
    layer.train(i < training_steps);
    compare_step<Tensor>(compare, layer, golden, step, order);
    if (!golden.flag("track_running_stats")) continue;
    compare.expect_value("running_mean" + step, from_parameters(layer.running_mean()),
                         golden.array("running_mean" + step).values);
    compare.expect_value("running_var" + step, from_parameters(layer.running_var()),
                         golden.array("running_var" + step).values);
    if constexpr (std::is_same_v<Options, BatchNormOptions>) {  // PyTorch counts only for these
      EXPECT_EQ(static_cast<Real>(layer.num_batches_tracked()),
                golden.array("num_batches_tracked" + step).values.at(0))
          << golden.name << " step " << step;
    }
  }
  compare_infer<Tensor>(compare, layer, golden, std::to_string(training_steps), order);
}

template <typename Layer, int Rank, typename Scalar>
void compare_tracking_layouts(Comparison<Scalar>& compare, const GoldenCase& golden, Index axis) {
  using RowMajor = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;
  using ColMajor = Eigen::Tensor<Scalar, Rank, Eigen::ColMajor>;
  compare.begin_case(golden.name);
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    SCOPED_TRACE(channels == ChannelAxis::first ? "channels first" : "channels last");
    compare_tracking_case<RowMajor, Layer>(compare, golden, axis, channels);
    compare_tracking_case<ColMajor, Layer>(compare, golden, axis, channels);
  }
}

template <typename Scalar>
void compare_batch_norm_1d() {
  Comparison<Scalar> compare("BatchNorm1d against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/batch_norm_1d.txt")) {
    with_rank<2, 3>(golden.array("x0").rank(), [&](auto rank) {
      compare_tracking_layouts<BatchNorm1d<Scalar>, rank>(compare, golden, 1);
    });
  }
}

template <typename Scalar, int SpatialRank>
void compare_batch_norm() {
  const std::string dimensions = std::to_string(SpatialRank) + "d";
  Comparison<Scalar> compare("BatchNorm" + dimensions + " against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/batch_norm_" + dimensions + ".txt")) {
    using Layer = BatchNorm<Scalar, Eigen::Dynamic, SpatialRank>;
    compare_tracking_layouts<Layer, SpatialRank + 2>(compare, golden, 1);
  }
}

template <typename Scalar, int SpatialRank>
void compare_instance_norm() {
  const std::string dimensions = std::to_string(SpatialRank) + "d";
  Comparison<Scalar> compare("InstanceNorm" + dimensions + " against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/instance_norm_" + dimensions + ".txt")) {
    with_rank<SpatialRank + 1, SpatialRank + 2>(golden.array("x0").rank(), [&](auto rank) {
      using Layer = InstanceNorm<Scalar, Eigen::Dynamic, SpatialRank>;
      compare_tracking_layouts<Layer, rank>(compare, golden, rank - SpatialRank - 1);
    });
  }
}

}  // namespace eigen_norm::test
