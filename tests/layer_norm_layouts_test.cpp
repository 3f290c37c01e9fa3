// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/layer_norm.hpp"
#include "support/layout_check.hpp"

// Every kind of Eigen object that can hold x, y, dy and dx.
namespace eigen_norm::test {
namespace {

template <typename Check>
void ask(const Dims& dims, Index normalized_rank, Check check) {
  SCOPED_TRACE(testing::PrintToString(dims) + " normalized over the last " +
               std::to_string(normalized_rank));
  const Dims normalized(dims.end() - normalized_rank, dims.end());
  const Affine affine{random_gamma(count(normalized), 3), random_beta(count(normalized), 4)};
  const Logical x = random_normal(dims, 1, 0.5L, 2), dy = random_normal(dims, 2);
  const Reference want = layer_norm(x, dy, affine, 1e-5L, normalized_rank);
  LayerNorm<float> layer(normalized);
  set_affine(layer, affine);
  check(layer, Example{x, dy, want, want.y});
}

template <int Rank, int Order>
void expect_tensors(const Dims& dims) {
  for (Index normalized_rank = 1; normalized_rank <= Rank; ++normalized_rank) {
    ask(dims, normalized_rank, [](const auto& layer, const Example& example) {
      expect_every_tensor<Rank, Order>(layer, example);
    });
  }
}

TEST(LayerNorm, TakesTensorsAndMapsOfBothStorageOrders) {
  expect_tensors<1, Eigen::RowMajor>({19});
  expect_tensors<1, Eigen::ColMajor>({19});
  expect_tensors<3, Eigen::RowMajor>({5, 7, 9});
  expect_tensors<3, Eigen::ColMajor>({5, 7, 9});
  expect_tensors<4, Eigen::ColMajor>({2, 3, 4, 5});
}

// Over both dimensions of a matrix with gaps as well as over the last.
template <int Order>
void expect_matrices() {
  for (const Dims& dims : {Dims{33, 17}, Dims{5, 1}, Dims{259, 3}, Dims{2, 263}, Dims{1, 9}}) {
    for (const Index normalized_rank : {1, 2}) {
      ask(dims, normalized_rank, [](const auto& layer, const Example& example) {
        expect_every_matrix<Order>(layer, example);
      });
    }
  }
}

TEST(LayerNorm, TakesEveryRowMajorMatrix) { expect_matrices<Eigen::RowMajor>(); }
TEST(LayerNorm, TakesEveryColumnMajorMatrix) { expect_matrices<Eigen::ColMajor>(); }

template <int Order>
void expect_strides() {
  for (const Dims& dims :
       {Dims{9, 5}, Dims{33, 70}, Dims{5, 1}, Dims{1, 2}, Dims{1, 7}, Dims{1, 1}}) {
    for (const Index normalized_rank : {1, 2}) {
      ask(dims, normalized_rank, [](const auto& layer, const Example& example) {
        expect_mixed_strides<Order>(layer, example);
      });
    }
  }
}

TEST(LayerNorm, LetsEveryRowMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::RowMajor>();
}
TEST(LayerNorm, LetsEveryColumnMajorMatrixOfACallHaveItsOwnStride) {
  expect_strides<Eigen::ColMajor>();
}

}  // namespace
}  // namespace eigen_norm::test
