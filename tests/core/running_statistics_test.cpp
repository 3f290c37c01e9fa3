// SPDX-License-Identifier: MIT
#include "eigen_norm/core/running_statistics.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace eigen_norm {
namespace {

using Eigen::ArrayXd;

template <typename Scalar = float>
using Running = RunningStatistics<Scalar, Eigen::Dynamic>;

ArrayXd pair(double a, double b) {
  ArrayXd result(2);
  result << a, b;
  return result;
}

TEST(RunningStatistics, StartAtMeanZeroAndVarianceOne) {
  const Running<> running(2);
  EXPECT_TRUE((running.mean() == 0).all() && running.mean().size() == 2);
  EXPECT_TRUE((running.var() == 1).all() && running.var().size() == 2);
  EXPECT_EQ(running.tracked() + running.skipped(), 0);
}

TEST(RunningStatistics, GiveTheNewBatchTheWeightOfTheMomentum) {
  Running<> running(2);
  running.update(pair(8, -4).data(), pair(3, 6).data(), 0.25);
  EXPECT_EQ(running.mean()(0), 2);
  EXPECT_EQ(running.mean()(1), -1);
  EXPECT_EQ(running.var()(0), 1.5F);
  EXPECT_EQ(running.var()(1), 2.25F);
  EXPECT_EQ(running.tracked(), 1);
}

TEST(RunningStatistics, AreOfTheUnbiasedOrTheBiasedVariance) {
  EXPECT_EQ(Running<>::correction(4, RunningVariance::unbiased), 4 / 3.0);
  EXPECT_EQ(Running<>::correction(4, RunningVariance::biased), 1);
}

TEST(RunningStatistics, AreTheAverageOfAllBatchesWithoutMomentum) {
  Running<> running(2);
  for (const double value : {4.0, 8.0, 3.0, 1.0}) {
    running.update(pair(value, -value).data(), pair(2 * value, value).data(), std::nullopt);
  }
  EXPECT_FLOAT_EQ(running.mean()(0), 4);
  EXPECT_FLOAT_EQ(running.mean()(1), -4);
  EXPECT_FLOAT_EQ(running.var()(0), 8);
  EXPECT_FLOAT_EQ(running.var()(1), 4);
}

// Computed in double and rounded once: 1 - 0.1 has an error of its own in float.
TEST(RunningStatistics, AreRoundedOnce) {
  Running<> running(2);
  running.mean() << 0.3F, 16777215;
  running.update(pair(0.7, 16777214).data(), pair(1, 1).data(), 0.1);
  EXPECT_EQ(running.mean()(0), static_cast<float>(0.9 * double{0.3F} + 0.1 * 0.7));
  EXPECT_EQ(running.mean()(1), static_cast<float>(0.9 * 16777215.0 + 0.1 * 16777214.0));
}

TEST(RunningStatistics, SkipABatchAsAWholeIfOneNumberIsNotFinite) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {nan, infinity, -infinity}) {
    Running<> running(2);
    running.update(pair(1, bad).data(), pair(1, 1).data(), 0.1);
    running.update(pair(1, 1).data(), pair(1, bad).data(), 0.1);
    running.update(pair(bad, 1).data(), pair(bad, 1).data(), 0.1);
    EXPECT_EQ(running.skipped(), 3);
    EXPECT_EQ(running.tracked(), 0);
    EXPECT_TRUE((running.mean() == 0).all() && (running.var() == 1).all());
  }
}

TEST(RunningStatistics, SkipABatchThatTheirOwnTypeCannotHold) {
  Running<float> single(2);
  Running<double> twice(2);
  single.update(pair(1, 1).data(), pair(1, 1e74).data(), 0.1);
  twice.update(pair(1, 1).data(), pair(1, 1e74).data(), 0.1);
  EXPECT_EQ(single.skipped(), 1);
  EXPECT_EQ(twice.skipped(), 0);
  EXPECT_EQ(twice.tracked(), 1);
}

TEST(RunningStatistics, AreSetAsAWholeOrNotAtAll) {
  Running<> running(2);
  EXPECT_TRUE(running.set(pair(1, 2).data(), pair(3, 4).data()));
  EXPECT_FALSE(running.set(pair(5, 6).data(), pair(7, 1e300).data()));
  EXPECT_EQ(running.mean()(0), 1);
  EXPECT_EQ(running.var()(1), 4);
  EXPECT_EQ(running.tracked() + running.skipped(), 0);
}

TEST(RunningStatistics, GoBackToTheStart) {
  Running<> running(2);
  running.update(pair(8, -4).data(), pair(3, 6).data(), 0.25);
  running.update(pair(std::numeric_limits<double>::quiet_NaN(), 0).data(), pair(3, 6).data(), 0.1);
  running.reset();
  EXPECT_TRUE((running.mean() == 0).all() && (running.var() == 1).all());
  EXPECT_EQ(running.tracked() + running.skipped(), 0);
}

TEST(RunningStatistics, GiveInferenceItsMeanAndInverseDeviation) {
  Running<> running(2);
  running.mean() << 3, 5;
  running.var() << 0.25F, 0;
  EXPECT_EQ(running.view(0).at(0).mean, 3);
  EXPECT_EQ(running.view(0).at(0).inv_std, 2);
  EXPECT_EQ(running.view(0.0625).at(1).inv_std, 4);
  EXPECT_EQ(running.view(0).at(1).inv_std, 0);
}

}  // namespace
}  // namespace eigen_norm
