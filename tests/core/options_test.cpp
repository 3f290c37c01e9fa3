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
