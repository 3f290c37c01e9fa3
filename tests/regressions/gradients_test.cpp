// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/batch_norm.hpp"
#include "regressions/expectations.hpp"

// Gradients that were wrong behind a loose test, and batches that come in parts.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXf;
using Images = Eigen::Tensor<float, 4, Eigen::RowMajor>;

// BatchNorm behind a convolution: the first 20 gradients wrong for two years, under a tolerance of
// 0.1. Few samples, planes that are not square, gamma and beta that are not 1 and 0.
TEST(Mlpack, Issue2549BatchNormOfImages) {
  expect_gradients({Kind::batch_norm, {2, 3, 5, 4}});
  expect_gradients({Kind::batch_norm, {3, 7, 2, 5}, 3});
}

// dx of LayerNorm was never looked at, for the layer stood first; dlib's had the wrong gradients of
// gamma and beta (pull request 3001); mlpack's GroupNorm never passed (3028).
TEST(Mlpack, Issue1930GradientByTheInput) {
  expect_gradients({Kind::layer_norm, {2, 3, 2, 7}});
  expect_gradients({Kind::rms_norm, {2, 3, 2, 7}});
  expect_gradients({Kind::group_norm, {2, 6, 3, 2}, 1, 3});
  expect_gradients({Kind::group_norm, {2, 3, 2, 6}, 3, 2});
}

// On the CPU the gradient by the input is dy itself, without the statistics and without gamma.
TEST(OpenNn, GradientThroughTheStatistics) {
  const LayerSetup c{Kind::batch_norm, {8, 3, 1, 1}};
  const Logical x = random_normal(c.dims, 1);
  const Answers got = ask(c, x, Logical(c.dims, 1), {{2, -3, 4}, {0, 0, 0}});
  EXPECT_LE(largest(got.dx.values, 0), float_bound);  // y does not move with a shift of x
}

// Gradients are to be added: those of gamma and beta were assigned, or never written. The data and
// the loss, sum(y^2), of the thread; dgamma is 7.999936 each time.
TEST(MxNet, Issue18499GradientsAreAdded) {
  BatchNorm2d<float> norm(3);
  Images x(1, 3, 2, 2);
  for (Index i = 0; i < 12; ++i) x.data()[i] = static_cast<float>(i);
  for (int times = 1; times <= 3; ++times) {
    const Images y = norm.forward(x);
    norm.backward(x, Images(y * 2.0F));
    for (Index c = 0; c < 3; ++c) {
      EXPECT_NEAR(norm.gamma_grad()(c), times * 8 * 1.25 / (1.25 + 1e-5), 1e-5);
      EXPECT_NEAR(norm.beta_grad()(c), 0, 1e-6);
    }
  }
}

// Without gamma, beta's gradient went on growing from iteration to iteration.
TEST(MxNet, Issue16297GradientOfBetaWithoutGamma) {
  BatchNormOptions options;
  options.gamma = false;
  BatchNorm1d<float> norm(3, options);
  const MatrixXf x = MatrixXf::Random(4, 3);
  for (int iteration = 0; iteration < 3; ++iteration) {
    norm.zero_grad();
    norm.forward(x);
    norm.backward(x, MatrixXf::Constant(4, 3, 0.25F));
    EXPECT_TRUE((norm.beta_grad() == 1).all());
  }
  EXPECT_EQ(norm.gamma_grad().size(), 0);
}

// Ranks, here parts, of unequal size: the mean of their means is not the mean. Paddle averaged
// them; PyTorch (22192) took its own size for that of the others.
TEST(Paddle, Issue32464PartsOfUnequalSize) {
  const MatrixXf x = to_eigen<MatrixXf>(random_normal({31, 4}, 1, 1000, 3));
  const MatrixXf dy = to_eigen<MatrixXf>(random_normal({31, 4}, 2));
  BatchNorm1d<float> whole(4), parts(4);
  const Reference want = batch_norm(from_eigen(x), from_eigen(dy), {}, 1e-5L);
  BatchNorm1d<float>::Statistics statistics;
  BatchNorm1d<float>::Gradients gradients;
  const auto for_each_part = [](const auto& f) {
    Index begin = 0;
    for (const Index size : {1, 17, 3, 10}) {
      f(begin, size);
      begin += size;
    }
  };
  for_each_part([&](Index begin, Index size) {
    statistics.merge(parts.batch_statistics(x.middleRows(begin, size)));
  });
  parts.update_running_stats(statistics);
  MatrixXf y(31, 4), dx(31, 4);
  for_each_part([&](Index begin, Index size) {
    const auto part = x.middleRows(begin, size);
    parts.forward_by(statistics, part, y.middleRows(begin, size));
    gradients.merge(parts.gradient_sums(statistics, part, dy.middleRows(begin, size)));
  });
  for_each_part([&](Index begin, Index size) {
    parts.backward_by(statistics, gradients, x.middleRows(begin, size), dy.middleRows(begin, size),
                      dx.middleRows(begin, size));
  });
  expect_close("y", from_eigen(y), want.y, float_bound);
  expect_close("dx", from_eigen(dx), want.dx, float_bound, want.inv_std[0]);
  whole.forward(x);
  EXPECT_TRUE(parts.running_mean().isApprox(whole.running_mean(), 1e-6F));
  EXPECT_TRUE(parts.running_var().isApprox(whole.running_var(), 1e-6F));
}

}  // namespace
}  // namespace eigen_norm::test
