// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/lane_moments.hpp"

#include <gtest/gtest.h>

#include "support/moments_by_definition.hpp"

namespace eigen_norm::kernels {
namespace {

using test::expect_moments;
using test::moments_by_definition;
using test::normal_values;
using test::Values;

TEST(LaneMoments, AreThoseOfEachColumn) {
  for (const Index width : {1, 3, 15, 16, 17, 40}) {
    for (const Index rows : {1, 2, 7, 8, 31, 32, 33, 100, 1100}) {
      const Index stride = width + 3;
      const Values values = normal_values(rows * stride, 1e4, 1);
      const auto lanes = lane_moments(values.data(), Rows{rows, stride}, width);
      for (Index l = 0; l < width; ++l) {
        Values column;
        for (Index row = 0; row < rows; ++row) {
          column.push_back(values[static_cast<std::size_t>(row * stride + l)]);
        }
        expect_moments(lanes.at(l), moments_by_definition(column));
      }
    }
  }
}

TEST(LaneMoments, HoldWhereNarrowRowsAreTakenTogether) {
  constexpr Index width = 3, rows = 1001;
  const Values values = normal_values(rows * width, 1e4, 1);
  const auto lanes = lane_moments(values.data(), Rows{rows, width}, width);
  for (Index l = 0; l < width; ++l) {
    Values column;
    for (Index row = 0; row < rows; ++row) {
      column.push_back(values[static_cast<std::size_t>(row * width + l)]);
    }
    expect_moments(lanes.at(l), moments_by_definition(column));
  }
}

// The sample of rows sees zeros alone, far from the mean of the others.
TEST(LaneMoments, HoldWhereTheSampleMisleads) {
  constexpr Index width = 70, rows = 16 * 64;
  Values values = normal_values(rows * width, 1e3, 1e-2);
  for (Index row = 0; row < rows; row += 64) {
    for (Index l = 0; l < width; ++l) values[static_cast<std::size_t>(row * width + l)] = 900;
  }
  const auto lanes = lane_moments(values.data(), Rows{rows, width}, width);
  Values column;
  for (Index row = 0; row < rows; ++row) {
    column.push_back(values[static_cast<std::size_t>(row * width)]);
  }
  expect_moments(lanes.at(0), moments_by_definition(column));
}

TEST(LaneMoments, AreDoneAgainInDoubleWhereOneLaneOverflows) {
  constexpr Index width = 20, rows = 40;
  Values values = normal_values(rows * width, 0, 1);
  for (Index row = 0; row < rows; ++row) {
    values[static_cast<std::size_t>(row * width + 5)] *= 1e30f;
  }
  const auto lanes = lane_moments(values.data(), Rows{rows, width}, width);
  EXPECT_GT(lanes.at(5).m2, 1e60);
  EXPECT_LT(lanes.at(4).m2, 1e3);
  EXPECT_TRUE(std::isfinite(lanes.at(5).m2));
}

}  // namespace
}  // namespace eigen_norm::kernels
