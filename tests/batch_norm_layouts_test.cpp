// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/batch_norm.hpp"
#include "support/layout_check.hpp"

// Every kind of Eigen object that can hold x, y, dy and dx, in training and in eval.
namespace eigen_norm::test {
namespace {

template <typename Layer, typename Check>
void in_both_modes(const Dims& dims, ChannelAxis channels, Check check) {
  SCOPED_TRACE(testing::PrintToString(dims));
  const std::size_t axis = channels == ChannelAxis::first ? 1 : dims.size() - 1;
  const Affine affine{random_gamma(dims[axis], 3), random_beta(dims[axis], 4)};
  const Logical x = random_normal(dims, 1, 0.5L, 2), dy = random_normal(dims, 2);
  const Values zeros(static_cast<std::size_t>(dims[axis]), 0), ones(zeros.size(), 1);
  const auto at = static_cast<Index>(axis);
  const Reference given = batch_norm_eval(x, dy, affine, 1e-5L, zeros, ones, at);
  const Reference own = batch_norm(x, dy, affine, 1e-5L, at);

  BatchNormOptions options;
  options.channels = channels;
  Layer layer(dims[axis], options);
  set_affine(layer, affine);
  if (count(dims) > dims[axis]) check(layer, Example{x, dy, own, given.y});
  layer.eval();
  check(layer, Example{x, dy, given, given.y});
}

template <typename Layer, int Rank, int Order>
void expect_tensors(const Dims& dims) {
  for (const ChannelAxis channels : {ChannelAxis::first, ChannelAxis::last}) {
    in_both_modes<Layer>(dims, channels, [](const Layer& layer, const Example& example) {
      expect_every_tensor<Rank, Order>(layer, example);
    });
  }
}

TEST(BatchNorm1d, TakesTensorsAndMapsOfBothStorageOrders) {
  expect_tensors<BatchNorm1d<float>, 2, Eigen::RowMajor>({11, 17});
  expect_tensors<BatchNorm1d<float>, 2, Eigen::ColMajor>({11, 17});
  expect_tensors<BatchNorm1d<float>, 3, Eigen::RowMajor>({5, 7, 9});
  expect_tensors<BatchNorm1d<float>, 3, Eigen::ColMajor>({5, 7, 9});
}

TEST(BatchNorm2d, TakesTensorsAndMapsOfBothStorageOrders) {
  expect_tensors<BatchNorm2d<float>, 4, Eigen::RowMajor>({4, 6, 5, 3});
  expect_tensors<BatchNorm2d<float>, 4, Eigen::ColMajor>({4, 6, 5, 3});
}

template <int Order>
void expect_matrices() {
  for (const Dims& dims : {Dims{33, 17}, Dims{5, 1}, Dims{70, 2}, Dims{3, 259}, Dims{1, 9}}) {
    in_both_modes<BatchNorm1d<float>>(dims, ChannelAxis::first,
                                      [](const auto& layer, const Example& example) {
                                        expect_every_matrix<Order>(layer, example);
                                      });
  }
}

TEST(BatchNorm1d, TakesEveryRowMajorMatrix) { expect_matrices<Eigen::RowMajor>(); }
TEST(BatchNorm1d, TakesEveryColumnMajorMatrix) { expect_matrices<Eigen::ColMajor>(); }

template <int Order>
void expect_strides() {
  for (const Dims& dims :
       {Dims{9, 5}, Dims{70, 33}, Dims{5, 1}, Dims{2, 1}, Dims{1, 7}, Dims{1, 1}}) {
    in_both_modes<BatchNorm1d<float>>(dims, ChannelAxis::last,
                                      [](const auto& layer, const Example& example) {
                                        expect_mixed_strides<Order>(layer, example);
                                      });
  }
}

TEST(BatchNorm1d, LetsEveryRowMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::RowMajor>();
}
TEST(BatchNorm1d, LetsEveryColumnMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::ColMajor>();
}

}  // namespace
}  // namespace eigen_norm::test
