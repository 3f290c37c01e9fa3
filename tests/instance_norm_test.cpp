// SPDX-License-Identifier: MIT
#include "eigen_norm/instance_norm.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/group_norm.hpp"
#include "support/errors.hpp"
#include "support/layout_check.hpp"
#include "support/shapes.hpp"

namespace eigen_norm::test {
namespace {

template <typename Options>
Options with(ChannelAxis channels, const Affine& affine) {
  Options options;
  options.eps = 1e-3;
  options.gamma = !affine.gamma.empty();
  options.beta = !affine.beta.empty();
  options.channels = channels;
  return options;
}

template <typename Scalar, int Rank>
void expect_shape(const Dims& dims, ChannelAxis channels) {
  const bool last = channels == ChannelAxis::last;
  Logical x = random_normal(dims, 7, 0.5L, 2), dy = random_normal(dims, 8);
  if (last) {
    x = permuted(x, order_with_channels_last(Rank));
    dy = permuted(dy, order_with_channels_last(Rank));
  }
  for_each_affine(dims[1], [&](const Affine& affine) {
    InstanceNorm<Scalar, Eigen::Dynamic, Rank - 2> layer(
        dims[1], with<InstanceNormOptions>(channels, affine));
    set_affine(layer, affine);
    const Reference want = group_norm(x, dy, affine, 1e-3L, dims[1], last ? Rank - 1 : 1);
    const Example example{x, dy, want, want.y};
    expect_both_orders<Rank>(layer, example);
  });
}

template <typename Scalar>
void expect_every_shape() {
  for (const NamedShape& shape : channel_shapes()) {
    Index positions = 1;
    for (std::size_t axis = 2; axis < shape.dims.size(); ++axis) positions *= shape.dims[axis];
    if (positions == 1) continue;
    for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
      SCOPED_TRACE(std::string(shape.name) +
                   (channels == ChannelAxis::first ? ", channels first" : ", channels last"));
      with_rank<3, 4, 5>(static_cast<Index>(shape.dims.size()), [&](auto rank) {
        expect_shape<Scalar, rank.value>(shape.dims, channels);
      });
    }
  }
}

TEST(InstanceNorm, FollowsTheDefinitionOnEveryShapeInFloat) { expect_every_shape<float>(); }
TEST(InstanceNorm, FollowsTheDefinitionOnEveryShapeInDouble) { expect_every_shape<double>(); }

// One (C, L) in every kind of matrix, also with gaps: (1, C, L) without its first dimension.
template <int Order>
void expect_matrices(ChannelAxis channels) {
  const bool last = channels == ChannelAxis::last;
  for (const Dims& dims : {Dims{33, 18}, Dims{5, 300}, Dims{2, 2}}) {
    const Index size = dims[last ? 1 : 0];
    const Affine affine{random_gamma(size, 3), random_beta(size, 4)};
    const Logical x = random_normal(dims, 1, 0.5L, 2), dy = random_normal(dims, 2);
    const Dims batch{1, dims[0], dims[1]};
    Reference want =
        group_norm(reshaped(x, batch), reshaped(dy, batch), affine, 1e-3L, size, last ? 2 : 1);
    want.y = reshaped(want.y, dims);
    want.dx = reshaped(want.dx, dims);
    InstanceNorm1d<float> layer(size, with<InstanceNormOptions>(channels, affine));
    set_affine(layer, affine);
    const Example example{x, dy, want, want.y};
    expect_every_matrix<Order>(layer, example);
    expect_mixed_strides<Order>(layer, example);
  }
}

// Blocks of larger matrices, by running statistics: what the packed matrix gives.
TEST(InstanceNorm, KeepsAndUsesRunningStatisticsOfABlock) {
  InstanceNormOptions options;
  options.track_running_stats = true;
  InstanceNorm1d<double> packed(3, options), within(3, options);
  const Eigen::MatrixXd larger = to_eigen<Eigen::MatrixXd>(random_normal({5, 9}, 1, 3));
  const Eigen::MatrixXd x = larger.block(1, 2, 3, 6), dy = larger.block(0, 0, 3, 6);
  for (const bool training : {true, false}) {
    packed.train(training);
    within.train(training);
    const Eigen::MatrixXd y = packed.forward(x), dx = packed.backward(x, dy);
    EXPECT_TRUE(y.isApprox(within.forward(larger.block(1, 2, 3, 6)), 1e-14));
    EXPECT_TRUE(dx.isApprox(within.backward(larger.block(1, 2, 3, 6), dy), 1e-14));
  }
  EXPECT_TRUE(packed.running_var().isApprox(within.running_var(), 1e-14));
}

TEST(InstanceNorm, TakesOneSampleAsARowMajorMatrix) {
  expect_matrices<Eigen::RowMajor>(ChannelAxis::first);
  expect_matrices<Eigen::RowMajor>(ChannelAxis::last);
}
TEST(InstanceNorm, TakesOneSampleAsAColumnMajorMatrix) {
  expect_matrices<Eigen::ColMajor>(ChannelAxis::first);
  expect_matrices<Eigen::ColMajor>(ChannelAxis::last);
}

TEST(InstanceNorm, HasTheDefaultsOfPyTorch) {
  const InstanceNorm2d<float> norm(6);
  EXPECT_EQ(norm.options().eps, 1e-5);
  EXPECT_EQ(norm.options().momentum, 0.1);
  EXPECT_EQ(norm.options().channels, ChannelAxis::first);
  EXPECT_EQ(norm.num_features(), 6);
  EXPECT_TRUE(norm.is_training());
  EXPECT_EQ(norm.gamma().size() + norm.beta().size(), 0);
  EXPECT_EQ(norm.running_mean().size() + norm.running_var().size(), 0);
}

using Tensor4 = Eigen::Tensor<float, 4>;
using Tensor3 = Eigen::Tensor<float, 3>;

InstanceNormOptions tracking() {
  InstanceNormOptions options;
  options.track_running_stats = true;
  return options;
}

TEST(InstanceNorm, KeepsTheMeanOfItsInstancesStatistics) {
  InstanceNormOptions options = tracking();
  options.momentum = 0.3;
  InstanceNorm2d<double> norm(3, options);
  const Logical x = random_normal({4, 3, 5, 2}, 1, 3);
  const Reference want = group_norm(x, x, {}, 1e-5L, 3);
  norm.forward(to_eigen<Eigen::Tensor<double, 4>>(x));
  expect_close("mean", from_parameters(norm.batch_mean()), want.mean, 1e-14L);
  for (Index c = 0; c < 3; ++c) {
    Real mean = 0, var = 0;
    for (Index n = 0; n < 4; ++n) {
      const auto k = static_cast<std::size_t>(n * 3 + c);
      mean += want.mean[k] / 4;
      var += want.unbiased_var[k] / 4;
    }
    EXPECT_NEAR(norm.running_mean()(c), static_cast<double>(0.3L * mean), 1e-14);
    EXPECT_NEAR(norm.running_var()(c), static_cast<double>(0.7L + 0.3L * var), 1e-14);
  }
  EXPECT_EQ(norm.num_batches_tracked(), 1);
}

// Adding one number over and over rounds the same way each time.
TEST(InstanceNorm, RemembersExactlyWhatAllInstancesShare) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    InstanceNormOptions options = tracking();
    options.momentum = 1;
    options.channels = channels;
    InstanceNorm1d<double> norm(2, options);
    Eigen::Tensor<double, 3, Eigen::RowMajor> x(403, 2, 2);
    x.setConstant(0.1);
    for (const bool masked : {false, true}) {
      if (masked) {
        norm.forward(x, Mask::of_lengths(std::vector<Index>(403, 2), 2));
      } else {
        norm.forward(x);
      }
      EXPECT_EQ(from_parameters(norm.running_mean()), Values(2, 0.1));
      EXPECT_EQ(from_parameters(norm.running_var()), Values(2, 0));
    }
  }
}

