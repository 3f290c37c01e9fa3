// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/lane_sums.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace eigen_norm::kernels {
namespace {

std::vector<double> counted(Index size) {
  std::vector<double> values(static_cast<std::size_t>(size));
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}

// Lane l of `rows` rows of 0, 1, 2, ...
double column_sum(Index rows, Index width, Index l) {
  return static_cast<double>(width * rows * (rows - 1) / 2 + rows * l);
}

TEST(AddRows, AddsEveryRowOnceForEveryWidthAndCount) {
  for (const Index width : {1, 7, 16, 33}) {
    for (const Index rows : {1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 40}) {
      const std::vector<double> x = counted(width * rows);
      std::vector<double> sums(static_cast<std::size_t>(width + 1), 0.0);
      add_rows<double>(
          0, rows, width, std::array<double*, 1>{sums.data()},
          [&](Index row) { return x.data() + row * width; },
          [](auto lanes, const double* row, Index l) {
            return terms(load<double, lanes.value>(row + l));
          });
      for (Index l = 0; l < width; ++l) {
        ASSERT_EQ(sums[static_cast<std::size_t>(l)], column_sum(rows, width, l));
      }
      ASSERT_EQ(sums.back(), 0);
    }
  }
}

TEST(LaneSums, TakeEveryRowOfAFoldOnce) {
  for (const Index width : {1, 3, 17, 64, 100, 128, 200}) {
    for (const Index rows : {1, 2, 5, 100, 5000}) {
      const std::vector<double> x = counted(width * rows);
      LaneSums<double, 1> sums;
      lane_sums<double>(
          RowFold(rows, width, true), sums, [&](Index row) { return x.data() + row * width; },
          [](auto lanes, const double* row, Index l) {
            return terms(load<double, lanes.value>(row + l));
          });
      for (Index l = 0; l < width; ++l) ASSERT_EQ(sums[0][l], column_sum(rows, width, l));
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
