// SPDX-License-Identifier: MIT
#include "eigen_norm/core/split_batch.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "support/errors.hpp"
#include "support/heap.hpp"
#include "support/layer_check.hpp"

// A batch in parts, step by step, against the batch as a whole.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;

template <int Order>
using Images = Eigen::Tensor<double, 4, Order>;

template <typename Layer>
Layer with_random_parameters(Index channels, const BatchNormOptions& options = {}) {
  Layer norm(channels, options);
  set_affine(norm, {random_gamma(channels, 7), random_beta(channels, 8)});
  return norm;
}

// Forward, backward, gradients and running statistics of parts of these sizes, joined.
template <typename Object, typename Layer>
void expect_parts_equal_the_whole(const Layer& layer, const Logical& x, const Logical& dy,
                                  const std::vector<Index>& sizes) {
  Layer whole = layer, split = layer;
  const Logical y = from_eigen(whole.forward(to_eigen<Object>(x)));
  const Logical dx = from_eigen(whole.backward(to_eigen<Object>(x), to_eigen<Object>(dy)));

  const auto for_each_part = [&](const auto& f) {
    Index begin = 0;
    for (const Index size : sizes) {
      f(begin, to_eigen<Object>(samples_of(x, begin, begin + size)),
        to_eigen<Object>(samples_of(dy, begin, begin + size)));
      begin += size;
    }
    ASSERT_EQ(begin, x.dims[0]);
  };
  typename Layer::Statistics statistics;
  typename Layer::Gradients gradients;
  for_each_part([&](Index, const Object& part, const Object&) {
    statistics.merge(split.batch_statistics(part));
  });
  split.update_running_stats(statistics);
  for_each_part([&](Index begin, const Object& part, const Object& dpart) {
    expect_close("y", from_eigen(split.forward_by(statistics, part)),
                 samples_of(y, begin, begin + part.dimension(0)), 1e-12L);
    gradients.merge(split.gradient_sums(statistics, part, dpart));
  });
  split.accumulate(gradients);
  for_each_part([&](Index begin, const Object& part, const Object& dpart) {
    expect_close("dx", from_eigen(split.backward_by(statistics, gradients, part, dpart)),
                 samples_of(dx, begin, begin + part.dimension(0)), 1e-12L);
  });
  const auto expect_same = [](const char* what, const auto& got, const auto& want) {
    expect_close(what, from_parameters(got), from_parameters(want), 1e-12L);
  };
  expect_same("dgamma", split.gamma_grad(), whole.gamma_grad());
  expect_same("dbeta", split.beta_grad(), whole.beta_grad());
  expect_same("running_mean", split.running_mean(), whole.running_mean());
  expect_same("running_var", split.running_var(), whole.running_var());
  EXPECT_EQ(split.num_batches_tracked(), whole.num_batches_tracked());
}

TEST(SplitBatch, GivesEightMicroBatchesOfFourWhatOneOfThirtyTwoGets) {
  const Logical x = random_normal({32, 5, 3, 4}, 1, 2, 3), dy = random_normal({32, 5, 3, 4}, 2);
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    BatchNormOptions options;
    options.channels = channels;
    const Index features = channels == ChannelAxis::first ? 5 : 4;
    const auto layer = with_random_parameters<BatchNorm2d<double>>(features, options);
    const std::vector<Index> sizes(8, 4);
    expect_parts_equal_the_whole<Images<Eigen::RowMajor>>(layer, x, dy, sizes);
    expect_parts_equal_the_whole<Images<Eigen::ColMajor>>(layer, x, dy, sizes);
  }
}

TEST(SplitBatch, WeighsUnequalPartsByTheirSizes) {
  const Logical x = random_normal({9, 3, 2, 2}, 3, 1, 2), dy = random_normal({9, 3, 2, 2}, 4);
  const auto layer = with_random_parameters<BatchNorm2d<double>>(3);
  expect_parts_equal_the_whole<Images<Eigen::RowMajor>>(layer, x, dy, {1, 5, 3});
  expect_parts_equal_the_whole<Images<Eigen::RowMajor>>(layer, x, dy, {0, 2, 0, 7});
}

TEST(SplitBatch, TakesPartsOfOneSample) {
  const Logical x = random_normal({4, 3}, 5), dy = random_normal({4, 3}, 6);
  BatchNormOptions options;
  options.track_running_stats = false;
  const BatchNorm1d<double> norm(3, options);
  BatchNorm1d<double>::Statistics statistics;
  const MatrixXd all = to_eigen<MatrixXd>(x);
  for (Index n = 0; n < 4; ++n) statistics.merge(norm.batch_statistics(all.row(n)));
  EXPECT_EQ(statistics.count, 4);
  const MatrixXd y = BatchNorm1d<double>(norm).forward(all);
  for (Index n = 0; n < 4; ++n) {
    EXPECT_TRUE(norm.forward_by(statistics, all.row(n)).isApprox(y.row(n), 1e-12));
  }
}

