// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "eigen_norm/eigen_norm.hpp"

// Layers are values: made, copied, moved and kept in aggregates.
namespace eigen_norm {
namespace {

TEST(Layers, OfFixedSizeAreMembersOfAggregates) {
  struct Model {
    BatchNorm1d<float, 16> batch;
    LayerNorm<float, 4> layer;
    GroupNorm<float, 8> group;
    InstanceNorm2d<float, 8> instance;
  };
  const Model model{};
  const std::array<LayerNorm<float, 4>, 2> layers{};
  EXPECT_EQ(model.batch.num_features(), 16);
  EXPECT_EQ(layers[1].gamma().size(), 4);
}

TEST(Layers, TakeTheLastForwardWithThemWhenMoved) {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(5, 3), dy = Eigen::MatrixXd::Random(5, 3);
  BatchNorm1d<double> layer(3);
  layer.forward(x);
  BatchNorm1d<double> copy = layer;
  BatchNorm1d<double> moved = std::move(layer);
  EXPECT_EQ(moved.backward(x, dy), copy.backward(x, dy));
}

// A std::vector of layers that grows moves them only then.
TEST(Layers, MoveWithoutThrowing) {
  EXPECT_TRUE((std::is_nothrow_move_constructible_v<BatchNorm1d<float>>));
  EXPECT_TRUE((std::is_nothrow_move_assignable_v<BatchNorm1d<float>>));
  EXPECT_TRUE((std::is_nothrow_move_constructible_v<LayerNorm<double, 4>>));
  EXPECT_TRUE((std::is_nothrow_move_assignable_v<LayerNorm<double, 4>>));
}

TEST(Layers, MovedAwayRefuseToWork) {
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(5, 3);
  LayerNormOptions bare;
  bare.gamma = bare.beta = false;
  LayerNorm<double> layer(3), without_affine(3, bare);
  layer.forward(x);
  without_affine.forward(x);
  const LayerNorm<double> taken = std::move(layer), other = std::move(without_affine);
  EXPECT_EQ(taken.batch_mean().size() + other.batch_mean().size(), 10);
  EXPECT_THROW(layer.backward(x, x), std::logic_error);           // NOLINT: that is the point
  EXPECT_THROW(layer.forward(x), std::invalid_argument);          // NOLINT
  EXPECT_THROW(without_affine.backward(x, x), std::logic_error);  // NOLINT
  EXPECT_EQ(layer.batch_mean().size(), 0);                        // NOLINT
}

TEST(Layers, TakePartsOfVectors) {
  Eigen::RowVectorXf row(6), out(6);
  row << 1, 2, 3, 5, 7, 11;
  out.setZero();
  LayerNorm<float> norm(3);
  norm.infer(row.tail(3), out.head(3));
  EXPECT_EQ(out.head(3), norm.infer(row.segment(3, 3).eval()));
}

TEST(Layers, GiveBetaForAConstantGroupWhateverEps) {
  GroupNormOptions options;
  options.eps = 1e-80;
  GroupNorm<float> norm(1, 4, options);
  norm.beta().setConstant(0.25F);
  EXPECT_TRUE((norm.forward(Eigen::MatrixXf::Constant(2, 4, 7)).array() == 0.25F).all());
}

TEST(LayerNorm, RefusesAShapeLargerThanMemoryCouldBe) {
  const Index huge = Index{1} << 32;
  EXPECT_THROW(LayerNorm<float>({huge, huge}), std::invalid_argument);
  EXPECT_THROW(LayerNorm<float>({huge, huge + 1}), std::invalid_argument);
}

}  // namespace
}  // namespace eigen_norm
