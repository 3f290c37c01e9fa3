// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/row_deviations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace eigen_norm::kernels {
namespace {

/// Mean and variance of each of three rows, by the header, and by definition in double.
template <typename Scalar>
void expect_moments(const std::vector<Scalar>& data, Index stride, Index length, double tolerance) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  constexpr Index rows = 3;
  P centre[rows];
  S sum[rows], squares[rows];
  short_row_deviations(data.data(), stride, rows, length, true, centre, sum, squares);
  for (Index j = 0; j < rows; ++j) {
    const Scalar* row = data.data() + j * stride;
    double mean = 0, variance = 0;
    for (Index i = 0; i < length; ++i) mean += double(row[i]) / double(length);
    for (Index i = 0; i < length; ++i) {
      const double d = double(row[i]) - mean;
      variance += d * d / double(length);
    }
    const Moments<S> moments = Deviations<S>{sum[j], squares[j]}.moments(length, centre[j]);
    const double sigma = std::sqrt(variance);
    EXPECT_NEAR(moments.mean, mean, tolerance * sigma) << "row " << j << " of " << length;
    EXPECT_NEAR(moments.biased_variance(), variance, tolerance * variance)
        << "row " << j << " of " << length;
  }
}

std::vector<float> normal(Index size, double mean, double sigma) {
  std::mt19937 random(7);
  std::normal_distribution<double> distribution(mean, sigma);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) value = static_cast<float>(distribution(random));
  return values;
}

TEST(ShortRowDeviations, AreThoseOfEachRowForAllLengths) {
  for (Index length = 2; length <= short_row; length += 1 + length / 7) {
    const Index stride = length + 5;
    expect_moments(normal(3 * stride, 0.5, 2), stride, length, 1e-6);
    const std::vector<float> values = normal(3 * stride, 0.5, 2);
    expect_moments(std::vector<double>(values.begin(), values.end()), stride, length, 1e-14);
  }
}

TEST(ShortRowDeviations, KeepTheirDigitsFarFromZero) {
  expect_moments(normal(300, 1e4, 1), 100, 100, 1e-6);
}

TEST(ShortRowDeviations, AreRightWhereTheSampledBeginningMisleads) {
  std::vector<float> values = normal(3 * 400, 0, 1e-3);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 100; ++i) values[row * 400 + i] = 1000;
    for (std::size_t i = 0; i < 64; ++i) values[row * 400 + i] = -1e6f;
  }
  expect_moments(values, 400, 400, 1e-6);
}

TEST(ShortRowDeviations, AreRightAtTheEndsOfFloat) {
  for (const double sigma : {1e37, 1e-30}) {
    const std::vector<float> values = normal(3 * 200, 0, sigma);
    expect_moments(values, 200, 200, 1e-6);
  }
}

TEST(ShortRowDeviations, OfAConstantAreZero) {
  const std::vector<float> values(100, 10000.1f);
  float centre[1];
  double sum[1], squares[1];
  short_row_deviations(values.data(), 100, 1, 100, true, centre, sum, squares);
  EXPECT_EQ(centre[0], 10000.1f);
  EXPECT_EQ(sum[0], 0);
  EXPECT_EQ(squares[0], 0);
}

}  // namespace
}  // namespace eigen_norm::kernels
