// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/instance_norm.hpp"
#include "support/layer_check.hpp"

// Which variance is remembered, which one normalises, and what momentum weighs.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Sequences = Eigen::Tensor<double, 3, Eigen::RowMajor>;

MatrixXd column(std::vector<double> values) {
  return Eigen::Map<MatrixXd>(values.data(), static_cast<Index>(values.size()), 1);
}

BatchNorm1d<double> with_momentum(std::optional<double> momentum) {
  BatchNormOptions options;
  options.momentum = momentum;
  return BatchNorm1d<double>(1, options);
}

// x(n, c, l) = 1 + n + 4 c + l: normalised by the biased variance 2.5, and 1.1667 remembered, of
// the unbiased one. That is PyTorch's rule; the thread is one of many that took it for a mistake.
TEST(PyTorch, Issue60528BiasedForOutputUnbiasedForRunning) {
  Logical x({4, 3, 4});
  for_each_index(
      x.dims, [&](const Dims& at) { x.at(at) = static_cast<Real>(1 + at[0] + 4 * at[1] + at[2]); });
  BatchNorm1d<double> norm(3);
  const Sequences y = norm.forward(to_eigen<Sequences>(x));
  EXPECT_NEAR(y(0, 0, 0), -3 / std::sqrt(2.5 + 1e-5), 1e-15);
  for (Index c = 0; c < 3; ++c) EXPECT_NEAR(norm.running_var()(c), 0.9 + 0.1 * 40 / 15, 1e-15);
}

// MLX and tinygrad remembered the biased variance while they meant to follow PyTorch: 1.0250
// instead of 1.0259 for these 144 values per channel.
TEST(Mlx, PullRequest3817RunningVariance) {
  std::vector<double> values;
  for (const double value : {1.0, 2.0, 3.0, 4.0}) values.insert(values.end(), 36, value);
  BatchNorm1d<double> unbiased(1);
  BatchNormOptions options;
  options.running_variance = RunningVariance::biased;
  BatchNorm1d<double> biased(1, options);
  unbiased.forward(column(values));
  biased.forward(column(values));
  EXPECT_NEAR(unbiased.running_var()(0), 0.9 + 0.1 * 180 / 143, 1e-15);
  EXPECT_NEAR(biased.running_var()(0), 0.9 + 0.1 * 1.25, 1e-15);
}

// tiny-dnn normalises by the variance over n - 1, and differentiates by the one over n: 0.7071
// instead of 1.
TEST(TinyDnn, UnbiasedVarianceInTraining) {
  BatchNormOptions options;
  options.eps = 0;
  BatchNorm1d<double> norm(1, options);
  EXPECT_EQ(norm.forward(column({-1, 1})), column({-1, 1}));
}

// momentum is the weight of the new batch: with 0 nothing moves, with 1 the last batch is all.
TEST(PyTorch, Issue15298WhatMomentumWeighs) {
  for (const double momentum : {0.0, 0.25, 1.0}) {
    BatchNorm1d<double> norm = with_momentum(momentum);
    norm.forward(column({2, 4, 6}));
    EXPECT_EQ(norm.running_mean()(0), 4 * momentum);
    EXPECT_EQ(norm.running_var()(0), 1 - momentum + 4 * momentum);
    EXPECT_EQ(norm.num_batches_tracked(), 1);
  }
}

// Elsewhere it is the weight of the old value, 0.99 or 0.9: converters that copied the number got
// statistics of the last batch alone. The presets have the complement.
TEST(PyTorch2Keras, Issue70MomentumOfOtherFrameworks) {
  const auto after_one_batch = [](const BatchNormOptions& options) {
    BatchNorm1d<double> norm(1, options);
    norm.forward(column({2, 4, 6}));
    return norm.running_mean()(0);
  };
  EXPECT_NEAR(after_one_batch(BatchNormOptions::torch()), 0.4, 1e-15);
  EXPECT_NEAR(after_one_batch(BatchNormOptions::keras()), 0.04, 1e-15);
  EXPECT_NEAR(after_one_batch(BatchNormOptions::flax()), 0.04, 1e-15);
  EXPECT_NEAR(after_one_batch(BatchNormOptions::onnx()), 0.4, 1e-15);
}

// OpenNN takes its running statistics by value, and Flashlight refuses a momentum on the CPU: there
// they never move.
TEST(OpenNn, RunningStatisticsThatNeverMove) {
  BatchNorm1d<double> norm = with_momentum(0.5);
  for (int i = 0; i < 60; ++i) norm.forward(column({2, 4, 6}));
  EXPECT_NEAR(norm.running_mean()(0), 4, 1e-15);
  EXPECT_NEAR(norm.running_var()(0), 4, 1e-15);
}

// Without a momentum each batch counts alike: batches of 2 and 4 values give 5.5, as in PyTorch.
// (set_running_stats weighs values: 7.)
TEST(PyTorch, Release113CumulativeAverageOfUnequalBatches) {
  BatchNorm1d<double> norm = with_momentum(std::nullopt);
  norm.forward(column({0, 2}));
  norm.forward(column({8, 9, 10, 13}));
  EXPECT_EQ(norm.running_mean()(0), 5.5);
  EXPECT_NEAR(norm.running_var()(0), (2 + 14.0 / 3) / 2, 1e-15);
}

// InstanceNorm: momentum=None is a TypeError there, and num_batches_tracked stays 0.
TEST(PyTorch, Release113InstanceNormWithoutMomentum) {
  InstanceNormOptions options;
  options.track_running_stats = true;
  options.momentum = std::nullopt;
  InstanceNorm1d<double> norm(1, options);
  Sequences x(1, 1, 3);
  for (const double mean : {1.0, 2.0, 6.0}) {
    x.setValues({{{mean - 1, mean, mean + 1}}});
    norm.forward(x);
  }
  EXPECT_EQ(norm.num_batches_tracked(), 3);
  EXPECT_NEAR(norm.running_mean()(0), 3, 1e-15);
  EXPECT_NEAR(norm.running_var()(0), 1, 1e-15);
}

}  // namespace
}  // namespace eigen_norm::test
