// SPDX-License-Identifier: MIT
#include "eigen_norm/batch_norm.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "support/errors.hpp"
#include "support/layer_check.hpp"

// Modes and running statistics: what the layer remembers, when, and what it answers afterwards.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;

MatrixXf batch(std::uint64_t seed, Index samples = 6, Index channels = 4) {
  return to_eigen<MatrixXf>(
      random_normal({samples, channels}, seed, Real(seed) / 4, 1 + Real(seed) / 8));
}

BatchNorm1d<float> trained(const BatchNormOptions& options = {}) {
  BatchNorm1d<float> norm(4, options);
  norm.gamma() << 1.5F, -0.5F, 2, 1.25F;
  norm.beta() << 0.25F, 1, -1, 0.5F;
  for (const std::uint64_t seed : {1U, 2U, 3U}) norm.forward(batch(seed));
  return norm;
}

Reference training_answer(const BatchNorm1d<float>& norm, const MatrixXf& x, const MatrixXf& dy) {
  const Affine affine{from_parameters(norm.gamma()), from_parameters(norm.beta())};
  return batch_norm(from_eigen(x), from_eigen(dy), affine, Real(norm.options().eps));
}

Reference eval_answer(const BatchNorm1d<float>& norm, const MatrixXf& x, const MatrixXf& dy) {
  const Affine affine{from_parameters(norm.gamma()), from_parameters(norm.beta())};
  return batch_norm_eval(from_eigen(x), from_eigen(dy), affine, Real(norm.options().eps),
                         from_parameters(norm.running_mean()), from_parameters(norm.running_var()));
}

void expect_same(const char* what, const MatrixXf& got, const Logical& want) {
  expect_close(what, from_eigen(got), want, 2e-6L, 4);
}

TEST(BatchNorm1d, IsAnAffineMapOfEachChannelInInference) {
  const BatchNorm1d<float> norm = trained();
  const MatrixXf x = batch(5);
  const auto affine = norm.inference_affine();
  const MatrixXf y =
      (x.array().rowwise() * affine.scale.transpose()).rowwise() + affine.shift.transpose();
  expect_same("y", y, from_eigen(norm.infer(x)));
  const auto in_double = norm.inference_affine<double>();
  static_assert(std::is_same_v<decltype(in_double), const ChannelAffine<double>>);
  const auto gamma = norm.gamma().cast<double>(), var = norm.running_var().cast<double>();
  const Eigen::ArrayXd scale = gamma / (var + norm.options().eps).sqrt();
  const Eigen::ArrayXd shift =
      norm.beta().cast<double>() - norm.running_mean().cast<double>() * scale;
  EXPECT_TRUE(in_double.scale.isApprox(scale, 1e-15) && in_double.shift.isApprox(shift, 1e-15));
  EXPECT_TRUE((in_double.scale.cast<float>() == affine.scale).all());
  EXPECT_TRUE((in_double.shift.cast<float>() == affine.shift).all());
  BatchNormOptions options;
  options.track_running_stats = false;
  expect_error<std::logic_error>(
      "BatchNorm1d(4): inference_affine needs running statistics, but track_running_stats is false",
      [&] { BatchNorm1d<float>(4, options).inference_affine(); });
}

TEST(BatchNorm1d, RoundsItsAffineMapOnceTo16Bits) {
  BatchNormOptions options;
  options.eps = 0;
  BatchNorm1d<double> norm(2, options);
  norm.gamma().setConstant(1 + 0x1p-11 + 0x1p-30);  // beyond halfway from 1 to the next of half
  norm.beta() = norm.gamma();
  const auto affine = norm.inference_affine<Eigen::half>();
  EXPECT_EQ(static_cast<float>(affine.scale[1]), 1 + 0x1p-10F);
  EXPECT_EQ(static_cast<float>(affine.shift[1]), 1 + 0x1p-10F);
}

