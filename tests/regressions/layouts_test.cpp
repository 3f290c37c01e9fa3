// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>

#include "regressions/expectations.hpp"
#include "support/errors.hpp"

// Layouts, groups, and where gamma and beta stand.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;
template <int Order>
using Images = Eigen::Tensor<float, 4, Order>;

// Channels last: gradients, that of gamma among them, that were not those of channels first.
TEST(PyTorch, Issue175189GradientsOfChannelsLast) {
  for (const Kind kind : {Kind::batch_norm, Kind::group_norm, Kind::instance_norm}) {
    expect_gradients({kind, {3, 5, 4, 6}, 3, 2});
  }
}

// Statistics of 65 channels, which is no power of two, last: right over planes of 10x10, and wrong
// over planes of 100x100.
TEST(Apex, Issue1768ChannelsThatAreNoPowerOfTwo) {
  for (const Index side : {10, 100}) {
    const LayerSetup c{Kind::batch_norm, {1, side, side, 65}, 3};
    expect_accurate(c, random_uniform(c.dims, 1, 0, 1));
  }
}

// LayerNorm of 2^16 rows and more: off by 14. The last rows are several blocks beyond what a number
// of 16 bits can count.
TEST(Apex, Issue411MoreRowsThanSixteenBitsCount) {
  const RowMatrix<float> x = RowMatrix<float>::Random(70000, 3);
  const RowMatrix<float> dy = RowMatrix<float>::Random(70000, 3);
  LayerNorm<float> norm(3), alone(3);
  const RowMatrix<float> y = norm.forward(x), dx = norm.backward(x, dy);
  for (const Index row : {0, 65535, 65536, 69999}) {
    EXPECT_EQ(y.row(row), alone.infer(x.row(row))) << row;
    alone.forward(x.row(row));
    EXPECT_EQ(dx.row(row), alone.backward(x.row(row), dy.row(row))) << row;
  }
  expect_gradients(rows(70000, 3));
}

// A row is normalised to the same bits whatever rows there are beside it: there the size of a
// block, and with it the order of the sums, was another from 256 rows on.
TEST(Vllm, PullRequest48391RowsThatDependOnTheirNeighbours) {
  for (const Index features : {1, 5, 64, 300}) {
    const RowMatrix<float> x = RowMatrix<float>::Random(300, features);
    const LayerNorm<float> norm(features);
    const RMSNorm<float> rms(features);
    const RowMatrix<float> y = norm.infer(x), z = rms.infer(x);
    for (const Index count : {1, 3, 255}) {
      EXPECT_EQ(norm.infer(x.topRows(count)), y.topRows(count)) << features;
      EXPECT_EQ(rms.infer(x.topRows(count)), z.topRows(count)) << features;
    }
  }
}

// dy in another memory format than x: refused there, read as x's once.
TEST(PyTorch, Issue115940GradientInAnotherLayout) {
  GroupNorm<float> norm(2, 6);
  const Logical x = random_normal({2, 6, 3, 4}, 1), dy = random_normal(x.dims, 2);
  const auto input = to_eigen<Images<Eigen::RowMajor>>(x);
  norm.forward(input);
  EXPECT_EQ(from_eigen(norm.backward(input, to_eigen<Images<Eigen::ColMajor>>(dy))).values,
            from_eigen(norm.backward(input, to_eigen<Images<Eigen::RowMajor>>(dy))).values);
}

// GroupNorm and InstanceNorm that answer in another layout than they were asked in.
TEST(PyTorch, Issue111824LayoutOfTheResult) {
  InstanceNorm2d<float> norm(4);
  const Images<Eigen::ColMajor> x = Images<Eigen::ColMajor>(2, 4, 3, 3).setRandom();
  static_assert(std::is_same_v<decltype(norm.forward(x)), Images<Eigen::ColMajor>>);
  EXPECT_EQ(dims_of(norm.forward(x)), dims_of(x));
}

