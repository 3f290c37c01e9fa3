// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/short_deviations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace eigen_norm::kernels {
namespace {

/// Mean and variance of each of some lines of runs, by the header, and by definition in double.
template <typename Scalar>
void expect_moments(const Runs<Scalar>& first, Index stride, Index lines, double tolerance) {
  std::vector<Param<Scalar>> centre(static_cast<std::size_t>(lines));
  std::vector<Stat<Scalar>> sum(centre.size()), squares(centre.size());
  short_deviations(first, stride, lines, true, centre.data(), sum.data(), squares.data());
  for (Index j = 0; j < lines; ++j) {
    double mean = 0, variance = 0;
    const auto for_each = [&](const auto& f) {
      for (Index run = 0; run < first.count; ++run) {
        for (Index i = 0; i < first.length; ++i) {
          f(static_cast<double>(first.data[j * stride + run * first.stride + i]));
        }
      }
    };
    const auto n = static_cast<double>(first.size());
    for_each([&](double x) { mean += x / n; });
    for_each([&](double x) { variance += (x - mean) * (x - mean) / n; });
    const auto k = static_cast<std::size_t>(j);
    const auto moments =
        Deviations<Stat<Scalar>>{sum[k], squares[k]}.moments(first.size(), centre[k]);
    EXPECT_NEAR(moments.mean, mean, tolerance * std::sqrt(variance))
        << "line " << j << " of " << first.count << " runs of " << first.length;
    EXPECT_NEAR(moments.biased_variance(), variance, tolerance * variance)
        << "line " << j << " of " << first.count << " runs of " << first.length;
  }
}

/// Three rows, `stride` apart.
template <typename Scalar>
void expect_moments(const std::vector<Scalar>& data, Index stride, Index length, double tolerance) {
  expect_moments<Scalar>({data.data(), 1, 0, length}, stride, 3, tolerance);
}

std::vector<float> normal(Index size, double mean, double sigma) {
  std::mt19937 random(7);
  std::normal_distribution<double> distribution(mean, sigma);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) value = static_cast<float>(distribution(random));
  return values;
}

TEST(ShortDeviations, AreThoseOfEachRowForAllLengths) {
  for (Index length = 2; length <= short_run; length += 1 + length / 7) {
    const Index stride = length + 5;
    expect_moments(normal(3 * stride, 0.5, 2), stride, length, 1e-6);
    const std::vector<float> values = normal(3 * stride, 0.5, 2);
    expect_moments(std::vector<double>(values.begin(), values.end()), stride, length, 1e-14);
  }
}

TEST(ShortDeviations, AreThoseOfLinesOfSeveralRuns) {
  for (const Index lines : {1, 5, 128, 300}) {
    for (const Index count : {2, 9, 70}) {
      for (const Index length : {2, 15, 16, 49}) {
        const std::vector<float> values = normal(count * lines * length, 1e4, 1);
        expect_moments<float>({values.data(), count, lines * length, length}, length, lines, 1e-6);
      }
    }
  }
}

TEST(ShortDeviations, AreRightWhereOneRunOfALineIsFarFromTheOthers) {
  std::vector<float> values = normal(20 * 3 * 50, 0, 1e-3);
  for (std::size_t i = 0; i < 3 * 50; ++i) values[i] += 1e6f;
  expect_moments<float>({values.data(), 20, 3 * 50, 50}, 50, 3, 1e-6);
}

// Every hundredth run, and the sample takes just those: the centre must be found again.
TEST(ShortDeviations, AreRightWhereTheSampledRunsMislead) {
  constexpr Index lines = 3, count = 800, length = 16;
  std::vector<float> values = normal(count * lines * length, 1e3, 1e-2);
  for (Index run = 0; run < count; run += 100) {
    std::fill_n(values.begin() + run * lines * length, lines * length, 900.0f);
  }
  expect_moments<float>({values.data(), count, lines * length, length}, length, lines, 1e-6);
}

TEST(ShortDeviations, KeepTheirDigitsFarFromZero) {
  expect_moments(normal(300, 1e4, 1), 100, 100, 1e-6);
}

TEST(ShortDeviations, AreRightWhereTheSampledBeginningMisleads) {
  std::vector<float> values = normal(3 * 400, 0, 1e-3);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 100; ++i) values[row * 400 + i] = 1000;
    for (std::size_t i = 0; i < 64; ++i) values[row * 400 + i] = -1e6f;
  }
  expect_moments(values, 400, 400, 1e-6);
}

TEST(ShortDeviations, AreRightAtTheEndsOfFloat) {
  for (const double sigma : {1e37, 1e-30}) {
    const std::vector<float> values = normal(3 * 200, 0, sigma);
    expect_moments(values, 200, 200, 1e-6);
  }
}

TEST(ShortDeviations, OfAConstantAreZero) {
  const std::vector<float> values(100, 10000.1f);
  float centre[1];
  double sum[1], squares[1];
  short_deviations<float>({values.data(), 1, 0, 100}, 100, 1, true, centre, sum, squares);
  EXPECT_EQ(centre[0], 10000.1f);
  EXPECT_EQ(sum[0], 0);
  EXPECT_EQ(squares[0], 0);
}

}  // namespace
}  // namespace eigen_norm::kernels
