// SPDX-License-Identifier: MIT
#include "eigen_norm/group_norm.hpp"

#include <gtest/gtest.h>

#include "support/layer_check.hpp"
#include "support/shapes.hpp"

namespace eigen_norm::test {
namespace {

// One, all and every other number of groups that divides the channels, up to three.
std::vector<Index> groups_of(Index channels) {
  std::vector<Index> groups{1};
  for (Index g = 2; g < channels && groups.size() < 2; ++g) {
    if (channels % g == 0) groups.push_back(g);
  }
  if (channels > 1) groups.push_back(channels);
  return groups;
}

template <typename Scalar, int Rank>
void expect_shape(const Dims& dims, Index groups, ChannelAxis channels) {
  const bool last = channels == ChannelAxis::last;
  Logical x = random_normal(dims, 7, 0.5L, 2), dy = random_normal(dims, 8);
  if (last) {
    x = permuted(x, order_with_channels_last(Rank));
    dy = permuted(dy, order_with_channels_last(Rank));
  }
  for_each_affine(dims[1], [&](const Affine& affine) {
    GroupNormOptions options;
    options.eps = 1e-3;
    options.gamma = !affine.gamma.empty();
    options.beta = !affine.beta.empty();
    options.channels = channels;
    GroupNorm<Scalar> layer(groups, dims[1], options);
    set_affine(layer, affine);
    const Reference want =
        group_norm(x, dy, affine, Real(options.eps), groups, last ? Rank - 1 : 1);
    const Example example{x, dy, want, want.y};
    expect_both_orders<Rank>(layer, example);
  });
}

template <typename Scalar>
void expect_every_shape() {
  std::vector<NamedShape> shapes = channel_shapes();
  shapes.push_back({"groups wider than a tile", {2, 3084, 3}});
  shapes.push_back({"groups that do not fill a tile", {2, 1500, 2}});
  shapes.push_back({"rows of groups longer than a chunk", {2, 4200}});
  for (const NamedShape& shape : shapes) {
    for (const Index groups : groups_of(shape.dims[1])) {
      for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
        SCOPED_TRACE(std::string(shape.name) + ", groups " + std::to_string(groups) +
                     (channels == ChannelAxis::first ? ", channels first" : ", channels last"));
        with_rank<2, 3, 4, 5>(static_cast<Index>(shape.dims.size()), [&](auto rank) {
          expect_shape<Scalar, rank.value>(shape.dims, groups, channels);
        });
      }
    }
  }
}

TEST(GroupNorm, FollowsTheDefinitionOnEveryShapeInFloat) { expect_every_shape<float>(); }
TEST(GroupNorm, FollowsTheDefinitionOnEveryShapeInDouble) { expect_every_shape<double>(); }

TEST(GroupNorm, HasTheDefaultsOfPyTorch) {
  const GroupNorm<float> norm(2, 6);
  EXPECT_EQ(norm.options().eps, 1e-5);
  EXPECT_EQ(norm.options().channels, ChannelAxis::first);
  EXPECT_TRUE(norm.is_training());
  EXPECT_EQ(norm.num_groups(), 2);
  EXPECT_EQ(norm.num_channels(), 6);
  EXPECT_EQ(from_parameters(norm.gamma()), Values(6, 1));
  EXPECT_EQ(from_parameters(norm.beta()), Values(6, 0));
  EXPECT_EQ(from_parameters(norm.gamma_grad()), Values(6, 0));
  EXPECT_EQ(from_parameters(norm.beta_grad()), Values(6, 0));
}

TEST(GroupNorm, IsTheSameInTrainingInEvalAndInInfer) {
  GroupNorm<float> norm(2, 6);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 6}, 1));
  const Eigen::MatrixXf y = norm.forward(x);
  norm.eval();
  EXPECT_FALSE(norm.is_training());
  EXPECT_EQ(norm.forward(x), y);
  EXPECT_EQ(norm.infer(x), y);
  norm.train(true);
  EXPECT_TRUE(norm.is_training());
}

TEST(GroupNorm, RemembersMeanAndInverseDeviationSampleBySample) {
  GroupNorm<float> norm(3, 6);
  const Logical x = random_normal({4, 6, 5}, 1, 3);
  const Reference want = group_norm(x, x, {}, 1e-5L, 3);
  norm.forward(to_eigen<Eigen::Tensor<float, 3>>(x));
  expect_close("mean", from_parameters(norm.batch_mean()), want.mean, 1e-6L);
  expect_close("inv_std", from_parameters(norm.batch_inv_std()), want.inv_std, 1e-6L);
}

TEST(GroupNorm, IsIndependentOfTheOtherSamples) {
  GroupNorm<float> norm(2, 6);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 6}, 1));
  const Eigen::MatrixXf alone = x.row(2);
  EXPECT_TRUE(norm.infer(alone).isApprox(norm.infer(x).row(2), 1e-6F));
}

TEST(GroupNorm, GivesBetaForAConstantGroup) {
  GroupNormOptions options;
  options.eps = 0;
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    options.channels = channels;
    GroupNorm<float> norm(2, 4, options);
    norm.beta() << -1, 2, -3, 4;
    Eigen::Tensor<float, 3> x(2, 4, 4);
    x.setConstant(10000.1F);
    const Eigen::Tensor<float, 3> y = norm.forward(x);
    for (Index c = 0; c < 4; ++c) {
      EXPECT_EQ(channels == ChannelAxis::first ? y(1, c, 2) : y(1, 2, c), norm.beta()(c));
    }
    EXPECT_EQ(from_eigen(norm.backward(x, y)).values, Values(32, 0));
  }
}

TEST(GroupNorm, FixedAtCompileTimeAnswersAsTheOtherDoes) {
  GroupNorm<float, 6> fixed(2);
  GroupNorm<float> dynamic(2, 6);
  EXPECT_EQ((GroupNorm<float, 6>().num_groups()), 1);
  EXPECT_EQ((GroupNorm<float, 6>(3, 6).num_groups()), 3);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 6}, 1));
  EXPECT_EQ(fixed.forward(x), dynamic.forward(x));
  EXPECT_EQ(fixed.backward(x, x.reverse()), dynamic.backward(x, x.reverse()));
  EXPECT_EQ(from_parameters(fixed.gamma_grad()), from_parameters(dynamic.gamma_grad()));
}

}  // namespace
}  // namespace eigen_norm::test
