// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/lane_gradient_sums.hpp"

#include <gtest/gtest.h>

#include "support/gradient_sums_by_definition.hpp"

namespace eigen_norm::kernels {
namespace {

using test::expect_sums;
using test::random_floats;
using test::statistic;
using test::Values;

TEST(LaneGradientSums, AreThoseOfEachColumn) {
  constexpr Index width = 21, rows = 1100;
  const Values x = random_floats(width * rows, 1, 1e4), dy = random_floats(width * rows, 2);
  StandardiseTile<float, sum_tile_size> tile;
  for (Index lane = 0; lane < width; ++lane) tile.set(lane, Standardise<float>(statistic));
  const auto sums =
      lane_gradient_sums(x.data(), Rows{rows, width}, dy.data(), Rows{rows, width}, width, tile);
  for (std::size_t l = 0; l < width; ++l) {
    Values x_column, dy_column;
    for (std::size_t row = 0; row < rows; ++row) {
      x_column.push_back(x[row * width + l]);
      dy_column.push_back(dy[row * width + l]);
    }
    expect_sums(sums.at(static_cast<Index>(l)), x_column, dy_column);
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
