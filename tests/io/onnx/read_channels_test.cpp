// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/read_channels.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using test::batch_norm_of_two;
using test::OneNode;

// The node "norm" cannot be this layer.
template <typename Layer>
void expect_refused(const OneNode& model, const std::string& message,
                    const io::StateDict& given = io::StateDict()) {
  test::expect_error<std::invalid_argument>("model.onnx: " + message,
                                            [&] { model.as<Layer>(given); });
}
template <typename Layer>
void expect_malformed(const OneNode& model, const std::string& message) {
  test::expect_error<std::runtime_error>("model.onnx: " + message, [&] { model.as<Layer>(); });
}

TEST(OnnxBatchNorm, HasTheAttributesAndParametersOfTheNode) {
  OneNode model = batch_norm_of_two();
  model.number("epsilon", 0.25F).number("momentum", 0.75F);
  const auto norm = model.as<BatchNorm2d<float>>();
  EXPECT_EQ(norm.options().eps, 0.25);
  EXPECT_EQ(norm.options().momentum, 0.25);
  EXPECT_EQ(norm.options().running_variance, RunningVariance::biased);
  EXPECT_TRUE((norm.gamma() == Eigen::Array2f(2, 3)).all());
  EXPECT_TRUE((norm.beta() == Eigen::Array2f(-1, 1)).all());
  EXPECT_TRUE((norm.running_mean() == Eigen::Array2f(10, 20)).all());
  EXPECT_TRUE((norm.running_var() == Eigen::Array2f(4, 9)).all());
  EXPECT_FALSE(norm.is_training());
}

TEST(OnnxBatchNorm, HasTheDefaultsOfOnnx) {
  const auto norm = batch_norm_of_two().as<BatchNorm2d<float>>();
  EXPECT_EQ(norm.options().eps, static_cast<double>(1e-5F));
  EXPECT_EQ(norm.options().momentum, 0.1);
}

TEST(OnnxBatchNorm, TrainsWhereTheNodeDoes) {
  OneNode now = batch_norm_of_two();
  EXPECT_FALSE(now.as<BatchNorm2d<float>>().is_training());
  now.integer("training_mode", 1);
  EXPECT_TRUE(now.as<BatchNorm2d<float>>().is_training());

  OneNode by_outputs = batch_norm_of_two(9);
  EXPECT_FALSE(by_outputs.as<BatchNorm2d<float>>().is_training());
  by_outputs.node().add_output("");
  EXPECT_FALSE(by_outputs.as<BatchNorm2d<float>>().is_training());
  by_outputs.node().add_output("running_mean");
  EXPECT_TRUE(by_outputs.as<BatchNorm2d<float>>().is_training());

  OneNode old = batch_norm_of_two(6);
  EXPECT_TRUE(old.as<BatchNorm2d<float>>().is_training());
  old.integer("is_test", 1);
  EXPECT_FALSE(old.as<BatchNorm2d<float>>().is_training());
}

TEST(OnnxBatchNorm, RefusesAnotherOperatorAndStatisticsByPosition) {
  const std::string start = "BatchNormalization \"norm\": expected ";
  expect_refused<LayerNorm<float>>(
      batch_norm_of_two(),
      start + "a node of the type LayerNormalization for this layer, got BatchNormalization");
  expect_refused<BatchNorm2d<float>>(batch_norm_of_two(5), start + "opset 6 or newer, got 5");
  OneNode spatial = batch_norm_of_two(7);
  spatial.integer("spatial", 0);
  expect_refused<BatchNorm2d<float>>(spatial,
                                     start + "spatial = 1, statistics by channel, got spatial = 0");
}

TEST(OnnxBatchNorm, HoldsItsChannelsToTheShapeOfX) {
  const std::string start = "BatchNormalization \"norm\": expected ";
  OneNode images = batch_norm_of_two();
  images.x({-1, 2, -1, -1});
  EXPECT_EQ(images.as<BatchNorm2d<float>>().num_features(), 2);
  expect_refused<BatchNorm1d<float>>(images, start + "\"X\" of 2 to 3 dimensions, got 4");
  expect_refused<BatchNorm3d<float>>(images, start + "\"X\" of 5 dimensions, got 4");
  OneNode of_three = batch_norm_of_two();
  of_three.x({-1, 3, -1});
  expect_refused<BatchNorm1d<float>>(of_three, start + "3 channels, as \"X\" has, got 2");
  OneNode unknown = batch_norm_of_two();
  unknown.x({-1, -1});
  EXPECT_EQ(unknown.as<BatchNorm1d<float>>().num_features(), 2);
}

