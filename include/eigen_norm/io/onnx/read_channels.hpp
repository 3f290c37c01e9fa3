// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/group_norm.hpp"
#include "eigen_norm/instance_norm.hpp"
#include "eigen_norm/io/framework_options.hpp"
#include "eigen_norm/io/onnx/channels.hpp"

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Inputs X, scale, B, mean, var. ONNX's momentum is the weight of the old statistics, and its
/// running variance the biased one. The layer is in eval mode, unless the node trains: see
/// is_training.
template <typename Scalar, int Channels, int SpatialRank>
struct OnnxLayer<BatchNorm<Scalar, Channels, SpatialRank>> {
  using Layer = BatchNorm<Scalar, Channels, SpatialRank>;

  static Layer read(const OnnxNode& node) {
    node.expect("BatchNormalization", 6);
    if (node.integer("spatial", 1) == 0) {
      node.refuse("spatial = 1, statistics by channel", "spatial = 0");
    }
    const OnnxBatchNormalization attributes{node.epsilon(), node.number("momentum", 0.9F)};
    if (attributes.momentum < 0 || attributes.momentum > 1) {
      node.malformed("momentum from 0 to 1", number_text(attributes.momentum));
    }
    const OnnxTensor scale = node.parameter(1);
    const internal::OnnxChannels channels(node, SpatialRank == 1 ? 2 : SpatialRank + 2,
                                          SpatialRank + 2);
    const Index count = channels.template of_scale<Channels>(scale.view);
    Layer layer(count, attributes.options());
    node.fill_by_channel(1, count, layer.gamma());
    node.fill_by_channel(2, count, layer.beta());
    node.fill_by_channel(3, count, layer.running_mean());
    node.fill_by_channel(4, count, layer.running_var());
    layer.train(is_training(node));
    return layer;
  }

  /// Three generations of opsets say so each in its own way; in the middle one, a node that gives
  /// more than Y does.
  static bool is_training(const OnnxNode& node) {
    if (node.opset() >= 14) return node.integer("training_mode", 0) != 0;
    return node.opset() >= 7 ? node.outputs() > 1 : node.integer("is_test", 0) == 0;
  }
};

/// Inputs X, scale, B.
template <typename Scalar, int Channels, int SpatialRank>
struct OnnxLayer<InstanceNorm<Scalar, Channels, SpatialRank>> {
  using Layer = InstanceNorm<Scalar, Channels, SpatialRank>;

  static Layer read(const OnnxNode& node) {
    node.expect("InstanceNormalization", 6);
    InstanceNormOptions options = InstanceNormOptions::onnx();
    options.eps = node.epsilon();

    const OnnxTensor scale = node.parameter(1);
    const internal::OnnxChannels channels(node, SpatialRank + 2, SpatialRank + 2);
    const Index count = channels.template of_scale<Channels>(scale.view);
    Layer layer(count, options);
    node.fill_by_channel(1, count, layer.gamma());
    node.fill_by_channel(2, count, layer.beta());
    return layer;
  }
};

/// Inputs X, scale, bias: one value for each channel, and before opset 21 one for each group, which
/// its channels share.
template <typename Scalar, int Channels>
struct OnnxLayer<GroupNorm<Scalar, Channels>> {
  using Layer = GroupNorm<Scalar, Channels>;

  static Layer read(const OnnxNode& node) {
    node.expect("GroupNormalization", 18);
    const bool by_group = node.opset() < 21;
    GroupNormOptions options = GroupNormOptions::onnx();
    options.eps = node.epsilon();

    const OnnxTensor scale = node.parameter(1);
    const internal::OnnxChannels channels(node, 2, memory::Shape::max_rank);
    const Index count = by_group ? channels.template of_x<Channels>()
                                 : channels.template of_scale<Channels>(scale.view);
    const std::int64_t groups = node.integer("num_groups", 0);
    if (groups < 1 || count % groups != 0) {
      node.malformed("num_groups that divides " + std::to_string(count) + " channels",
                     std::to_string(groups));
    }
    Layer layer(static_cast<Index>(groups), count, options);
    const Index repeats = by_group ? count / layer.num_groups() : 1;
    node.fill_by_channel(1, count / repeats, layer.gamma(), repeats);
    node.fill_by_channel(2, count / repeats, layer.beta(), repeats);
    return layer;
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