// A group is of neighbouring channels; MLX takes every G-th unless told to follow PyTorch.
TEST(Mlx, GroupNormOfNeighbouringChannels) {
  GroupNormOptions options;
  options.eps = 0;
  const GroupNorm<double> norm(2, 4, options);
  MatrixXd x(1, 4), want(1, 4);
  x << 1, 3, 10, 30;
  want << -1, 1, -1, 1;
  EXPECT_EQ(norm.infer(x), want);
}

// (num_groups, num_channels), as in PyTorch; timm has them the other way round.
TEST(Timm, GroupNormWithItsArgumentsSwapped) {
  EXPECT_NO_THROW(GroupNorm<float>(4, 32));
  EXPECT_THROW(GroupNorm<float>(32, 4), std::invalid_argument);
}

// gamma and beta of GroupNorm are by channel: the first specification of ONNX had them by group.
TEST(Onnx, Issue5466ScaleByChannel) {
  GroupNormOptions options;
  options.eps = 0;
  GroupNorm<double> norm(1, 2, options);
  norm.gamma() << 2, 3;
  norm.beta() << 10, 20;
  EXPECT_EQ(norm.infer(Eigen::RowVector2d(-1, 1)), Eigen::RowVector2d(8, 23));
}

// LayerNorm's gamma and beta had one element for each sample, and another batch did not fit.
TEST(Dlib, Issue2486LayerNormForEveryNumberOfSamples) {
  LayerNorm<float> norm(3);
  norm.gamma() << 1, 2, 3;
  EXPECT_EQ(norm.gamma().size(), 3);
  for (const Index samples : {1, 2, 7}) {
    EXPECT_EQ(norm.forward(MatrixXf::Random(samples, 3)).rows(), samples);
  }
}

// LayerNorm whose gamma and beta ran along the axes that it does not normalise.
TEST(Flashlight, PullRequest163GammaAlongTheFeatures) {
  LayerNormOptions options;
  options.eps = 0;
  LayerNorm<double> norm(2, options);
  norm.gamma() << 2, 3;
  norm.beta() << 10, 20;
  MatrixXd x(2, 2), want(2, 2);
  x << -1, 1, 7, 5;
  want << 8, 23, 12, 17;
  EXPECT_EQ(norm.infer(x), want);
}

// eps stands under the root: 1 / sqrt(1 + 3), where DyNet has 1 / (1 + 3).
TEST(DyNet, EpsUnderTheRoot) {
  LayerNormOptions options;
  options.eps = 3;
  EXPECT_EQ(LayerNorm<double>(2, options).infer(Eigen::RowVector2d(-1, 1)),
            Eigen::RowVector2d(-0.5, 0.5));
}

// A layer without gamma, beta or running statistics took any number of channels.
TEST(PyTorch, Release113AnyNumberOfChannels) {
  BatchNormOptions options;
  options.gamma = options.beta = options.track_running_stats = false;
  BatchNorm1d<float> norm(4, options);
  expect_refused(norm, "BatchNorm1d(4): expected input (N, 4), got (2, 3)",
                 [&] { norm.forward(MatrixXf(MatrixXf::Random(2, 3))); });
}

// Weights of another size are copied past the end of the layer's.
TEST(RtNeural, WeightsOfAnotherSize) {
  BatchNorm1d<float> norm(4);
  norm.gamma() = Eigen::ArrayXf::Ones(6);
  expect_refused(
      norm,
      "BatchNorm1d(4): expected gamma, beta and their gradients of 4 values each, got one "
      "of another size",
      [&] { norm.infer(MatrixXf(MatrixXf::Random(2, 4))); });
}

// Folding a BatchNorm without gamma and beta into a linear layer fails there.
TEST(PyTorch, Release113FoldingWithoutGammaAndBeta) {
  BatchNormOptions options;
  options.gamma = options.beta = false;
  options.eps = 0;
  BatchNorm1d<double> norm(1, options);
  norm.running_mean() << 6;
  norm.running_var() << 4;
  EXPECT_EQ(norm.inference_affine().scale(0), 0.5);
  EXPECT_EQ(norm.inference_affine().shift(0), -3);
}

}  // namespace
}  // namespace eigen_norm::test