TEST(OnnxBatchNorm, HoldsItsChannelsToAFixedNumber) {
  EXPECT_EQ((batch_norm_of_two().as<BatchNorm2d<float, 2>>().gamma()[1]), 3);
  expect_refused<BatchNorm2d<float, 4>>(
      batch_norm_of_two(),
      "BatchNormalization \"norm\": expected 4 channels, fixed at compile time, got 2");
}

TEST(OnnxBatchNorm, NeedsAllItsParametersOfOneSize) {
  OneNode model("BatchNormalization", 15);
  const std::string start = "BatchNormalization \"norm\": expected ";
  expect_malformed<BatchNorm2d<float>>(model, start + "an input 1, got none");
  model.parameter("scale", {2, 3}).parameter("B", {-1});
  expect_refused<BatchNorm2d<float>>(model, start + "\"B\" of the shape (2), got (1)");
  model.graph().mutable_initializer(1)->add_float_data(0);
  model.graph().mutable_initializer(1)->set_dims(0, 2);
  model.node().add_input("");
  expect_malformed<BatchNorm2d<float>>(model, start + "an input 3, got none");

  OneNode square("BatchNormalization", 15);
  square.parameter("scale", {1, 1, 1, 1}, {2, 2});
  expect_refused<BatchNorm2d<float>>(square, start + "a scale of the shape (C), got (2, 2)");
  OneNode empty("BatchNormalization", 15);
  empty.parameter("scale", {}, {0});
  expect_refused<BatchNorm2d<float>>(empty, start + "at least 1 channel, got 0");
}

TEST(OnnxBatchNorm, RefusesAttributesThatCannotBe) {
  const std::string start = "BatchNormalization \"norm\": expected ";
  OneNode integer = batch_norm_of_two();
  integer.integer("epsilon", 1);
  expect_malformed<BatchNorm2d<float>>(integer, start + "epsilon as FLOAT, got INT");
  OneNode negative = batch_norm_of_two();
  negative.number("epsilon", -0.5F);
  expect_malformed<BatchNorm2d<float>>(negative, start + "epsilon >= 0, got -0.5");
  OneNode endless = batch_norm_of_two();
  endless.number("momentum", std::numeric_limits<float>::infinity());
  expect_malformed<BatchNorm2d<float>>(endless, start + "a finite momentum, got inf");
  for (const float momentum : {-3e38F, -0.25F, 2.0F}) {
    OneNode beyond = batch_norm_of_two();
    beyond.number("momentum", momentum);
    expect_malformed<BatchNorm2d<float>>(
        beyond, start + "momentum from 0 to 1, got " + number_text(static_cast<double>(momentum)));
  }
}

TEST(OnnxBatchNorm, IsNamedByItsOutputWhereTheNodeHasNoName) {
  OneNode model = batch_norm_of_two(5);
  model.node().clear_name();
  expect_refused<BatchNorm2d<float>>(
      model, "BatchNormalization to \"Y\": expected opset 6 or newer, got 5");
  model.node().clear_output();
  expect_refused<BatchNorm2d<float>>(
      model, "BatchNormalization to \"\": expected opset 6 or newer, got 5");
}

TEST(OnnxBatchNorm, TakesParametersFromOutsideBeforeItsOwn) {
  const Eigen::Array2d scale(5, 6);
  io::StateDict given;
  given.add("scale", scale);
  const auto norm = batch_norm_of_two().as<BatchNorm2d<float>>(given);
  EXPECT_EQ(norm.gamma()[1], 6);
  EXPECT_EQ(norm.beta()[1], 1);

  const Eigen::Array2i integers(5, 6);
  io::StateDict wrong;
  wrong.add("scale", integers);
  expect_refused<BatchNorm2d<float>>(
      batch_norm_of_two(), "BatchNormalization \"norm\": expected a float as \"scale\", got I32",
      wrong);
}

TEST(OnnxBatchNorm, RefusesAValueBeyondTheTypeOfTheLayer) {
  const Eigen::Array2d scale(5, 1e300);
  io::StateDict given;
  given.add("scale", scale);
  expect_refused<BatchNorm2d<float>>(
      batch_norm_of_two(),
      "BatchNormalization \"norm\": expected \"scale\" within F32, got a value beyond", given);
  EXPECT_EQ(batch_norm_of_two().as<BatchNorm2d<double>>(given).gamma()[1], 1e300);
}

