// SPDX-License-Identifier: MIT
#pragma once

#include "conformance/torch.hpp"
#include "eigen_norm/batch_norm.hpp"

namespace eigen_norm::test {

inline BatchNormOptions batch_norm_options(const GoldenCase& golden, ChannelAxis channels) {
  BatchNormOptions options;
  options.eps = golden.number("eps");
  options.momentum = optional_number(golden, "momentum");
  options.gamma = options.beta = golden.flag("affine");
  options.track_running_stats = golden.flag("track_running_stats");
  options.channels = channels;
  return options;
}

// Three training steps, the running statistics after each, and an evaluation of another batch.
template <typename Tensor, typename Layer, typename Scalar>
void compare_batch_norm_case(Comparison<Scalar>& compare, const GoldenCase& golden,
                             ChannelAxis channels) {
  constexpr int training_steps = 3;
  Layer layer(golden.array("x0").dims.at(1), batch_norm_options(golden, channels));
  set_parameters(layer, golden);
  const Dims order =
      channels == ChannelAxis::last ? channels_last<Tensor>() : channels_first<Tensor>();
  for (int i = 0; i <= training_steps; ++i) {
    const std::string step = std::to_string(i);
    layer.train(i < training_steps);
    compare_step<Tensor>(compare, layer, golden, step, order);
    if (!golden.flag("track_running_stats")) continue;
    compare.expect_value("running_mean" + step, from_parameters(layer.running_mean()),
                         golden.array("running_mean" + step).values);
    compare.expect_value("running_var" + step, from_parameters(layer.running_var()),
                         golden.array("running_var" + step).values);
    EXPECT_EQ(static_cast<Real>(layer.num_batches_tracked()),
              golden.array("num_batches_tracked" + step).values.at(0))
        << golden.name << " step " << step;
  }
  compare_infer<Tensor>(compare, layer, golden, std::to_string(training_steps), order);
}

template <typename Layer, int Rank, typename Scalar>
void compare_batch_norm_layouts(Comparison<Scalar>& compare, const GoldenCase& golden) {
  using RowMajor = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;
  using ColMajor = Eigen::Tensor<Scalar, Rank, Eigen::ColMajor>;
  compare.begin_case(golden.name);
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    SCOPED_TRACE(channels == ChannelAxis::first ? "channels first" : "channels last");
    compare_batch_norm_case<RowMajor, Layer>(compare, golden, channels);
    compare_batch_norm_case<ColMajor, Layer>(compare, golden, channels);
  }
}

template <typename Scalar>
void compare_batch_norm_1d() {
  Comparison<Scalar> compare("BatchNorm1d against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/batch_norm_1d.txt")) {
    with_rank<2, 3>(golden.array("x0").rank(), [&](auto rank) {
      compare_batch_norm_layouts<BatchNorm1d<Scalar>, rank>(compare, golden);
    });
  }
}

template <typename Scalar>
void compare_batch_norm_2d() {
  Comparison<Scalar> compare("BatchNorm2d against PyTorch");
  for (const GoldenCase& golden : read_goldens("torch/batch_norm_2d.txt")) {
    compare_batch_norm_layouts<BatchNorm2d<Scalar>, 4>(compare, golden);
  }
}

}  // namespace eigen_norm::test