template <typename Scalar>
void expect_affine_in_long_double() {
  using Wide = Eigen::Array<long double, Eigen::Dynamic, 1>;
  BatchNorm1d<Scalar> norm(4);
  norm.gamma() << Scalar(1.5), Scalar(-0.7), Scalar(2.1), Scalar(1.25);
  norm.beta() << Scalar(0.1), Scalar(1), Scalar(-1.3), Scalar(0.5);
  norm.running_mean() << Scalar(0.1), Scalar(-3), Scalar(100), Scalar(7.7);
  norm.running_var() << Scalar(0.3), Scalar(5), Scalar(3), Scalar(0.01);
  const auto wide = [](const auto& values) -> Wide { return values.template cast<long double>(); };
  const auto affine = norm.template inference_affine<long double>();
  const auto eps = static_cast<long double>(norm.options().eps);
  const Wide scale = wide(norm.gamma()) / (wide(norm.running_var()) + eps).sqrt();
  const Wide shift = wide(norm.beta()) - wide(norm.running_mean()) * scale;
  EXPECT_TRUE(affine.scale.isApprox(scale, 1e-18L) && affine.shift.isApprox(shift, 1e-18L));
}

TEST(BatchNorm1d, ComputesItsAffineMapInTheTypeAskedForWhereThatIsWider) {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) GTEST_SKIP();
  expect_affine_in_long_double<double>();
  expect_affine_in_long_double<float>();
}

TEST(BatchNorm1d, HasTheDefaultsOfPyTorch) {
  const BatchNorm1d<float> norm(3);
  EXPECT_EQ(norm.num_features(), 3);
  EXPECT_EQ(norm.options().eps, 1e-5);
  EXPECT_EQ(norm.options().momentum, 0.1);
  EXPECT_EQ(norm.options().running_variance, RunningVariance::unbiased);
  EXPECT_EQ(norm.options().channels, ChannelAxis::first);
  EXPECT_TRUE(norm.options().track_running_stats);
  EXPECT_TRUE(norm.is_training());
  EXPECT_FALSE(norm.is_frozen());
  EXPECT_EQ(from_parameters(norm.gamma()), Values(3, 1));
  EXPECT_EQ(from_parameters(norm.beta()), Values(3, 0));
  EXPECT_EQ(from_parameters(norm.gamma_grad()), Values(3, 0));
  EXPECT_EQ(from_parameters(norm.beta_grad()), Values(3, 0));
  EXPECT_EQ(from_parameters(norm.running_mean()), Values(3, 0));
  EXPECT_EQ(from_parameters(norm.running_var()), Values(3, 1));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  EXPECT_EQ(norm.num_batches_skipped(), 0);
}

TEST(BatchNorm1d, SwitchesBetweenTrainingAndEval) {
  BatchNorm1d<float> norm(3);
  norm.eval();
  EXPECT_FALSE(norm.is_training());
  norm.train();
  EXPECT_TRUE(norm.is_training());
  norm.train(false);
  EXPECT_FALSE(norm.is_training());
  norm.train(true);
  EXPECT_TRUE(norm.is_training());
}

// running = (1 - momentum) * running + momentum * batch, over three batches of different sizes.
void expect_running(std::optional<double> momentum, RunningVariance kind) {
  BatchNormOptions options;
  options.momentum = momentum;
  options.running_variance = kind;
  BatchNorm1d<float> norm(4, options);
  Values mean(4, 0), var(4, 1);
  for (const Index step : {1, 2, 3}) {
    const MatrixXf x = batch(static_cast<std::uint64_t>(step), 4 + 3 * step);
    norm.forward(x);
    const Reference want = training_answer(norm, x, x);
    const Values& seen = kind == RunningVariance::unbiased ? want.unbiased_var : want.var;
    const Real m = momentum ? Real(*momentum) : 1 / Real(step);
    for (std::size_t c = 0; c < 4; ++c) {
      mean[c] = (1 - m) * mean[c] + m * want.mean[c];
      var[c] = (1 - m) * var[c] + m * seen[c];
    }
    EXPECT_EQ(norm.num_batches_tracked(), step);
  }
  expect_close("running_mean", from_parameters(norm.running_mean()), mean, 1e-6L);
  expect_close("running_var", from_parameters(norm.running_var()), var, 1e-6L);
  EXPECT_EQ(norm.num_batches_skipped(), 0);
}

TEST(BatchNorm1d, AveragesMeanAndUnbiasedVarianceByMomentum) {
  expect_running(0.1, RunningVariance::unbiased);
  expect_running(0.75, RunningVariance::unbiased);
  expect_running(1.0, RunningVariance::unbiased);
  expect_running(0.0, RunningVariance::unbiased);
}

TEST(BatchNorm1d, AveragesTheBiasedVarianceOnRequest) {
  expect_running(0.1, RunningVariance::biased);
}

