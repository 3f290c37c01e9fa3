// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <limits>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"
#include "support/layer_check.hpp"

// Batches that are empty, not finite or beyond the range of float.
namespace eigen_norm::test {
namespace {

using Eigen::ArrayXXf;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

ArrayXXf batch(std::uint64_t seed, Real sigma = 1) {
  return to_eigen<ArrayXXf>(random_normal({8, 3}, seed, 0, sigma));
}

BatchNorm1d<float> trained() {
  BatchNorm1d<float> norm(3);
  norm.forward(batch(1));
  norm.forward(batch(2));
  return norm;
}

// The running statistics are those of before, and one more batch is counted as skipped.
void expect_skipped(const BatchNorm1d<float>& norm, const BatchNorm1d<float>& before) {
  EXPECT_EQ(from_parameters(norm.running_mean()), from_parameters(before.running_mean()));
  EXPECT_EQ(from_parameters(norm.running_var()), from_parameters(before.running_var()));
  EXPECT_EQ(norm.num_batches_tracked(), before.num_batches_tracked());
  EXPECT_EQ(norm.num_batches_skipped(), before.num_batches_skipped() + 1);
}

TEST(BatchNorm1d, SkipsABatchThatIsNotFiniteAsAWhole) {
  for (const float bad : {nan, infinity, -infinity}) {
    for (const Index row : {0, 7}) {
      const BatchNorm1d<float> before = trained();
      BatchNorm1d<float> norm = before;
      ArrayXXf x = batch(3);
      x(row, 2) = bad;
      const ArrayXXf y = norm.forward(x);
      expect_skipped(norm, before);
      EXPECT_TRUE(y.col(2).isNaN().any());

      // The other channels are normalised as ever.
      const ArrayXXf finite = batch(3);
      const Reference want = batch_norm(from_eigen(finite), from_eigen(finite), {}, 1e-5L);
      const ArrayXXf others = to_eigen<ArrayXXf>(want.y);
      EXPECT_TRUE(y.leftCols(2).isApprox(others.leftCols(2), 1e-5F));

      norm.forward(batch(4));
      EXPECT_EQ(norm.num_batches_tracked(), 3);
      EXPECT_EQ(norm.num_batches_skipped(), 1);
      norm.reset_running_stats();
      EXPECT_EQ(norm.num_batches_skipped(), 0);
    }
  }
}

TEST(BatchNorm1d, CountsNoSkippedBatchInTheCumulativeAverage) {
  BatchNormOptions options;
  options.momentum = std::nullopt;
  BatchNorm1d<float> with(3, options), without(3, options);
  ArrayXXf bad = batch(3);
  bad(4, 0) = nan;
  with.forward(batch(1));
  with.forward(bad);
  with.forward(batch(2));
  without.forward(batch(1));
  without.forward(batch(2));
  EXPECT_EQ(from_parameters(with.running_mean()), from_parameters(without.running_mean()));
  EXPECT_EQ(from_parameters(with.running_var()), from_parameters(without.running_var()));
}

// Everything is finite in x and y, but running_var cannot hold 1e74.
TEST(BatchNorm1d, NormalisesDataWhoseVarianceFloatCannotHold) {
  const BatchNorm1d<float> before = trained();
  BatchNorm1d<float> norm = before;
  const ArrayXXf x = batch(3, 1e37L), dy = batch(5);
  const Reference want = batch_norm(from_eigen(x), from_eigen(dy), {}, 1e-5L);
  expect_close("y", from_eigen(norm.forward(x)), want.y, 2e-6L);
  expect_skipped(norm, before);
  expect_close("dx", from_eigen(norm.backward(x, dy)), want.dx, 2e-6L, 1e-37L);
  expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, 1e-5L);
}

// There is nothing wider than double: a variance beyond it does not become an inv_std of 0.
TEST(BatchNorm1d, HidesNoVarianceThatDoubleCannotHold) {
  BatchNorm1d<double> norm(2);
  Eigen::MatrixXd x = Eigen::MatrixXd::Random(8, 2);
  x.col(1) << 1e200, -1e200, 1e200, -1e200, 1e200, -1e200, 1e200, -1e200;
  const Eigen::MatrixXd y = norm.forward(x);
  EXPECT_TRUE(y.col(0).array().isFinite().all());
  EXPECT_TRUE(y.col(1).array().isNaN().all());
  EXPECT_EQ(norm.num_batches_skipped(), 1);
}

// Nor where it is merged of parts that each have one.
TEST(BatchNorm1d, HidesNoVarianceOfPartsThatDoubleCannotHold) {
  BatchNorm1d<double> norm(1);
  const Eigen::MatrixXd low = Eigen::MatrixXd::Constant(2, 1, -1e200), high = -low;
  auto whole = norm.batch_statistics(low);
  whole.merge(norm.batch_statistics(high));
  EXPECT_TRUE(norm.forward_by(whole, low).array().isNaN().all());

  Eigen::MatrixXd row(1, 5), y(1, 5);
  row << 1e200, 1e200, 0, -1e200, -1e200;
  const Eigen::Array<bool, 1, 5> counts = row.array() != 0;
  LayerNorm<double>(5).forward(row, y, Mask(counts));
  EXPECT_TRUE(y.array().isNaN().all());
  RMSNorm<double>(5).forward(row, y, Mask(counts));
  EXPECT_TRUE(y.array().isNaN().all());
}

TEST(BatchNorm1d, SkipsNothingWhenItTracksNothing) {
  BatchNormOptions options;
  options.track_running_stats = false;
  BatchNorm1d<float> norm(3, options);
  norm.forward(batch(3, 1e37L));
  EXPECT_EQ(norm.num_batches_skipped(), 0);
}

TEST(BatchNorm1d, ChangesNothingForAnEmptyBatch) {
  for (const Dims& dims : {Dims{0, 3, 5}, Dims{4, 3, 0}, Dims{0, 3, 0}}) {
    for (const bool training : {true, false}) {
      BatchNorm1d<float> norm = trained();
      norm.train(training);
      const Values before = visible_state(norm);
      const Eigen::Tensor<float, 3> x(dims[0], dims[1], dims[2]);
      EXPECT_EQ(dims_of(norm.infer(x)), dims);
      EXPECT_EQ(dims_of(norm.forward(x)), dims);
      EXPECT_EQ(visible_state(norm), before);
      EXPECT_EQ(dims_of(norm.backward(x, x)), dims);
      EXPECT_EQ(visible_state(norm), before);
      Eigen::Tensor<float, 3> y(1, 2, 3);
      norm.forward(x, y);
      EXPECT_EQ(dims_of(y), dims);
    }
  }
}

TEST(BatchNorm1d, TakesAnEmptyMatrixOfEitherOrder) {
  BatchNorm1d<float> norm(3);
  const RowMatrix<float> rows(0, 3);
  const ColMatrix<float> cols(0, 3);
  EXPECT_EQ(dims_of(norm.forward(rows)), (Dims{0, 3}));
  EXPECT_EQ(dims_of(norm.forward(cols)), (Dims{0, 3}));
  EXPECT_EQ(dims_of(norm.backward(cols, cols)), (Dims{0, 3}));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
}

TEST(BatchNorm1d, GivesBetaForAConstantChannel) {
  for (const double eps : {0.0, 1e-5}) {
    BatchNormOptions options;
    options.eps = eps;
    BatchNorm1d<float> norm(3, options);
    norm.gamma() << 2, -3, 4;
    norm.beta() << 0.25F, -1.5F, 7;
    ArrayXXf x = batch(1);
    x.col(0) = 10000.1F;
    x.col(2) = -1e-30F;
    const ArrayXXf y = norm.forward(x);
    EXPECT_TRUE((y.col(0) == 0.25F).all() && (y.col(2) == 7).all());
    EXPECT_FLOAT_EQ(norm.running_mean()(0), 1000.01F);
    EXPECT_FLOAT_EQ(norm.running_var()(0), 0.9F);
    const ArrayXXf dx = norm.backward(x, batch(2));
    EXPECT_TRUE(dx.isFinite().all());
    EXPECT_EQ((dx.col(0) == 0).all() && (dx.col(2) == 0).all(), eps == 0);
  }
}

}  // namespace
}  // namespace eigen_norm::test
