// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/group_norm.hpp"
#include "support/layout_check.hpp"

// Every kind of Eigen object that can hold x, y, dy and dx.
namespace eigen_norm::test {
namespace {

template <typename Check>
void ask(const Dims& dims, Index groups, ChannelAxis channels, Check check) {
  SCOPED_TRACE(testing::PrintToString(dims) + " in " + std::to_string(groups) + " groups");
  const std::size_t axis = channels == ChannelAxis::first ? 1 : dims.size() - 1;
  const Affine affine{random_gamma(dims[axis], 3), random_beta(dims[axis], 4)};
  const Logical x = random_normal(dims, 1, 0.5L, 2), dy = random_normal(dims, 2);
  const Reference want = group_norm(x, dy, affine, 1e-5L, groups, static_cast<Index>(axis));
  GroupNormOptions options;
  options.channels = channels;
  GroupNorm<float> layer(groups, dims[axis], options);
  set_affine(layer, affine);
  check(layer, Example{x, dy, want, want.y});
}

template <int Rank, int Order>
void expect_tensors(const Dims& dims) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    for (const Index groups : {1, 3, 6}) {
      ask(dims, groups, channels, [](const auto& layer, const Example& example) {
        expect_every_tensor<Rank, Order>(layer, example);
      });
    }
  }
}

TEST(GroupNorm, TakesTensorsAndMapsOfBothStorageOrders) {
  expect_tensors<3, Eigen::RowMajor>({5, 6, 12});
  expect_tensors<3, Eigen::ColMajor>({5, 6, 12});
  expect_tensors<4, Eigen::RowMajor>({2, 6, 5, 6});
  expect_tensors<4, Eigen::ColMajor>({2, 6, 5, 6});
}

template <int Order>
void expect_matrices() {
  const auto check = [](const auto& layer, const Example& example) {
    expect_every_matrix<Order>(layer, example);
  };
  ask({33, 18}, 3, ChannelAxis::first, check);
  ask({33, 18}, 18, ChannelAxis::first, check);
  ask({259, 4}, 2, ChannelAxis::first, check);
  ask({2, 780}, 3, ChannelAxis::first, check);
  ask({1, 12}, 4, ChannelAxis::first, check);
  ask({5, 1}, 1, ChannelAxis::first, check);
}

TEST(GroupNorm, TakesEveryRowMajorMatrix) { expect_matrices<Eigen::RowMajor>(); }
TEST(GroupNorm, TakesEveryColumnMajorMatrix) { expect_matrices<Eigen::ColMajor>(); }

template <int Order>
void expect_strides() {
  const auto check = [](const auto& layer, const Example& example) {
    expect_mixed_strides<Order>(layer, example);
  };
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    ask({9, 6}, 2, channels, check);
    ask({33, 70}, 7, channels, check);
    ask({5, 4}, 4, channels, check);
    ask({1, 6}, 1, channels, check);
    ask({1, 6}, 3, channels, check);
    ask({1, 6}, 6, channels, check);
    ask({1, 1}, 1, channels, check);
  }
}

TEST(GroupNorm, LetsEveryRowMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::RowMajor>();
}
TEST(GroupNorm, LetsEveryColumnMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::ColMajor>();
}

}  // namespace
}  // namespace eigen_norm::test
