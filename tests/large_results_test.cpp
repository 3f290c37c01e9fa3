// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/places.hpp"

// A result that no cache keeps is written past it, from wherever it begins; it is that of the same
// rows in small batches.
namespace eigen_norm::test {
namespace {

constexpr Index rows = 8500, features = 1001;
static_assert(rows * features > kernels::Writer<float>::largest_kept / Index{sizeof(float)});

template <typename A, typename B>
float worst_difference(const A& a, const B& b) {
  return (a - b).cwiseAbs().maxCoeff();
}

// Each row is normalised for itself: by its own statistics, or by running ones.
template <typename X, typename Layer>
void expect_results_of_small_batches(Layer layer, float tolerance = 0) {
  layer.gamma() = Eigen::ArrayXf::LinSpaced(features, -2, 2);
  layer.beta() = Eigen::ArrayXf::LinSpaced(features, 1, 3);
  const X x = X::Random(rows, features), dy = x.colwise().reverse();
  std::vector<float> memory(static_cast<std::size_t>(2 * x.size() + 1));
  Eigen::Map<X> y(memory.data() + 1, rows, features);
  Eigen::Map<X> dx(y.data() + y.size(), rows, features);
  Layer in_parts = layer;
  layer.forward(x, y);
  layer.backward(x, dy, dx);

  constexpr Index part = 850;
  for (Index first = 0; first < rows; first += part) {
    const X some = x.middleRows(first, part), some_dy = dy.middleRows(first, part);
    EXPECT_LE(worst_difference(y.middleRows(first, part), in_parts.forward(some)), tolerance);
    EXPECT_LE(worst_difference(dx.middleRows(first, part), in_parts.backward(some, some_dy)),
              tolerance);
  }
}

// Down columns, many rows are summed in other blocks than few.
TEST(LargeResults, OfLayerNormAreThoseOfSmallOnes) {
  expect_results_of_small_batches<RowMatrix<float>>(LayerNorm<float>(features));
  expect_results_of_small_batches<ColMatrix<float>>(LayerNorm<float>(features), 5e-6F);
}

TEST(LargeResults, OfBatchNormAreThoseOfSmallOnes) {
  BatchNorm1d<float> layer(features);
  layer.running_mean() = Eigen::ArrayXf::LinSpaced(features, -1, 1);
  layer.running_var() = Eigen::ArrayXf::LinSpaced(features, 0.5F, 4);
  layer.eval();
  expect_results_of_small_batches<RowMatrix<float>>(layer);
  expect_results_of_small_batches<ColMatrix<float>>(layer);
}

}  // namespace
}  // namespace eigen_norm::test
