// SPDX-License-Identifier: MIT
#include "eigen_norm/io/framework_options.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using namespace io;

void expect_equal(const BatchNormOptions& a, const BatchNormOptions& b) {
  EXPECT_EQ(a.eps, b.eps);
  EXPECT_EQ(a.momentum, b.momentum);
  EXPECT_EQ(a.gamma, b.gamma);
  EXPECT_EQ(a.beta, b.beta);
  EXPECT_EQ(a.track_running_stats, b.track_running_stats);
  EXPECT_EQ(a.running_variance, b.running_variance);
  EXPECT_EQ(a.channels, b.channels);
  EXPECT_FALSE(a.virtual_batch_size || b.virtual_batch_size || a.renorm || b.renorm);
}
void expect_equal(const GroupNormOptions& a, const GroupNormOptions& b) {
  EXPECT_EQ(a.eps, b.eps);
  EXPECT_EQ(a.gamma, b.gamma);
  EXPECT_EQ(a.beta, b.beta);
  EXPECT_EQ(a.channels, b.channels);
}
void expect_equal(const LayerNormOptions& a, const LayerNormOptions& b) {
  EXPECT_EQ(a.eps, b.eps);
  EXPECT_EQ(a.gamma, b.gamma);
  EXPECT_EQ(a.beta, b.beta);
}

TEST(FrameworkOptions, AreThePresetsByDefault) {
  expect_equal(KerasBatchNormalization().options(), BatchNormOptions::keras());
  expect_equal(KerasGroupNormalization().options(), GroupNormOptions::keras());
  expect_equal(KerasLayerNormalization().options(), LayerNormOptions::keras());
  expect_equal(FlaxBatchNorm().options(), BatchNormOptions::flax());
  expect_equal(FlaxGroupNorm().options(), GroupNormOptions::flax());
  expect_equal(FlaxLayerNorm().options(), LayerNormOptions::flax());
  expect_equal(OnnxBatchNormalization().options(), BatchNormOptions::onnx());
}

TEST(FrameworkOptions, TurnTheWeightOfTheOldValueIntoThatOfTheNew) {
  EXPECT_EQ(weight_of_new(0.9), 0.1);
  EXPECT_EQ(weight_of_new(0.99), 0.01);
  EXPECT_EQ(weight_of_new(0.997), 0.003);
  EXPECT_EQ(weight_of_new(0.9999), 0.0001);
  EXPECT_EQ(weight_of_new(0), 1);
  EXPECT_EQ(weight_of_new(1), 0);
  KerasBatchNormalization keras;
  keras.momentum = 0.9;
  EXPECT_EQ(keras.options().momentum, 0.1);
  FlaxBatchNorm flax;
  flax.momentum = 0.95;
  EXPECT_EQ(flax.options().momentum, 0.05);
  OnnxBatchNormalization onnx;
  onnx.momentum = 0.8;
  EXPECT_EQ(onnx.options().momentum, 0.2);
}

TEST(FrameworkOptions, KeepEpsilonAndWhatIsLearnt) {
  const auto expect_gamma_alone = [](const auto& options) {
    EXPECT_EQ(options.eps, 0.25);
    EXPECT_TRUE(options.gamma);
    EXPECT_FALSE(options.beta);
  };
  const auto keras = [&](auto theirs) {
    theirs.epsilon = 0.25;
    theirs.center = false;
    expect_gamma_alone(theirs.options());
  };
  keras(KerasBatchNormalization());
  keras(KerasGroupNormalization());
  keras(KerasLayerNormalization());
  const auto flax = [&](auto theirs) {
    theirs.epsilon = 0.25;
    theirs.use_bias = false;
    expect_gamma_alone(theirs.options());
  };
  flax(FlaxBatchNorm());
  flax(FlaxGroupNorm());
  flax(FlaxLayerNorm());
  OnnxBatchNormalization onnx;
  onnx.epsilon = 0.25;
  EXPECT_EQ(onnx.options().eps, 0.25);
}

// As files have it.
TEST(FrameworkOptions, ReadAFloatOfOnnxAsTheDecimalThatItStandsFor) {
  OnnxBatchNormalization onnx;
  const auto weight_of = [&](float momentum) {
    onnx.momentum = static_cast<double>(momentum);
    return onnx.options().momentum;
  };
  EXPECT_EQ(onnx.options().momentum, 0.1);
  EXPECT_EQ(weight_of(0.9F), 0.1);
  EXPECT_EQ(weight_of(0.99F), 0.01);
  EXPECT_EQ(weight_of(0.9999F), 0.0001);
  EXPECT_EQ(weight_of(0.75F), 0.25);
  EXPECT_EQ(weight_of(1e-5F), 0.99999);
  EXPECT_EQ(weight_of(0), 1);
  EXPECT_EQ(weight_of(1), 0);
  // Of 9 digits, which every float can be told by.
  for (float momentum = 0.5F; momentum < 0.5F + 1e-5F; momentum = std::nextafter(momentum, 1.0F)) {
    EXPECT_EQ(static_cast<float>(1 - *weight_of(momentum)), momentum);
  }
}

TEST(FrameworkOptions, KnowTheFirstAxisAfterTheSamplesAndTheLast) {
  KerasBatchNormalization keras;
  FlaxBatchNorm flax;
  KerasGroupNormalization group;
  EXPECT_EQ(keras.options().channels, ChannelAxis::last);
  keras.axis = flax.axis = group.axis = 1;
  EXPECT_EQ(keras.options().channels, ChannelAxis::first);
  EXPECT_EQ(flax.options().channels, ChannelAxis::first);
  EXPECT_EQ(group.options().channels, ChannelAxis::first);
  keras.axis = 3;
  flax.axis = 0;
  group.axis = -2;
  test::expect_error<std::invalid_argument>(
      "KerasBatchNormalization: expected axis 1, or -1 for the last, got 3",
      [&] { keras.options(); });
  test::expect_error<std::invalid_argument>(
      "FlaxBatchNorm: expected axis 1, or -1 for the last, got 0", [&] { flax.options(); });
  test::expect_error<std::invalid_argument>(
      "KerasGroupNormalization: expected axis 1, or -1 for the last, got -2",
      [&] { group.options(); });
}

TEST(FrameworkOptions, MakeMinusOneGroupOneForEachChannel) {
  KerasGroupNormalization group;
  EXPECT_EQ(group.num_groups(64), 32);
  group.groups = -1;
  EXPECT_EQ(group.num_groups(64), 64);
}

}  // namespace
}  // namespace eigen_norm
