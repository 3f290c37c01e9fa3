// SPDX-License-Identifier: MIT
#include "eigen_norm/fold/folded.hpp"

#include <gtest/gtest.h>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/group_norm.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "support/logical.hpp"

namespace eigen_norm::test {
namespace {

static_assert(fold::is_tracking<BatchNorm2d<float>> && !fold::is_trailing<BatchNorm2d<float>>);
static_assert(fold::is_trailing<LayerNorm<float>> && !fold::is_tracking<LayerNorm<float>>);
static_assert(!fold::is_tracking<GroupNorm<float>> && !fold::is_trailing<GroupNorm<float>>);

static_assert(
    std::is_same_v<fold::Wide<BatchNorm1d<Eigen::half>, Eigen::MatrixXf, Eigen::ArrayXf>, double>);
static_assert(std::is_same_v<
              fold::Wide<BatchNorm1d<float>, Eigen::MatrixXd, Eigen::Matrix<long double, 3, 1>>,
              long double>);

// Writes to each element its place along the axis and its place along the others.
template <typename Weight>
void expect_visited(const Dims& dims, int axis) {
  Weight weight = to_eigen<Weight>(Logical(dims, -1));
  fold::for_each_along(weight, axis, [](double& element, Index along, Index rest) {
    element = static_cast<double>(100 * along + rest);
  });
  const Logical got = from_eigen(weight);
  const auto at = static_cast<std::size_t>(axis);
  std::vector<int> seen(static_cast<std::size_t>(100 * dims[at]));
  for_each_index(dims, [&](const Dims& indices) {
    const auto value = static_cast<Index>(got.at(indices));
    EXPECT_EQ(value / 100, indices[at]);
    EXPECT_LT(value % 100, count(dims) / dims[at]);
    EXPECT_EQ(seen[static_cast<std::size_t>(value)]++, 0);
    if (dims.size() == 2) {
      EXPECT_EQ(value % 100, indices[1 - at]);
    }
  });
}

TEST(ForEachAlong, KnowsThePlaceOfEveryElement) {
  for (const int axis : {0, 1}) {
    expect_visited<Eigen::MatrixXd>({3, 4}, axis);
    expect_visited<Eigen::Tensor<double, 2, Eigen::RowMajor>>({3, 4}, axis);
  }
  for (const int axis : {0, 1, 2, 3}) {
    expect_visited<Eigen::Tensor<double, 4>>({2, 3, 4, 5}, axis);
    expect_visited<Eigen::Tensor<double, 4, Eigen::RowMajor>>({2, 3, 4, 5}, axis);
  }
}

TEST(CheckedAxis, CountsFromTheFront) {
  EXPECT_EQ(fold::checked_axis("norm", "output", 3, 4), 3);
  EXPECT_EQ(fold::checked_axis("norm", "output", -1, 4), 3);
  EXPECT_EQ(fold::checked_axis("norm", "output", -4, 4), 0);
}

}  // namespace
}  // namespace eigen_norm::test
