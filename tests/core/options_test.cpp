// SPDX-License-Identifier: MIT
#include "eigen_norm/core/options.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace eigen_norm {
namespace {

static_assert(std::is_aggregate_v<BatchNormOptions>);
static_assert(std::is_aggregate_v<GroupNormOptions>);
static_assert(std::is_aggregate_v<InstanceNormOptions>);
static_assert(std::is_aggregate_v<LayerNormOptions>);
static_assert(std::is_aggregate_v<RMSNormOptions>);

// The order of members is part of the contract: designated initialisers depend on it.
TEST(Options, OfBatchNormAreInTheirOrder) {
  const BatchNormOptions options{
      1e-3, 0.5, false, false, false, RunningVariance::biased, ChannelAxis::last};
  EXPECT_EQ(options.eps, 1e-3);
  EXPECT_EQ(options.momentum, 0.5);
  EXPECT_FALSE(options.gamma);
  EXPECT_FALSE(options.beta);
  EXPECT_FALSE(options.track_running_stats);
  EXPECT_EQ(options.running_variance, RunningVariance::biased);
  EXPECT_EQ(options.channels, ChannelAxis::last);
}

TEST(Options, OfInstanceNormAreThoseOfBatchNorm) {
  const InstanceNormOptions options{
      1e-3, 0.5, true, true, true, RunningVariance::biased, ChannelAxis::last};
  EXPECT_EQ(options.eps, 1e-3);
  EXPECT_EQ(options.momentum, 0.5);
  EXPECT_TRUE(options.gamma && options.beta && options.track_running_stats);
  EXPECT_EQ(options.running_variance, RunningVariance::biased);
  EXPECT_EQ(options.channels, ChannelAxis::last);
}

TEST(Options, OfGroupNormAndLayerNormAreInTheirOrder) {
  const GroupNormOptions group{1e-3, false, true, ChannelAxis::last};
  EXPECT_EQ(group.eps, 1e-3);
  EXPECT_FALSE(group.gamma);
  EXPECT_TRUE(group.beta);
  EXPECT_EQ(group.channels, ChannelAxis::last);
  const LayerNormOptions layer{1e-3, true, false};
  EXPECT_EQ(layer.eps, 1e-3);
  EXPECT_TRUE(layer.gamma);
  EXPECT_FALSE(layer.beta);
}

TEST(Options, AreThoseOfPyTorchByDefault) {
  const BatchNormOptions batch;
  EXPECT_EQ(batch.eps, 1e-5);
  EXPECT_EQ(batch.momentum, 0.1);
  EXPECT_TRUE(batch.gamma && batch.beta && batch.track_running_stats);
  EXPECT_EQ(batch.running_variance, RunningVariance::unbiased);
  EXPECT_EQ(batch.channels, ChannelAxis::first);
  const InstanceNormOptions instance;
  EXPECT_TRUE(instance.eps == 1e-5 && instance.momentum == 0.1);
  EXPECT_FALSE(instance.gamma || instance.beta || instance.track_running_stats);
  EXPECT_EQ(instance.running_variance, RunningVariance::unbiased);
  EXPECT_EQ(instance.channels, ChannelAxis::first);
  const GroupNormOptions group;
  EXPECT_TRUE(group.eps == 1e-5 && group.gamma && group.beta);
  EXPECT_EQ(group.channels, ChannelAxis::first);
  const LayerNormOptions layer;
  EXPECT_TRUE(layer.eps == 1e-5 && layer.gamma && layer.beta);
  const RMSNormOptions rms;
  EXPECT_FALSE(rms.eps.has_value());
  EXPECT_TRUE(rms.gamma && !rms.zero_centered_gamma);
}

// By framework: eps, the weight of the new batch, the variance that is averaged, the axis.
TEST(Options, HaveTheDefaultsOfOtherFrameworks) {
  const auto batch = [](const BatchNormOptions& o, double eps, double momentum, ChannelAxis axis) {
    return o.eps == eps && o.momentum == momentum && o.gamma && o.beta && o.track_running_stats &&
           o.running_variance == RunningVariance::biased && o.channels == axis;
  };
  EXPECT_TRUE(batch(BatchNormOptions::keras(), 1e-3, 0.01, ChannelAxis::last));
  EXPECT_TRUE(batch(BatchNormOptions::flax(), 1e-5, 0.01, ChannelAxis::last));
  EXPECT_TRUE(batch(BatchNormOptions::onnx(), 1e-5, 0.1, ChannelAxis::first));
  const auto instance = [](const InstanceNormOptions& o, double eps, double momentum,
                           ChannelAxis axis) {
    return o.eps == eps && o.momentum == momentum && o.gamma && o.beta && !o.track_running_stats &&
           o.running_variance == RunningVariance::biased && o.channels == axis;
  };
  EXPECT_TRUE(instance(InstanceNormOptions::keras(), 1e-3, 0.01, ChannelAxis::last));
  EXPECT_TRUE(instance(InstanceNormOptions::flax(), 1e-6, 0.01, ChannelAxis::last));
  EXPECT_TRUE(instance(InstanceNormOptions::onnx(), 1e-5, 0.1, ChannelAxis::first));
  const auto group = [](const GroupNormOptions& o, double eps, ChannelAxis axis) {
    return o.eps == eps && o.gamma && o.beta && o.channels == axis;
  };
  EXPECT_TRUE(group(GroupNormOptions::keras(), 1e-3, ChannelAxis::last));
  EXPECT_TRUE(group(GroupNormOptions::flax(), 1e-6, ChannelAxis::last));
  EXPECT_TRUE(group(GroupNormOptions::onnx(), 1e-5, ChannelAxis::first));
  EXPECT_EQ(LayerNormOptions::keras().eps, 1e-3);
  EXPECT_EQ(LayerNormOptions::flax().eps, 1e-6);
  EXPECT_EQ(LayerNormOptions::onnx().eps, 1e-5);
  EXPECT_EQ(RMSNormOptions::keras().eps, 1e-6);
  EXPECT_EQ(RMSNormOptions::flax().eps, 1e-6);
  EXPECT_EQ(RMSNormOptions::onnx().eps, 1e-5);
}

#if defined(__cpp_designated_initializers)
TEST(Options, TakeDesignatedInitialisers) {
  const BatchNormOptions options{.eps = 1e-3, .momentum = std::nullopt, .beta = false};
  EXPECT_FALSE(options.momentum.has_value());
  EXPECT_TRUE(options.gamma);
  EXPECT_FALSE(options.beta);
}
#endif

}  // namespace
}  // namespace eigen_norm