TEST(InstanceNorm, WithRunningStatisticsIsBatchNormInEval) {
  InstanceNormOptions options = tracking();
  options.gamma = options.beta = true;
  InstanceNorm2d<float> norm(3, options);
  norm.gamma() << 1, -2, 0.5F;
  norm.beta() << 3, 0, -1;
  const Tensor4 x = to_eigen<Tensor4>(random_normal({4, 3, 5, 2}, 1, 3));
  const Tensor4 dy = to_eigen<Tensor4>(random_normal({4, 3, 5, 2}, 2));
  norm.forward(x);
  BatchNorm2d<float> batch(3);
  batch.gamma() = norm.gamma();
  batch.beta() = norm.beta();
  batch.running_mean() = norm.running_mean();
  batch.running_var() = norm.running_var();
  batch.eval();
  EXPECT_EQ(from_eigen(norm.infer(x)).values, from_eigen(batch.infer(x)).values);
  for (const bool frozen : {false, true}) {
    norm.train(frozen);
    if (frozen) norm.freeze();
    norm.zero_grad();
    batch.zero_grad();
    EXPECT_EQ(from_eigen(norm.forward(x)).values, from_eigen(batch.forward(x)).values);
    EXPECT_EQ(from_eigen(norm.backward(x, dy)).values, from_eigen(batch.backward(x, dy)).values);
    EXPECT_EQ(from_parameters(norm.gamma_grad()), from_parameters(batch.gamma_grad()));
    EXPECT_EQ(from_parameters(norm.beta_grad()), from_parameters(batch.beta_grad()));
  }
  EXPECT_EQ(norm.num_batches_tracked(), 1);
}