TEST(SplitBatch, MergesToTheSameInAnyGrouping) {
  const BatchNorm1d<float> norm(4);
  const MatrixXf x = to_eigen<MatrixXf>(random_normal({60, 4}, 9, 1000, 1));
  const auto whole = norm.batch_statistics(x);
  auto left = norm.batch_statistics(x.topRows(7));
  auto right = norm.batch_statistics(x.middleRows(7, 40));
  right.merge(norm.batch_statistics(x.bottomRows(13)));
  left.merge(right);
  EXPECT_EQ(left.count, 60);
  EXPECT_TRUE(left.mean.isApprox(whole.mean, 1e-12));
  EXPECT_TRUE(left.m2.isApprox(whole.m2, 1e-6));
  EXPECT_TRUE(left.var().isApprox(whole.m2 / 60, 1e-6));
  EXPECT_TRUE(left.unbiased_var().isApprox(whole.m2 / 59, 1e-6));
}

// Two batches of 2 and 4 values: PyTorch's update_bn counts batches alike and finds 5.5.
TEST(SplitBatch, RecomputesTheRunningStatisticsOfADataSetByItsValues) {
  BatchNorm1d<double> norm(1);
  const auto column = [](std::vector<double> values) {
    return MatrixXd(Eigen::Map<MatrixXd>(values.data(), static_cast<Index>(values.size()), 1));
  };
  BatchNorm1d<double>::Statistics all;
  for (const MatrixXd& batch : {column({0, 2}), column({8, 9, 10, 13})}) {
    all.merge(norm.batch_statistics(batch));
  }
  norm.set_running_stats(all);
  EXPECT_DOUBLE_EQ(norm.running_mean()(0), 7);
  EXPECT_DOUBLE_EQ(norm.running_var()(0), (49 + 25 + 1 + 4 + 9 + 36) / 5.0);
  EXPECT_EQ(norm.num_batches_tracked(), 0);

  BatchNormOptions options;
  options.running_variance = RunningVariance::biased;
  BatchNorm1d<double> biased(1, options);
  biased.set_running_stats(all);
  EXPECT_DOUBLE_EQ(biased.running_var()(0), 124 / 6.0);
}

TEST(SplitBatch, DoesNotDisturbWhatForwardHasRemembered) {
  auto norm = with_random_parameters<BatchNorm1d<double>>(3);
  const MatrixXd x = MatrixXd::Random(6, 3), other = MatrixXd::Random(9, 3);
  auto twin = norm;
  norm.forward(x);
  twin.forward(x);
  const auto statistics = norm.batch_statistics(other);
  norm.forward_by(statistics, other);
  const auto gradients = norm.gradient_sums(statistics, other, other);
  norm.backward_by(statistics, gradients, other, other);
  EXPECT_EQ(norm.backward(x, x), twin.backward(x, x));
  EXPECT_EQ(visible_state(norm), visible_state(twin));
}

TEST(SplitBatch, SkipsAPartThatIsNotFinite) {
  BatchNorm1d<float> norm(2);
  MatrixXf x = MatrixXf::Random(4, 2);
  x(1, 1) = std::numeric_limits<float>::quiet_NaN();
  norm.update_running_stats(norm.batch_statistics(x));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  EXPECT_EQ(norm.num_batches_skipped(), 1);
  norm.update_running_stats(norm.batch_statistics(MatrixXf(0, 2)));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
}

TEST(SplitBatch, NeedsNoHeapWhereTheSizeIsFixed) {
  if (HeapCounter::reason() != nullptr) GTEST_SKIP() << HeapCounter::reason();
  const Eigen::Matrix<float, 5, 3> x = Eigen::Matrix<float, 5, 3>::Random();
  EXPECT_EQ(heap_requests([&] {
              BatchNorm1d<float, 3> norm;
              BatchNorm1d<float, 3>::Statistics statistics;
              statistics.merge(norm.batch_statistics(x));
              norm.update_running_stats(statistics);
              norm.set_running_stats(statistics);
              const auto y = norm.forward_by(statistics, x);
              const auto gradients = norm.gradient_sums(statistics, x, y);
              norm.accumulate(gradients);
              norm.backward_by(statistics, gradients, x, y);
              norm.inference_affine();
            }),
            0U);
}

