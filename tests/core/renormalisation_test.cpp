// SPDX-License-Identifier: MIT
#include "eigen_norm/core/renormalisation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/gradient_check.hpp"
#include "support/errors.hpp"
#include "support/layer_check.hpp"

// Batch renormalization by its definition (Ioffe 2017).
namespace eigen_norm::test {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;
using Eigen::MatrixXf;

BatchNorm1d<double> renormalising(const BatchRenorm& limits) {
  BatchNormOptions options;
  options.renorm = limits;
  BatchNorm1d<double> norm(4, options);
  set_affine(norm, {random_gamma(4, 1), random_beta(4, 2)});
  norm.running_mean() << 0.5, -1, 2, 0;
  norm.running_var() << 1, 4, 0.25, 100;
  return norm;
}

MatrixXd batch(std::uint64_t seed) {
  return to_eigen<MatrixXd>(random_normal({12, 4}, seed, 0.75, 1.5));
}

struct Expected {
  MatrixXd y, dx;
  ArrayXd dgamma, dbeta, r, d;
};

Expected by_definition(const BatchNorm1d<double>& norm, const MatrixXd& x, const MatrixXd& dy) {
  const double eps = norm.options().eps, m = static_cast<double>(x.rows());
  const BatchRenorm limits = *norm.options().renorm;
  Expected e{x, x, ArrayXd(4), ArrayXd(4), ArrayXd(4), ArrayXd(4)};
  for (Index c = 0; c < 4; ++c) {
    const double mean = x.col(c).mean();
    const double std = std::sqrt((x.col(c).array() - mean).square().mean() + eps);
    const double running_std = std::sqrt(norm.running_var()(c) + eps);
    e.r(c) = std::clamp(std / running_std, 1 / limits.r_max, limits.r_max);
    e.d(c) = std::clamp((mean - norm.running_mean()(c)) / running_std, -limits.d_max, limits.d_max);
    const ArrayXd xhat = (x.col(c).array() - mean) / std;
    const double gamma = norm.gamma()(c);
    e.y.col(c) = (xhat * e.r(c) + e.d(c)) * gamma + norm.beta()(c);
    const ArrayXd h = gamma * e.r(c) * dy.col(c).array();
    e.dx.col(c) = (h - h.sum() / m - xhat * (h * xhat).sum() / m) / std;
    e.dgamma(c) = (dy.col(c).array() * (xhat * e.r(c) + e.d(c))).sum();
    e.dbeta(c) = dy.col(c).sum();
  }
  return e;
}

TEST(Renormalisation, IsWhatTheDefinitionSaysWithAndWithoutClipping) {
  const MatrixXd x = batch(3), dy = batch(4);
  for (const BatchRenorm limits : {BatchRenorm{1e9, 1e9}, BatchRenorm{1.5, 0.25}, BatchRenorm{}}) {
    auto norm = renormalising(limits);
    const Expected want = by_definition(norm, x, dy);
    const ArrayXd mean_before = norm.running_mean();
    EXPECT_TRUE(norm.forward(x).isApprox(want.y, 1e-13));
    EXPECT_TRUE(norm.backward(x, dy).isApprox(want.dx, 1e-12));
    EXPECT_TRUE(norm.gamma_grad().isApprox(want.dgamma, 1e-12));
    EXPECT_TRUE(norm.beta_grad().isApprox(want.dbeta, 1e-12));
    const ArrayXd mean = x.colwise().mean();
    EXPECT_TRUE(norm.running_mean().isApprox(0.9 * mean_before + 0.1 * mean, 1e-14));
  }
}

// Without clipping the result is that of the running statistics, whatever the batch.
TEST(Renormalisation, WithoutLimitsAnswersAsInferenceDoes) {
  auto norm = renormalising({1e12, 1e12});
  const MatrixXd x = batch(5);
  const MatrixXd inferred = norm.infer(x);
  EXPECT_TRUE(norm.forward(x).isApprox(inferred, 1e-12));
}

// As the definition's limit says: against an infinite deviation the batch has none, and no
// distance.
TEST(Renormalisation, TakesAnInfiniteRunningVarianceAsOne) {
  auto norm = renormalising({2, 3}), narrowest = norm;
  norm.running_var().setConstant(std::numeric_limits<double>::infinity());
  narrowest.running_var().setConstant(1e300);
  const MatrixXd x = batch(8), dy = batch(9);
  EXPECT_TRUE(norm.forward(x).isApprox(narrowest.forward(x), 1e-14));
  EXPECT_TRUE(norm.backward(x, dy).isApprox(narrowest.backward(x, dy), 1e-14));
}

TEST(Renormalisation, WithLimitsOfOneAndZeroIsBatchNormalisation) {
  auto norm = renormalising({1, 0});
  BatchNorm1d<double> plain(4);
  plain.gamma() = norm.gamma();
  plain.beta() = norm.beta();
  const MatrixXd x = batch(6), dy = batch(7);
  EXPECT_TRUE(norm.forward(x).isApprox(plain.forward(x), 1e-14));
  EXPECT_TRUE(norm.backward(x, dy).isApprox(plain.backward(x, dy), 1e-13));
  EXPECT_TRUE(norm.gamma_grad().isApprox(plain.gamma_grad(), 1e-13));
}

// r and d are constants to the gradient: finite differences hold them as well.
TEST(Renormalisation, HasTheGradientOfFixedCorrections) {
  auto norm = renormalising({1.5, 0.5});
  const MatrixXd x = batch(8), dy = batch(9);
  const Expected at_x = by_definition(norm, x, dy);
  norm.forward(x);
  const MatrixXd dx = norm.backward(x, dy);
  const auto loss = [&](const MatrixXd& moved) {
    BatchNorm1d<double> plain(4);  // y = (xhat * r + d) * gamma + beta
    plain.gamma() = norm.gamma() * at_x.r;
    plain.beta() = norm.beta() + norm.gamma() * at_x.d;
    return (plain.forward(moved).array() * dy.array()).sum();
  };
  const double h = 1e-6;
  for (Index i = 0; i < x.size(); ++i) {
    MatrixXd above = x, below = x;
    above(i) += h;
    below(i) -= h;
    EXPECT_NEAR(dx(i), (loss(above) - loss(below)) / (2 * h), 1e-8);
  }
}

TEST(Renormalisation, CountsInTrainingAlone) {
  auto norm = renormalising({});
  auto plain = BatchNorm1d<double>(4);
  plain.gamma() = norm.gamma();
  plain.beta() = norm.beta();
  plain.running_mean() = norm.running_mean();
  plain.running_var() = norm.running_var();
  const MatrixXd x = batch(10), dy = batch(11);
  norm.forward(x);
  norm.reset_running_stats();
  norm.running_mean() = plain.running_mean();
  norm.running_var() = plain.running_var();
  norm.eval();
  plain.eval();
  EXPECT_EQ(norm.forward(x), plain.forward(x));
  EXPECT_EQ(norm.backward(x, dy), plain.backward(x, dy));
  norm.train();
  norm.freeze();
  EXPECT_EQ(norm.forward(x), plain.forward(x));
  EXPECT_EQ(norm.backward(x, dy), plain.backward(x, dy));
}

TEST(Renormalisation, IsAccurateFarFromZeroInFloat) {
  BatchNormOptions options;
  options.renorm = BatchRenorm{};
  BatchNorm1d<float> norm(1, options);
  const Logical x = random_normal({200, 1}, 12, 1000, 1e-1L);
  norm.running_mean()(0) = 1000.05F;
  norm.running_var()(0) = 0.02F;
  BatchNormOptions exact_options = options;
  BatchNorm1d<double> exact(1, exact_options);
  exact.running_mean()(0) = static_cast<double>(norm.running_mean()(0));
  exact.running_var()(0) = static_cast<double>(norm.running_var()(0));
  const MatrixXf rounded = to_eigen<MatrixXf>(x);
  const MatrixXd want = exact.forward(rounded.cast<double>().eval());
  EXPECT_LE((norm.forward(rounded).cast<double>() - want).cwiseAbs().maxCoeff(), 4e-6);
}

TEST(Renormalisation, OfAConstantChannelWithoutEpsIsBeta) {
  BatchNormOptions options;
  options.eps = 0;
  options.renorm = BatchRenorm{};
  BatchNorm1d<double> norm(1, options);
  norm.running_mean()(0) = 5;
  norm.running_var()(0) = 0;
  norm.beta()(0) = 3;
  EXPECT_EQ(norm.forward(MatrixXd::Constant(4, 1, 5)), MatrixXd::Constant(4, 1, 3));
}

TEST(Renormalisation, ByARunningDeviationOfZeroIsAtItsLimits) {
  BatchNormOptions options;
  options.eps = 0;
  options.gamma = options.beta = false;
  options.renorm = BatchRenorm{3, 5};
  BatchNorm1d<double> norm(1, options), plain(1, {0, 0.1, false, false});
  const MatrixXd x = MatrixXd::Random(8, 1);
  const MatrixXd xhat = plain.forward(x);
  for (const double sign : {1.0, -1.0}) {
    norm.running_mean()(0) = -100 * sign;
    norm.running_var()(0) = 0;
    EXPECT_TRUE(
        norm.forward(x).isApprox(MatrixXd(xhat * 3 + MatrixXd::Constant(8, 1, 5 * sign)), 1e-13));
  }
}

// r does not count where xhat is 0; d says how far the batch is from the running mean.
TEST(Renormalisation, OfAConstantBatchIsItsDistance) {
  BatchNormOptions options;
  options.eps = 0;
  options.renorm = BatchRenorm{3, 5};
  BatchNorm1d<double> norm(1, options);
  norm.running_mean()(0) = 4;
  norm.running_var()(0) = 0.25;
  EXPECT_EQ(norm.forward(MatrixXd::Constant(4, 1, 5)), MatrixXd::Constant(4, 1, 2));
}

TEST(Renormalisation, LetsTheRunningStatisticsBeRecomputed) {
  auto norm = renormalising({});
  norm.set_running_stats(norm.batch_statistics(batch(1)));
  EXPECT_TRUE(norm.running_mean().matrix().isApprox(batch(1).colwise().mean().transpose()));
}

TEST(Renormalisation, TakesOtherLimitsOnTheWay) {
  auto norm = renormalising({1, 0});
  norm.set_renorm({2, 3});
  EXPECT_EQ(norm.options().renorm->r_max, 2);
  expect_refused(norm,
                 "BatchNorm1d(4): expected renorm with r_max >= 1 and d_max >= 0, got "
                 "0.500000 and 3.000000",
                 [&] {
                   norm.set_renorm({0.5, 3});
                 });
  expect_refused(norm,
                 "BatchNorm1d(4): expected renorm with r_max >= 1 and d_max >= 0, got "
                 "2.000000 and -1.000000",
                 [&] {
                   norm.set_renorm({2, -1});
                 });
  BatchNormOptions untracked, in_parts;
  untracked.renorm = in_parts.renorm = BatchRenorm{};
  untracked.track_running_stats = false;
  in_parts.virtual_batch_size = 2;
  for (const BatchNormOptions& options : {untracked, in_parts}) {
    expect_error<std::invalid_argument>(
        "BatchNorm1d(4): expected renorm with running statistics and without virtual_batch_size",
        [&] { BatchNorm1d<float>(4, options); });
  }
  expect_error<std::logic_error>(
      "BatchNorm1d(4): a batch in parts is not renormalised, but renorm is on",
      [&] { norm.forward_by(norm.batch_statistics(batch(1)), batch(1)); });
}

}  // namespace
}  // namespace eigen_norm::test