TEST(OnnxInstanceNorm, HasTheAttributesAndParametersOfTheNode) {
  OneNode model("InstanceNormalization", 6);
  model.parameter("scale", {2, 3}).parameter("B", {-1, 1}).number("epsilon", 0.25F);
  model.x({1, 2, -1});
  const auto norm = model.as<InstanceNorm1d<float>>();
  EXPECT_EQ(norm.options().eps, 0.25);
  EXPECT_FALSE(norm.options().track_running_stats);
  EXPECT_TRUE((norm.gamma() == Eigen::Array2f(2, 3)).all());
  EXPECT_TRUE((norm.beta() == Eigen::Array2f(-1, 1)).all());
  expect_refused<InstanceNorm2d<float>>(
      model, "InstanceNormalization \"norm\": expected \"X\" of 4 dimensions, got 3");
}

OneNode group_norm(std::int64_t opset, const std::vector<float>& scale, std::int64_t groups) {
  OneNode model("GroupNormalization", opset);
  model.parameter("scale", scale).parameter("bias", scale).integer("num_groups", groups);
  return model;
}

TEST(OnnxGroupNorm, HasAScaleByChannel) {
  const auto norm = group_norm(21, {1, 2, 3, 4}, 2).as<GroupNorm<float>>();
  EXPECT_EQ(norm.num_groups(), 2);
  EXPECT_TRUE((norm.gamma() == Eigen::Array4f(1, 2, 3, 4)).all());
  EXPECT_TRUE((norm.beta() == Eigen::Array4f(1, 2, 3, 4)).all());
}

TEST(OnnxGroupNorm, SharesAScaleWithinAGroupBeforeOpset21) {
  OneNode model = group_norm(18, {5, 6}, 2);
  const std::string start = "GroupNormalization \"norm\": expected ";
  const std::string unknown =
      start + "the number of channels of \"X\" in the model, got none; add it to the tensors given";
  expect_refused<GroupNorm<float>>(model, unknown);
  const Eigen::MatrixXf x(3, 4);
  io::StateDict given;
  given.add("X", x);
  const auto by_given = model.as<GroupNorm<float>>(given);
  EXPECT_TRUE((by_given.gamma() == Eigen::Array4f(5, 5, 6, 6)).all());

  model.x({-1, 4, -1, -1});
  EXPECT_TRUE((model.as<GroupNorm<float>>().beta() == Eigen::Array4f(5, 5, 6, 6)).all());
  EXPECT_EQ((model.as<GroupNorm<float, 4>>().gamma()[3]), 6);
  expect_refused<GroupNorm<float, 8>>(model, start + "8 channels, fixed at compile time, got 4");
}

TEST(OnnxGroupNorm, TakesAnyNumberOfChannelsOfAGivenX) {
  const Index channels = io::most_claimed_values + 2;
  const Eigen::MatrixXf x(1, channels);
  io::StateDict given;
  given.add("X", x);
  EXPECT_EQ(group_norm(18, {5, 6}, 2).as<GroupNorm<float>>(given).num_channels(), channels);
}

TEST(OnnxGroupNorm, TakesTheChannelsOfAnXThatIsAConstant) {
  OneNode model = group_norm(18, {5, 6}, 2);
  model.parameter("X", {1, 2, 3, 4}, {1, 4});
  model.node().mutable_input()->RemoveLast();
  EXPECT_EQ(model.as<GroupNorm<float>>().num_channels(), 4);
}

TEST(OnnxGroupNorm, RefusesGroupsThatDoNotDivideTheChannels) {
  const std::string start =
      "GroupNormalization \"norm\": expected num_groups that divides 4 "
      "channels, got ";
  expect_malformed<GroupNorm<float>>(group_norm(21, {1, 2, 3, 4}, 3), start + "3");
  expect_malformed<GroupNorm<float>>(group_norm(21, {1, 2, 3, 4}, 0), start + "0");
  expect_malformed<GroupNorm<float>>(group_norm(21, {1, 2, 3, 4}, -2), start + "-2");
  expect_malformed<GroupNorm<float>>(group_norm(21, {1, 2, 3, 4}, (std::int64_t{1} << 32) + 2),
                                     start + "4294967298");
}

TEST(OnnxGroupNorm, AllocatesLittleForChannelsThatAreOnlyClaimed) {
  OneNode model = group_norm(18, {5, 6}, 2);
  model.x({-1, std::int64_t{1} << 40, -1, -1});
  expect_refused<GroupNorm<float>>(
      model, "GroupNormalization \"norm\": expected at most 1048576 channels, got 1099511627776");
}

}  // namespace
}  // namespace eigen_norm
