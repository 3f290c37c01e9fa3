// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "eigen_norm/kernels/moments.hpp"

namespace eigen_norm::test {

using Values = std::vector<float>;

inline Values normal_values(Index count, double mean, double sigma) {
  std::mt19937 generator(7);
  std::normal_distribution<double> normal(mean, sigma);
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(normal(generator));
  return values;
}

/// By definition, in long double.
inline kernels::Moments<double> moments_by_definition(const Values& values) {
  long double mean = 0, m2 = 0;
  for (const float x : values) mean += static_cast<long double>(x);
  mean /= static_cast<long double>(values.size());
  for (const float x : values) m2 += (x - mean) * (x - mean);
  return {static_cast<Index>(values.size()), static_cast<double>(mean), static_cast<double>(m2)};
}

inline void expect_moments(const kernels::Moments<double>& actual,
                           const kernels::Moments<double>& expected) {
  const double sigma = std::sqrt(expected.biased_variance());
  EXPECT_EQ(actual.count, expected.count);
  EXPECT_NEAR(actual.mean, expected.mean, 1e-6 * sigma);
  EXPECT_NEAR(actual.m2, expected.m2, 1e-6 * expected.m2);
}

}  // namespace eigen_norm::test