TEST(InstanceNorm, AnswersTheLastForwardWhateverTheModeSinceThen) {
  InstanceNorm1d<double> norm(3, tracking());
  using Tensor = Eigen::Tensor<double, 3>;
  const Tensor x = to_eigen<Tensor>(random_normal({4, 3, 5}, 1, 3));
  const Tensor dy = to_eigen<Tensor>(random_normal({4, 3, 5}, 2));
  norm.forward(x);
  const Values trained = from_eigen(norm.backward(x, dy)).values;
  norm.eval();
  EXPECT_EQ(from_eigen(norm.backward(x, dy)).values, trained);
  norm.forward(x);
  const Values evaluated = from_eigen(norm.backward(x, dy)).values;
  EXPECT_NE(evaluated, trained);
  norm.train();
  EXPECT_EQ(from_eigen(norm.backward(x, dy)).values, evaluated);
}

TEST(InstanceNorm, GivesTheSameBitsToASampleAloneAndInABatch) {
  using Batch = Eigen::Tensor<float, 4, Eigen::RowMajor>;
  using Sample = Eigen::Tensor<float, 3, Eigen::RowMajor>;
  InstanceNorm2d<float> norm(3);
  const Batch x = to_eigen<Batch>(random_normal({4, 3, 5, 7}, 1, 3));
  const Batch y = norm.infer(x);
  for (Index n = 0; n < 4; ++n) {
    const Sample alone = x.chip(n, 0), in_batch = y.chip(n, 0);
    EXPECT_EQ(from_eigen(norm.infer(alone)).values, from_eigen(in_batch).values);
  }
}

TEST(InstanceNorm, LeavesTheRunningStatisticsAloneWhereAnInstanceIsNotFinite) {
  InstanceNorm1d<float> norm(2, tracking());
  Tensor3 x = to_eigen<Tensor3>(random_normal({3, 2, 5}, 1));
  x(1, 1, 2) = std::numeric_limits<float>::infinity();
  norm.forward(x);
  EXPECT_EQ(from_parameters(norm.running_mean()), Values(2, 0));
  EXPECT_EQ(from_parameters(norm.running_var()), Values(2, 1));
  EXPECT_EQ(norm.num_batches_tracked(), 0);
  EXPECT_EQ(norm.num_batches_skipped(), 1);
}

TEST(InstanceNorm, OfAnEmptyBatchIsEmptyAndChangesNothing) {
  InstanceNorm2d<float> norm(3, tracking());
  for (const auto& x : {Tensor4(0, 3, 4, 4), Tensor4(0, 3, 1, 1), Tensor4(2, 3, 0, 4)}) {
    EXPECT_EQ(norm.forward(x).dimensions(), x.dimensions());
    EXPECT_EQ(norm.backward(x, x).dimensions(), x.dimensions());
    EXPECT_EQ(norm.infer(x).dimensions(), x.dimensions());
  }
  EXPECT_EQ(norm.num_batches_tracked() + norm.num_batches_skipped(), 0);
}

