// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "eigen_norm/kernels/coefficients.hpp"

namespace eigen_norm::test {

using Values = std::vector<float>;

inline Values random_floats(Index count, unsigned seed, double mean = 0) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(mean, 1);
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(normal(generator));
  return values;
}

inline const kernels::Statistic<double> statistic{1e4 + 1e-4, 1.25};

inline void expect_sums(const kernels::GradientSums<double>& actual, const Values& x,
                        const Values& dy, const kernels::Statistic<double>& by = statistic) {
  double sum = 0, xhat_sum = 0, scale = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double xhat = (static_cast<double>(x[i]) - by.mean) * by.inv_std;
    const double d = static_cast<double>(dy[i]);
    sum += d;
    xhat_sum += d * xhat;
    scale += std::abs(d) * (1 + std::abs(xhat));
  }
  EXPECT_NEAR(actual.dy, sum, 1e-6 * scale);
  EXPECT_NEAR(actual.dy_xhat, xhat_sum, 1e-6 * scale);
}

}  // namespace eigen_norm::test
