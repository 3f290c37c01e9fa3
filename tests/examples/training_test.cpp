// SPDX-License-Identifier: MIT
#include "nn/training.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "nn/adam.hpp"
#include "nn/linear.hpp"
#include "nn/no_parameters.hpp"

namespace {

using nn::Index;
using nn::Labels;
using Order = std::vector<Index>;

TEST(SoftmaxCrossEntropy, is_the_mean_logarithm_of_the_probabilities) {
  nn::Matrix<double> logits(2, 2);
  logits << 0.0, std::log(3.0), 5.0, 5.0;
  const Labels labels = (Labels(2) << 1, 0).finished();
  const double expected = -(std::log(0.75) + std::log(0.5)) / 2.0;
  EXPECT_NEAR(nn::softmax_cross_entropy(logits, labels).loss, expected, 1e-15);
}

/// The loss as a layer, y = loss(logits), so that it is checked as layers are.
struct LossLayer : nn::NoParameters {
  using Matrix = nn::Matrix<double>;
  Labels labels = (Labels(4) << 2, 0, 1, 2).finished();

  Matrix forward(const Matrix& logits) const {
    return Matrix::Constant(1, 1, nn::softmax_cross_entropy(logits, labels).loss);
  }
  Matrix backward(const Matrix& logits, const Matrix& dy) const {
    return dy(0, 0) * nn::softmax_cross_entropy(logits, labels).gradient;
  }
};

TEST(SoftmaxCrossEntropy, gradient_is_the_slope) {
  EXPECT_LT(worst_gradient_error(LossLayer(), random_matrix(4, 3)), 1e-9);
}

TEST(SoftmaxCrossEntropy, stays_finite_for_huge_logits) {
  nn::Matrix<float> logits(1, 2);
  logits << 1e30f, -1e30f;
  const auto result = nn::softmax_cross_entropy(logits, Labels::Constant(1, 1));
  EXPECT_NEAR(result.loss, 2e30, 1e24);
  EXPECT_EQ(result.gradient(0, 0), 1.0f);
  EXPECT_EQ(result.gradient(0, 1), -1.0f);
}

TEST(Adam, first_step_is_the_learning_rate_against_the_gradient) {
  nn::Random random(1);
  nn::Linear<double> layer(2, 1, nn::Bias::none, random);
  nn::Matrix<double> before;
  layer.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
    before = value;
    nn::flat(grad) << 1e-3, -20.0;
  });
  nn::Adam<double>(0.1).step(layer);
  layer.for_each_parameter([&](std::string_view, auto& value, auto&) {
    EXPECT_NEAR(value(0, 0), before(0, 0) - 0.1, 1e-5);
    EXPECT_NEAR(value(0, 1), before(0, 1) + 0.1, 1e-5);
  });
}

TEST(Batches, leave_no_sample_alone) {
  const Order order{4, 3, 2, 1, 0};
  EXPECT_EQ(nn::batches(order, 2), (std::vector<Order>{{4, 3}, {2, 1, 0}}));
  EXPECT_EQ(nn::batches(order, 3), (std::vector<Order>{{4, 3, 2}, {1, 0}}));
  EXPECT_EQ(nn::batches(order, 8), (std::vector<Order>{{4, 3, 2, 1, 0}}));
}

TEST(Gather, takes_the_named_samples_in_order) {
  nn::Images<float> images(3, 1, 1, 2);
  nn::flat(images) << 0, 1, 10, 11, 20, 21;
  const nn::Images<float> taken = nn::gather(images, Order{2, 0});
  ASSERT_EQ(taken.dimension(0), 2);
  EXPECT_EQ(taken(0, 0, 0, 1), 21.0f);
  EXPECT_EQ(taken(1, 0, 0, 0), 0.0f);
}

TEST(TrainEpoch, learns_to_separate_two_classes) {
  nn::Random random(1);
  nn::Linear<float> layer(2, 2, nn::Bias::learned, random);
  nn::Adam<float> optimizer(0.1);
  nn::Matrix<float> x(40, 2);
  random.fill_normal(x, 1.0);
  const Labels labels = (x.col(0).array() > x.col(1).array()).cast<int>();
  const double first = nn::train_epoch(layer, optimizer, x, labels, 8, random);
  double last = first;
  for (int epoch = 0; epoch < 50; ++epoch) {
    last = nn::train_epoch(layer, optimizer, x, labels, 8, random);
  }
  EXPECT_LT(last, 0.2);
  EXPECT_LT(last, first);
}

}  // namespace
