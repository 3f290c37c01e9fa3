// SPDX-License-Identifier: MIT
#include "eigen_norm/io/onnx/read_trailing.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/onnx/one_node.hpp"
#include "support/errors.hpp"

namespace eigen_norm {
namespace {

using test::OneNode;
using Dims = std::vector<Index>;

OneNode layer_norm(const io::OnnxDims& x, const std::vector<float>& scale,
                   const io::OnnxDims& scale_dims) {
  OneNode model("LayerNormalization", 17);
  if (!x.empty()) model.x(x);
  model.parameter("Scale", scale, scale_dims);
  return model;
}

void expect_refused(const OneNode& model, const std::string& message) {
  test::expect_error<std::invalid_argument>(
      "model.onnx: LayerNormalization \"norm\": expected " + message,
      [&] { model.as<LayerNorm<float>>(); });
}

TEST(OnnxLayerNorm, NormalisesTheLastDimensionByDefault) {
  OneNode model = layer_norm({}, {1, 2, 3}, {3});
  const auto norm = model.as<LayerNorm<float>>();
  EXPECT_EQ(norm.normalized_shape(), Dims{3});
  EXPECT_EQ(norm.options().eps, static_cast<double>(1e-5F));
  EXPECT_TRUE((norm.gamma() == Eigen::Array3f(1, 2, 3)).all());
  EXPECT_FALSE(norm.options().beta);
  model.parameter("B", {4, 5, 6}).number("epsilon", 0.5F);
  const auto with_beta = model.as<LayerNorm<float, 3>>();
  EXPECT_EQ(with_beta.options().eps, 0.5);
  EXPECT_TRUE((with_beta.beta() == Eigen::Array3f(4, 5, 6)).all());
}

TEST(OnnxLayerNorm, TakesAnInputWithoutANameAsAbsent) {
  OneNode model = layer_norm({}, {1, 2, 3}, {3});
  model.node().add_input("");
  EXPECT_FALSE(model.as<LayerNorm<float>>().options().beta);
}

TEST(OnnxLayerNorm, CountsANegativeAxisFromTheEnd) {
  OneNode model = layer_norm({}, {1, 2, 3, 4, 5, 6}, {2, 3});
  model.integer("axis", -2);
  const auto norm = model.as<LayerNorm<float>>();
  EXPECT_EQ(norm.normalized_shape(), (Dims{2, 3}));
  EXPECT_EQ(norm.gamma()[3], 4);
}

TEST(OnnxLayerNorm, NeedsTheRankOfXForAPositiveAxis) {
  OneNode model = layer_norm({}, {1, 2, 3, 4, 5, 6}, {2, 3});
  model.integer("axis", 1);
  expect_refused(model,
                 "a model that tells the rank of \"X\", got none; add it to the tensors given");
  model.x({-1, -1, -1});
  EXPECT_EQ(model.as<LayerNorm<float>>().normalized_shape(), (Dims{2, 3}));

  const Eigen::MatrixXf x(5, 3);
  io::StateDict given;
  given.add("X", x);
  OneNode row = layer_norm({}, {1, 2, 3}, {3});
  row.integer("axis", 1);
  EXPECT_EQ(row.as<LayerNorm<float>>(given).normalized_shape(), Dims{3});
}

TEST(OnnxLayerNorm, SpreadsItsParametersOverTheDimensionsOfX) {
  OneNode model = layer_norm({-1, 2, 3}, {7}, {1});
  model.integer("axis", 1).parameter("B", {1, 2}, {1, 2, 1});
  const auto norm = model.as<LayerNorm<float>>();
  EXPECT_TRUE((norm.gamma() == 7).all());
  Eigen::ArrayXf beta(6);
  beta << 1, 1, 1, 2, 2, 2;
  EXPECT_TRUE((norm.beta() == beta).all());
}

TEST(OnnxLayerNorm, RefusesAParameterThatMayOrMayNotBeSpread) {
  OneNode model = layer_norm({}, {7}, {1});
  expect_refused(model,
                 "a model that tells dimension -1 of \"X\", got none; add it to the tensors "
                 "given");
  model.x({-1, 1});
  EXPECT_EQ(model.as<LayerNorm<float>>().normalized_shape(), Dims{1});
}

TEST(OnnxLayerNorm, RefusesParametersOfAnotherShape) {
  expect_refused(layer_norm({-1, 4}, {1, 2, 3}, {3}), "\"Scale\" that spreads over (4), got (3)");
  OneNode by_row = layer_norm({2, 3}, {1, 2, 3, 4, 5, 6}, {2, 3});
  expect_refused(by_row, "\"Scale\" that spreads over (3), got (2, 3)");
}

TEST(OnnxLayerNorm, RefusesAnAxisThatXHasNot) {
  OneNode model = layer_norm({-1, 3}, {1, 2, 3}, {3});
  model.integer("axis", 2);
  expect_refused(model, "an axis of the 2 dimensions of \"X\", got 2");
  model.node().mutable_attribute(0)->set_i(-3);
  expect_refused(model, "an axis of the 2 dimensions of \"X\", got -3");
  OneNode unknown = layer_norm({}, {1, 2, 3}, {3});
  unknown.integer("axis", -9);
  expect_refused(unknown, "an axis of the 8 dimensions of \"X\", got -9");
  OneNode many = layer_norm({1, 1, 1, 1, 1, 1, 1, 1, 3}, {1, 2, 3}, {3});
  many.integer("axis", 0);
  expect_refused(many, "at most 8 dimensions to normalise, got 9");
  expect_refused(layer_norm({-1, 0}, {}, {0}), "dimensions of at least 1 to normalise, got 0");
}

TEST(OnnxLayerNorm, AllocatesLittleForFeaturesThatAreOnlyClaimed) {
  OneNode model = layer_norm({-1, 1024, 1025}, {7}, {1});
  model.integer("axis", 1);
  expect_refused(model, "at most 1048576 features, got (1024, 1025)");
  OneNode uncountable = layer_norm({-1, std::int64_t{1} << 40, std::int64_t{1} << 40}, {7}, {1});
  uncountable.integer("axis", 1);
  expect_refused(uncountable, "at most 1048576 features, got (1099511627776, 1099511627776)");
}

TEST(OnnxLayerNorm, TakesAnyNumberOfFeaturesOfAGivenX) {
  const Index features = io::most_claimed_values + 1;
  const Eigen::MatrixXf x(1, features);
  io::StateDict given;
  given.add("X", x);
  EXPECT_EQ(layer_norm({}, {7}, {1}).as<LayerNorm<float>>(given).normalized_shape(),
            (std::vector<Index>{features}));
}

TEST(OnnxLayerNorm, HoldsItsFeaturesToAFixedNumber) {
  test::expect_error<std::invalid_argument>(
      "model.onnx: LayerNormalization \"norm\": expected (4) to normalise, fixed at compile time, "
      "got (3)",
      [] {
        layer_norm({}, {1, 2, 3}, {3}).as<LayerNorm<float, 4>>();
      });
}

TEST(OnnxRmsNorm, HasTheAttributesAndTheScaleOfTheNode) {
  OneNode model("RMSNormalization", 23);
  model.parameter("scale", {1, 2, 3}).number("epsilon", 0.25F);
  const auto norm = model.as<RMSNorm<double>>();
  EXPECT_EQ(norm.normalized_shape(), Dims{3});
  EXPECT_EQ(norm.options().eps, 0.25);
  EXPECT_FALSE(norm.options().zero_centered_gamma);
  EXPECT_TRUE((norm.gamma() == Eigen::Array3d(1, 2, 3)).all());
  model.integer("axis", 1).x({-1, 3});
  EXPECT_EQ((model.as<RMSNorm<float, 3>>().gamma()[2]), 3);
}

}  // namespace
}  // namespace eigen_norm