TEST(BatchNorm1d, AveragesAllBatchesAlikeWithoutMomentum) {
  expect_running(std::nullopt, RunningVariance::unbiased);
  expect_running(std::nullopt, RunningVariance::biased);
}

TEST(BatchNorm1d, StartsTheCumulativeAverageAgainAfterReset) {
  BatchNormOptions options;
  options.momentum = std::nullopt;
  BatchNorm1d<float> norm = trained(options);
  norm.reset_running_stats();
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  EXPECT_EQ(from_parameters(norm.running_mean()), Values(4, 0));
  EXPECT_EQ(from_parameters(norm.running_var()), Values(4, 1));
  norm.forward(batch(5));
  expect_close("running_mean", from_parameters(norm.running_mean()),
               training_answer(norm, batch(5), batch(5)).mean, 1e-6L);
}

TEST(BatchNorm1d, RemembersTheStatisticsOfTheLastBatch) {
  BatchNorm1d<float> norm = trained();
  const MatrixXf x = batch(4);
  const Reference want = training_answer(norm, x, x);
  norm.forward(x);
  expect_close("batch_mean", from_parameters(norm.batch_mean()), want.mean, 1e-6L);
  expect_close("batch_inv_std", from_parameters(norm.batch_inv_std()), want.inv_std, 1e-6L);
}

TEST(BatchNorm1d, UsesAndKeepsTheRunningStatisticsInEval) {
  BatchNorm1d<float> norm = trained();
  norm.eval();
  const Values before = visible_state(norm);
  const MatrixXf x = batch(4), dy = batch(5);
  const Reference want = eval_answer(norm, x, dy);
  expect_same("infer", norm.infer(x), want.y);
  EXPECT_EQ(visible_state(norm), before);
  expect_same("forward", norm.forward(x), want.y);
  EXPECT_EQ(norm.num_batches_tracked(), 3);
  expect_close("mean used", from_parameters(norm.batch_mean()), want.mean, 1e-7L);
  expect_same("backward", norm.backward(x, dy), want.dx);
  expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, 1e-5L);
  expect_close("dbeta", from_parameters(norm.beta_grad()), want.dbeta, 1e-5L);
}

TEST(BatchNorm1d, InfersByTheRunningStatisticsEvenInTraining) {
  const BatchNorm1d<float> norm = trained();
  ASSERT_TRUE(norm.is_training());
  const Values before = visible_state(norm);
  expect_same("infer", norm.infer(batch(4)), eval_answer(norm, batch(4), batch(4)).y);
  EXPECT_EQ(visible_state(norm), before);
}

TEST(BatchNorm1d, KeepsRunningStatisticsWhenFrozenWhateverTrainSays) {
  BatchNorm1d<float> norm = trained();
  norm.freeze();
  const MatrixXf x = batch(4), dy = batch(5);
  const Reference want = eval_answer(norm, x, dy);
  for (const bool training : {true, false, true}) {
    norm.train(training);
    norm.zero_grad();
    EXPECT_TRUE(norm.is_frozen());
    EXPECT_EQ(norm.is_training(), training);
    expect_same("forward", norm.forward(x), want.y);
    expect_same("backward", norm.backward(x, dy), want.dx);
    expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, 1e-5L);
    EXPECT_EQ(norm.num_batches_tracked(), 3);
    EXPECT_EQ(from_parameters(norm.running_mean()), want.mean);
    EXPECT_EQ(from_parameters(norm.running_var()), want.var);
  }
  norm.unfreeze();
  EXPECT_FALSE(norm.is_frozen());
  expect_same("unfrozen", norm.forward(x), training_answer(norm, x, dy).y);
  EXPECT_EQ(norm.num_batches_tracked(), 4);
}

TEST(BatchNorm1d, TakesASingleValuePerChannelWhenFrozenInTraining) {
  BatchNorm1d<float> norm = trained();
  norm.freeze();
  const MatrixXf x = batch(4, 1);
  expect_same("forward", norm.forward(x), eval_answer(norm, x, x).y);
}

// Whatever happens between a forward and its backward.
TEST(BatchNorm1d, AnswersTheLastForwardInBackward) {
  const MatrixXf x = batch(4), dy = batch(5);
  for (const bool training : {true, false}) {
    BatchNorm1d<float> norm = trained();
    norm.train(training);
    const Logical want = training ? training_answer(norm, x, dy).dx : eval_answer(norm, x, dy).dx;
    norm.forward(x);
    norm.train(!training);
    norm.freeze();
    norm.reset_running_stats();
    norm.infer(batch(6, 9));
    expect_same("backward", norm.backward(x, dy), want);
    norm.unfreeze();
    expect_same("again", norm.backward(x, dy), want);
  }
}

