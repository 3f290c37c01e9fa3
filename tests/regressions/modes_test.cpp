// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <stdexcept>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/instance_norm.hpp"
#include "support/errors.hpp"

// Training, eval and frozen: which statistics count, and what the gradient is then.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;

MatrixXd batch(std::uint64_t seed) { return to_eigen<MatrixXd>(random_normal({9, 3}, seed, 1, 2)); }

BatchNorm1d<double> trained() {
  BatchNorm1d<double> norm(3);
  set_affine(norm, {random_gamma(3, 1), random_beta(3, 2)});
  for (const std::uint64_t seed : {3U, 4U}) norm.forward(batch(seed));
  return norm;
}

Reference by_running(const BatchNorm1d<double>& norm, const MatrixXd& x, const MatrixXd& dy) {
  return batch_norm_eval(from_eigen(x), from_eigen(dy),
                         {from_parameters(norm.gamma()), from_parameters(norm.beta())}, 1e-5L,
                         from_parameters(norm.running_mean()), from_parameters(norm.running_var()));
}

// In the mode that `set_mode` sets the statistics are constants: dx = dy * gamma * inv_std.
template <typename SetMode>
void expect_gradients_by_running(const SetMode& set_mode) {
  BatchNorm1d<double> norm = trained();
  set_mode(norm);
  const MatrixXd x = batch(5), dy = batch(6);
  const Reference want = by_running(norm, x, dy);
  norm.forward(x);
  expect_close("dx", from_eigen(norm.backward(x, dy)), want.dx, 1e-14L);
  expect_close("dgamma", from_parameters(norm.gamma_grad()), want.dgamma, 1e-14L);
  expect_close("dbeta", from_parameters(norm.beta_grad()), want.dbeta, 1e-14L);
}

// mlpack, tiny-dnn, dlib and EigenSiNN use the formula of training, MXNet and PyTorch once did.
TEST(MxNet, Issue9580GradientInEval) {
  expect_gradients_by_running([](auto& norm) { norm.eval(); });
}

// The same under freeze(), with gamma and beta still learning.
TEST(PyTorch, Issue4284GradientWithFrozenStatistics) {
  expect_gradients_by_running([](auto& norm) { norm.freeze(); });
}

// inv_std of the forward that is answered, not of a training step since.
TEST(PyTorch, Release113StatisticsOfTheForwardThatIsAnswered) {
  BatchNorm1d<double> norm = trained();
  norm.eval();
  const MatrixXd x = batch(5), dy = batch(6);
  norm.forward(x);
  BatchNorm1d<double> other = norm;
  norm.running_var().setConstant(100);
  norm.train();
  EXPECT_EQ(norm.backward(x, dy), other.backward(x, dy));
}

// eval() of a part of a model is undone by the next train() of the whole: freeze() is not.
TEST(GtPyg, Issue112FrozenThroughTrain) {
  BatchNorm1d<double> norm = trained();
  norm.freeze();
  norm.train();
  const Values mean = from_parameters(norm.running_mean());
  const MatrixXd x = batch(5), y = norm.infer(x);
  EXPECT_EQ(norm.forward(x), y);
  EXPECT_EQ(from_parameters(norm.running_mean()), mean);
  EXPECT_EQ(norm.num_batches_tracked(), 2);
}

// The C++ BatchNorm of PyTorch once normalised by the batch in eval too.
TEST(PyTorch, Issue21679EvalByRunningStatistics) {
  BatchNorm1d<double> norm(1);
  norm.eval();
  norm.running_mean() << 10;
  norm.running_var() << 4 - 1e-5;
  MatrixXd x(2, 1), want(2, 1);
  x << 12, 16;
  want << 1, 3;
  EXPECT_TRUE(norm.forward(x).isApprox(want, 1e-15));
}

// A model that was validated in the mode of training: a const layer infers, whatever its mode.
TEST(PyTorchCpp, Issue19ForgottenEval) {
  const BatchNorm1d<double> norm = trained();
  BatchNorm1d<double> in_eval = norm;
  in_eval.eval();
  const MatrixXd x = batch(5);
  EXPECT_TRUE(norm.is_training());
  EXPECT_EQ(norm.infer(x), in_eval.forward(x));
}

// In dlib the number of samples decides: a batch of test images trains, one image never does.
TEST(Dlib, Issue1574ModeByTheNumberOfSamples) {
  BatchNorm1d<double> norm = trained();
  const Values before = visible_state(norm);
  const MatrixXd x = batch(5), y = norm.infer(x);
  EXPECT_EQ(visible_state(norm), before);
  EXPECT_EQ(norm.infer(x.topRows(1)), y.topRows(1));
}

// One value per channel has no variance: NaN once, an error now, in training alone.
TEST(PyTorch, Issue1381BatchOfOneValue) {
  BatchNorm1d<double> norm = trained();
  const MatrixXd one = batch(5).topRows(1);
  expect_refused(norm,
                 "BatchNorm1d(3): expected more than 1 value per channel when training, got (1, 3)",
                 [&] { norm.forward(one); });
  norm.eval();
  EXPECT_EQ(norm.forward(one), norm.infer(one));
}

// Eval before any training: mean 0 and variance 1. Chainer had nothing there, tiny-dnn and
// EigenSiNN a variance of 0.
TEST(Chainer, Issue1522EvalBeforeTraining) {
  BatchNormOptions options;
  options.eps = 0;
  const BatchNorm1d<double> norm(3, options);
  const MatrixXd x = batch(5);
  EXPECT_EQ(norm.infer(x), x);
}

// InstanceNorm with running statistics is BatchNorm in eval.
TEST(PyTorch, Issue58843InstanceNormInEval) {
  InstanceNormOptions options;
  options.track_running_stats = true;
  InstanceNorm1d<double> norm(3, options);
  BatchNorm1d<double> twin(3);
  const Eigen::Tensor<double, 3> x =
      to_eigen<Eigen::Tensor<double, 3>>(random_normal({4, 3, 5}, 1, 3, 2));
  norm.forward(x);
  twin.running_mean() = norm.running_mean();
  twin.running_var() = norm.running_var();
  EXPECT_EQ(from_eigen(norm.infer(x)).values, from_eigen(twin.infer(x)).values);
}

// A training pass whose y depends on the momentum.
TEST(OnnxRuntime, Issue29790OutputThatDependsOnMomentum) {
  const MatrixXd x = batch(5);
  const MatrixXd want = BatchNorm1d<double>(3).forward(x);
  for (const double momentum : {0.0, 0.5, 1.0}) {
    BatchNormOptions options;
    options.momentum = momentum;
    EXPECT_EQ(BatchNorm1d<double>(3, options).forward(x), want) << momentum;
  }
}

}  // namespace
}  // namespace eigen_norm::test