TEST(InstanceNorm, GivesBetaForAConstantInstance) {
  InstanceNormOptions options;
  options.eps = 0;
  options.beta = true;
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    options.channels = channels;
    InstanceNorm1d<float> norm(4, options);
    norm.beta() << -1, 2, -3, 4;
    Tensor3 x(2, 4, 4);
    x.setConstant(10000.1F);
    const Tensor3 y = norm.forward(x);
    for (Index c = 0; c < 4; ++c) {
      EXPECT_EQ(channels == ChannelAxis::first ? y(1, c, 2) : y(1, 2, c), norm.beta()(c));
    }
    EXPECT_EQ(from_eigen(norm.backward(x, y)).values, Values(32, 0));
  }
}

TEST(InstanceNorm, FixedAtCompileTimeAnswersAsTheOtherDoes) {
  InstanceNorm1d<float, 6> fixed(tracking());
  InstanceNorm1d<float> dynamic(6, tracking());
  EXPECT_EQ((InstanceNorm3d<float, 6>().num_features()), 6);
  const Tensor3 x = to_eigen<Tensor3>(random_normal({4, 6, 5}, 1));
  EXPECT_EQ(from_eigen(fixed.forward(x)).values, from_eigen(dynamic.forward(x)).values);
  EXPECT_EQ(dynamic.batch_mean().size(), 24);
  EXPECT_EQ(fixed.batch_mean().size(), 0) << "there is room for 6";
  // The statistics are taken again, of all samples together: another order of summation.
  expect_close("dx", from_eigen(fixed.backward(x, x)), from_eigen(dynamic.backward(x, x)), 1e-6L,
               largest(from_parameters(dynamic.batch_inv_std()), 0));
  EXPECT_EQ(from_parameters(fixed.running_var()), from_parameters(dynamic.running_var()));
}

TEST(InstanceNorm, RefusesWhatItCannotNormalise) {
  InstanceNorm2d<float> norm(4);
  expect_refused(norm, "InstanceNorm2d(4): expected input (N, 4, H, W), got (2, 3, 5, 6)",
                 [&] { norm.forward(Tensor4(2, 3, 5, 6)); });
  expect_refused(norm, "InstanceNorm2d(4): expected input (4, H, W), got (3, 5, 6)",
                 [&] { norm.infer(Tensor3(3, 5, 6)); });
  expect_refused(
      norm,
      "InstanceNorm2d(4): expected more than 1 spatial element when training, got (2, 4, 1, 1)",
      [&] { norm.forward(Tensor4(2, 4, 1, 1)); });
  expect_refused(norm,
                 "InstanceNorm2d(4): expected more than 1 spatial element without running "
                 "statistics, got (4, 1, 1)",
                 [&] { norm.infer(Tensor3(4, 1, 1)); });
  InstanceNorm2d<float> tracked(4, tracking());
  EXPECT_NO_THROW(tracked.infer(Tensor4(Tensor4(2, 4, 1, 1).setZero())));
  InstanceNormOptions last;
  last.channels = ChannelAxis::last;
  InstanceNorm1d<float> sequence(4, last);
  expect_refused(sequence, "InstanceNorm1d(4): expected input (N, L, 4), got (2, 4, 3)",
                 [&] { sequence.forward(Tensor3(2, 4, 3)); });
  expect_refused(sequence, "InstanceNorm1d(4): expected input (L, 4), got (4, 1)",
                 [&] { sequence.forward(Eigen::MatrixXf(4, 1)); });
  expect_error<std::logic_error>(
      "InstanceNorm2d(4): freeze needs running statistics, but track_running_stats is false",
      [&] { norm.freeze(); });
  expect_error<std::invalid_argument>("InstanceNorm3d: expected num_features of at least 1, got 0",
                                      [] { InstanceNorm3d<float>(0); });
}

}  // namespace
}  // namespace eigen_norm::test