TEST(BatchNorm1d, TakesTheGammaOfNowInBackward) {
  BatchNorm1d<float> norm = trained();
  const MatrixXf x = batch(4), dy = batch(5);
  norm.forward(x);
  norm.gamma() *= 3;
  expect_same("backward", norm.backward(x, dy), training_answer(norm, x, dy).dx);
}

TEST(BatchNorm1d, AddsToTheGradientsUntilTheyAreZeroed) {
  BatchNorm1d<float> norm = trained();
  const MatrixXf x = batch(4), dy = batch(5);
  const Reference want = training_answer(norm, x, dy);
  norm.forward(x);
  norm.backward(x, dy);
  const Eigen::ArrayXf gamma_grad = norm.gamma_grad(), beta_grad = norm.beta_grad();
  expect_close("dgamma", from_parameters(gamma_grad), want.dgamma, 1e-5L);
  expect_close("dbeta", from_parameters(beta_grad), want.dbeta, 1e-5L);
  norm.backward(x, dy);
  EXPECT_TRUE(norm.gamma_grad().isApprox(2 * gamma_grad, 1e-6F));
  EXPECT_TRUE(norm.beta_grad().isApprox(2 * beta_grad, 1e-6F));
  norm.zero_grad();
  EXPECT_EQ(from_parameters(norm.gamma_grad()), Values(4, 0));
  EXPECT_EQ(from_parameters(norm.beta_grad()), Values(4, 0));
  norm.backward(x, dy);
  EXPECT_EQ(from_parameters(norm.gamma_grad()), from_parameters(gamma_grad));
}

TEST(BatchNorm1d, TakesRunningStatisticsFromOutside) {
  BatchNorm1d<float> norm(4);
  norm.running_mean() << 1, -2, 0.5F, 3;
  norm.running_var() << 0.5F, 2, 1, 4;
  norm.num_batches_tracked() = 17;
  norm.eval();
  expect_same("eval", norm.forward(batch(4)), eval_answer(norm, batch(4), batch(4)).y);
  norm.train();
  norm.forward(batch(4));
  EXPECT_EQ(norm.num_batches_tracked(), 18);
}

TEST(BatchNorm1d, UsesTheBatchInEveryModeWhenItTracksNothing) {
  BatchNormOptions options;
  options.track_running_stats = false;
  BatchNorm1d<float> norm = trained(options);
  EXPECT_EQ(norm.running_mean().size(), 0);
  EXPECT_EQ(norm.running_var().size(), 0);
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  const MatrixXf x = batch(4), dy = batch(5);
  const Reference want = training_answer(norm, x, dy);
  for (const bool training : {true, false}) {
    norm.train(training);
    norm.zero_grad();
    expect_same("infer", norm.infer(x), want.y);
    expect_same("forward", norm.forward(x), want.y);
    expect_same("backward", norm.backward(x, dy), want.dx);
    expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, 1e-5L);
  }
  norm.reset_running_stats();
  EXPECT_EQ(norm.running_mean().size(), 0);
}

TEST(BatchNorm1d, FixedAtCompileTimeAnswersAsTheOtherDoes) {
  BatchNorm1d<float, 4> fixed;
  BatchNorm1d<float> dynamic(4);
  EXPECT_EQ(fixed.num_features(), 4);
  for (const std::uint64_t seed : {1U, 2U}) {
    const MatrixXf x = batch(seed), dy = batch(seed + 5);
    EXPECT_EQ(fixed.forward(x), dynamic.forward(x));
    EXPECT_EQ(fixed.backward(x, dy), dynamic.backward(x, dy));
  }
  EXPECT_EQ(visible_state(fixed), visible_state(dynamic));
  EXPECT_EQ(fixed.infer(batch(3)), dynamic.infer(batch(3)));

  BatchNormOptions bare;
  bare.gamma = bare.beta = bare.track_running_stats = false;
  const BatchNorm1d<float, 4> empty(bare);
  EXPECT_EQ(empty.gamma().size() + empty.beta().size() + empty.running_mean().size(), 0);
}

}  // namespace
}  // namespace eigen_norm::test
