// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/gradient_sums.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace eigen_norm::kernels {
namespace {

using Values = std::vector<float>;

Values normal_values(Index count, unsigned seed, double mean = 0) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, 1);
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(normal(generator));
  return values;
}

const Statistic<double> statistic{1e4 + 1e-4, 1.25};

void expect_sums(const GradientSums<double>& actual, const Values& x, const Values& dy) {
  double sum = 0, xhat_sum = 0, scale = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double xhat = (static_cast<double>(x[i]) - statistic.mean) * statistic.inv_std;
    const double d = static_cast<double>(dy[i]);
    sum += d;
    xhat_sum += d * xhat;
    scale += std::abs(d) * (1 + std::abs(xhat));
  }
  EXPECT_NEAR(actual.dy, sum, 1e-6 * scale);
  EXPECT_NEAR(actual.dy_xhat, xhat_sum, 1e-6 * scale);
}

TEST(RunGradientSums, AreTheSumsOfDyAndOfDyTimesXhat) {
  for (const Index n : {1, 5, 16, 17, 63, 65, 2048, 2049, 6001}) {
    const Values x = normal_values(n, 1, 1e4), dy = normal_values(n, 2);
    expect_sums(run_gradient_sums<float>({x.data(), 1, 0, n}, {dy.data(), 1, 0, n},
                                         Standardise<float>(statistic)),
                x, dy);
  }
}

TEST(RunGradientSums, StayFiniteWhereAFloatSumOverflows) {
  const Values x = normal_values(2000, 1, 1e4), dy(2000, 1e37f);
  const auto sums = run_gradient_sums<float>({x.data(), 1, 0, 2000}, {dy.data(), 1, 0, 2000},
                                             Standardise<float>(statistic));
  EXPECT_NEAR(sums.dy, 2e40, 1e34);
  EXPECT_TRUE(std::isfinite(sums.dy_xhat));
}

TEST(RowGradientSums, HaveGammaInside) {
  constexpr Index n = 5000;
  const Values x = normal_values(n, 1, 1e4), dy = normal_values(n, 2), gamma = normal_values(n, 3);
  Values weighted = dy;
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= gamma[i];
  const auto gammas = [&](Index i) {
    return gamma.data() + i;
  };
  expect_sums(row_gradient_sums(x.data(), dy.data(), n, Standardise<float>(statistic), gammas),
              x, weighted);
}

TEST(LaneGradientSums, AreThoseOfEachColumnAndAddToWhatIsThere) {
  constexpr Index width = 21, rows = 75;
  const Values x = normal_values(width * rows, 1, 1e4), dy = normal_values(width * rows, 2);
  const Standardise<float> s(statistic);
  const Values centre(width, s.centre), inv_std(width, s.inv_std), rest(width, s.rest);
  std::vector<double> dy_sum(width, 0), dy_xhat_sum(width, 0);
  dy_sum[0] = 100;
  lane_gradient_sums(x.data(), Rows{rows, width}, dy.data(), Rows{rows, width}, width,
                     {centre.data(), inv_std.data(), rest.data()}, dy_sum.data(),
                     dy_xhat_sum.data());
  dy_sum[0] -= 100;
  for (std::size_t l = 0; l < width; ++l) {
    Values x_column, dy_column;
    for (std::size_t row = 0; row < rows; ++row) {
      x_column.push_back(x[row * width + l]);
      dy_column.push_back(dy[row * width + l]);
    }
    expect_sums({dy_sum[l], dy_xhat_sum[l]}, x_column, dy_column);
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