// Layers whose arrays were given another size, or that were moved away.
TEST(SplitBatch, RefusesAStateThatForwardRefuses) {
  const MatrixXf x = MatrixXf::Random(4, 3);
  const BatchNorm1d<float> good(3);
  const auto statistics = good.batch_statistics(x);
  const auto gradients = good.gradient_sums(statistics, x, x);
  const std::string parameters =
      "BatchNorm1d(3): expected gamma, beta and their gradients of 3 values each, got one of "
      "another "
      "size";
  BatchNorm1d<float> wide = good;
  wide.gamma().setOnes(5);
  expect_refused(wide, parameters, [&] { wide.backward_by(statistics, gradients, x, x); });
  expect_refused(wide, parameters, [&] { wide.inference_affine(); });
  wide = good;
  wide.gamma_grad().setZero(5);
  expect_refused(wide, parameters, [&] { wide.accumulate(gradients); });
  wide = good;
  wide.running_var().setOnes(2);
  const std::string running =
      "BatchNorm1d(3): expected running_mean and running_var of 3 values each, got 3 and 2";
  expect_refused(wide, running, [&] { wide.inference_affine(); });
  expect_refused(wide, running, [&] { wide.update_running_stats(statistics); });
  expect_refused(wide, running, [&] { wide.set_running_stats(statistics); });
  BatchNorm1d<float> source = good;
  const BatchNorm1d<float> taken = std::move(source);
  EXPECT_THROW(source.inference_affine(), std::invalid_argument);                // NOLINT
  EXPECT_THROW(source.update_running_stats(statistics), std::invalid_argument);  // NOLINT
  EXPECT_EQ(source.num_batches_tracked(), 0);                                    // NOLINT
}

TEST(SplitBatch, SetsNoRunningStatisticsThatAreNotFinite) {
  BatchNorm1d<float> norm(2);
  MatrixXf x = MatrixXf::Random(4, 2);
  x(1, 1) = std::numeric_limits<float>::infinity();
  expect_refused(norm, "BatchNorm1d(2): expected statistics that are finite",
                 [&] { norm.set_running_stats(norm.batch_statistics(x)); });
}

TEST(SplitBatch, RefusesWhatDoesNotFit) {
  BatchNorm1d<float> norm(3);
  const MatrixXf x = MatrixXf::Random(4, 3);
  const auto statistics = norm.batch_statistics(x);
  const auto gradients = norm.gradient_sums(statistics, x, x);
  const BatchNorm1d<float> wide(4);
  const MatrixXf wide_x = MatrixXf::Random(4, 4);
  expect_error<std::invalid_argument>("BatchNorm1d(4): expected statistics of 4 channels, got 3",
                                      [&] { wide.forward_by(statistics, wide_x); });
  expect_error<std::invalid_argument>(
      "BatchNorm1d(4): expected gradients of 4 channels, got 3",
      [&] { wide.backward_by(wide.batch_statistics(wide_x), gradients, wide_x, wide_x); });
  expect_error<std::invalid_argument>(
      "BatchNorm1d(3): expected statistics of more than 1 value per channel, got 1",
      [&] { norm.forward_by(norm.batch_statistics(x.row(0)), x); });
  expect_error<std::invalid_argument>("BatchNorm1d(3): expected input (N, 3), got (4, 4)",
                                      [&] { norm.batch_statistics(wide_x); });
  expect_error<std::invalid_argument>("BatchNorm1d(3): expected input (N, 3), got (4, 4)",
                                      [&] { norm.forward_by(statistics, wide_x); });
  expect_error<std::invalid_argument>("BatchNorm1d(3): expected dy (4, 3), got (2, 3)", [&] {
    norm.backward_by(statistics, gradients, x, x.topRows(2));
  });
  expect_error<std::invalid_argument>("BatchNorm1d(3): expected dy (4, 3), got (2, 3)",
                                      [&] { norm.gradient_sums(statistics, x, x.topRows(2)); });
  auto mixed = statistics;
  expect_error<std::invalid_argument>("BatchStatistics: expected statistics of 3 channels, got 4",
                                      [&] { mixed.merge(wide.batch_statistics(wide_x)); });
  BatchNormOptions options;
  options.track_running_stats = false;
  BatchNorm1d<float> untracked(3, options);
  expect_error<std::logic_error>(
      "BatchNorm1d(3): update_running_stats needs running statistics, "
      "but track_running_stats is false",
      [&] { untracked.update_running_stats(statistics); });
}

}  // namespace
}  // namespace eigen_norm::test
