// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "regressions/expectations.hpp"
#include "support/errors.hpp"

// Batches without samples and numbers that are not finite.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;
using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

MatrixXf batch(std::uint64_t seed) { return to_eigen<MatrixXf>(random_normal({8, 3}, seed)); }

// (0, 5, 9): a running mean of NaN, a running variance of 0.9; later releases still count a batch.
// TensorFlow answers a mean and variance of NaN.
TEST(PyTorch, Issue12013EmptyBatch) {
  BatchNorm2d<float> norm(5);
  norm.forward(Images(Images(2, 5, 3, 3).setRandom()));
  const Values before = visible_state(norm);
  const Images none(0, 5, 9, 1), no_positions(2, 5, 0, 3);
  for (const Images& x : {none, no_positions}) {
    EXPECT_EQ(dims_of(norm.forward(x)), dims_of(x));
    EXPECT_EQ(dims_of(norm.backward(x, x)), dims_of(x));
    EXPECT_EQ(visible_state(norm), before);
  }
  EXPECT_EQ(norm.num_batches_tracked(), 1);
}

// (0, 64, 112, 112) in eval: a floating-point exception or a crash.
TEST(PyTorch, Issue29578EmptyBatchInEval) {
  BatchNorm2d<float> norm(64);
  norm.eval();
  EXPECT_EQ(dims_of(norm.forward(Images(0, 64, 112, 112))), (Dims{0, 64, 112, 112}));
}

// No channels where three were promised: accepted there.
TEST(PyTorch, Issue72821NoChannels) {
  BatchNorm1d<float> norm(3);
  expect_refused(norm, "BatchNorm1d(3): expected input (N, 3), got (2, 0)",
                 [&] { norm.forward(MatrixXf(2, 0)); });
}

// Running statistics without a value: read past their end.
TEST(PyTorch, Issue169208EmptyRunningStatistics) {
  BatchNorm1d<float> norm(3);
  norm.running_var().resize(0);
  expect_refused(
      norm, "BatchNorm1d(3): expected running_mean and running_var of 3 values each, got 3 and 0",
      [&] { norm.forward(batch(1)); });
}

// One NaN in one batch, and the running statistics are NaN for ever.
TEST(PyTorch, Issue88474NanInOneBatch) {
  BatchNorm1d<float> norm(3);
  norm.forward(batch(1));
  const BatchNorm1d<float> before = norm;
  for (const float bad : {nan, std::numeric_limits<float>::infinity()}) {
    MatrixXf x = batch(2);
    x(4, 1) = bad;
    norm.forward(x);
  }
  EXPECT_EQ(norm.num_batches_skipped(), 2);
  EXPECT_EQ(norm.num_batches_tracked(), 1);
  EXPECT_EQ(from_parameters(norm.running_mean()), from_parameters(before.running_mean()));
  EXPECT_EQ(from_parameters(norm.running_var()), from_parameters(before.running_var()));
  EXPECT_EQ(norm.infer(batch(3)), before.infer(batch(3)));
}

// A variance that is finite in the network's arithmetic and not in float: "all running statistics
// are NaN", though the loss never was.
TEST(PyTorch, Issue1206VarianceThatFloatCannotHold) {
  BatchNorm1d<float> norm(3);
  norm.forward(batch(1) * 1e25F);
  EXPECT_EQ(norm.num_batches_skipped(), 1);
  EXPECT_TRUE((norm.running_var() == 1).all());
}

// What is not finite stays in its channel, row or group; the others are right.
TEST(PyTorch, Release113NanStaysInItsGroup) {
  for (const Kind kind : every_kind) {
    for (const int order : {Eigen::RowMajor, Eigen::ColMajor}) {
      const LayerSetup c{kind, {3, 4, 5, 7}, 1, 2, order};
      const Subject subject = subject_of(c);
      const Membership& statistic_of = subject.sharing.statistic_of;
      Logical x = random_normal(c.dims, 1);
      const Logical dy = random_normal(c.dims, 2);
      const Affine affine{random_gamma(c.parameters(), 1), random_beta(c.parameters(), 2)};
      const Reference want = subject.definition(x, dy, affine, 1e-5L);
      const Scales scale = scales(subject.sharing, x, dy, affine, want);
      const Dims place{1, 2, 3, 4};
      x.at(place) = std::numeric_limits<Real>::quiet_NaN();
      const Answers got = ask(c, x, dy, affine);
      Index escaped = 0, lost = 0;
      for_each_index(c.dims, [&](const Dims& at) {
        if (statistic_of(at) == statistic_of(place)) {
          escaped += !std::isnan(got.y.at(at));
          return;
        }
        const Real y = ratio(std::abs(got.y.at(at) - want.y.at(at)), scale.y.at(at));
        const Real dx = ratio(std::abs(got.dx.at(at) - want.dx.at(at)), scale.dx.at(at));
        lost += std::max(y, dx) > float_bound;
      });
      EXPECT_EQ(escaped, 0) << c.text();
      EXPECT_EQ(lost, 0) << c.text();
    }
  }
}

}  // namespace
}  // namespace eigen_norm::test
