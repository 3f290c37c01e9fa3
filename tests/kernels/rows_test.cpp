// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/rows.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace eigen_norm::kernels {
namespace {

TEST(Rows, OfTwoLevelsRunThroughTheInnerOneFirst) {
  const Rows rows{6, 100, 3, 7};
  EXPECT_EQ(rows.offset(0), 0);
  EXPECT_EQ(rows.offset(2), 14);
  EXPECT_EQ(rows.offset(3), 100);
  EXPECT_EQ(rows.offset(5), 114);
}

TEST(AddRows, AddsEveryRowOnceForEveryWidthAndCount) {
  for (const Index width : {1, 7, 16, 33}) {
    for (const Index rows : {1, 7, 8, 9, 23}) {
      std::vector<double> x(static_cast<std::size_t>(width * rows));
      std::iota(x.begin(), x.end(), 0.0);
      std::array<Tile<double>, 1> sums{};
      add_rows<double>(
          0, rows, width, sums, [&](Index row) { return x.data() + row * width; },
          [](auto lanes, const double* row, Index l) {
            return terms(load<double, lanes.value>(row + l));
          });
      for (Index l = 0; l < tile_size; ++l) {
        const Index sum = l < width ? width * rows * (rows - 1) / 2 + rows * l : 0;
        ASSERT_EQ(sums[0][static_cast<std::size_t>(l)], static_cast<double>(sum));
      }
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
