// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace eigen_norm::kernels {
namespace {

using Values = std::vector<float>;

Values normal_values(Index count, double mean, double sigma) {
  std::mt19937 generator(7);
  std::normal_distribution<double> normal(mean, sigma);
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(normal(generator));
  return values;
}

/// By definition, in long double.
Moments<double> moments_by_definition(const Values& values) {
  long double mean = 0, m2 = 0;
  for (const float x : values) mean += static_cast<long double>(x);
  mean /= static_cast<long double>(values.size());
  for (const float x : values) m2 += (x - mean) * (x - mean);
  return {static_cast<Index>(values.size()), static_cast<double>(mean), static_cast<double>(m2)};
}

Moments<double> moments_of(const Values& values) {
  const Index n = static_cast<Index>(values.size());
  return run_moments<float>({values.data(), 1, 0, n});
}

void expect_moments(const Moments<double>& actual, const Moments<double>& expected) {
  const double sigma = std::sqrt(expected.biased_variance());
  EXPECT_EQ(actual.count, expected.count);
  EXPECT_NEAR(actual.mean, expected.mean, 1e-6 * sigma);
  EXPECT_NEAR(actual.m2, expected.m2, 1e-6 * expected.m2);
}

TEST(RunMoments, HoldAtEveryLengthAroundPacksAndChunks) {
  for (const Index n :
       {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 97, 2047, 2048, 2049, 5003}) {
    const Values values = normal_values(n, 3, 2);
    expect_moments(moments_of(values), moments_by_definition(values));
  }
}

TEST(RunMoments, HoldForAMeanAMillionTimesSigma) {
  const Values values = normal_values(10007, 1e6, 1);
  expect_moments(moments_of(values), moments_by_definition(values));
}

TEST(RunMoments, HoldWhereTheFirstElementIsAHundredSigmaOff) {
  Values values = normal_values(3000, 1e4, 1);
  values[0] += 100;
  expect_moments(moments_of(values), moments_by_definition(values));
}

TEST(RunMoments, OfAConstantAreExact) {
  for (const float constant : {10000.1f, 3.3e7f, 1e-30f, 0.0f}) {
    const Moments<double> moments = moments_of(Values(5001, constant));
    EXPECT_EQ(moments.mean, static_cast<double>(constant));
    EXPECT_EQ(moments.m2, 0);
  }
}

TEST(RunMoments, HoldWhereSquaresOverflowOrUnderflowFloat) {
  for (const double scale : {1e37, 1e20, 1e-22, 1e-30}) {
    const Values values = normal_values(2500, 0, scale);
    expect_moments(moments_of(values), moments_by_definition(values));
  }
}

TEST(RunMoments, GatherShortRunsThatAreApart) {
  constexpr Index runs = 50, stride = 60, length = 49;
  const Values values = normal_values(runs * stride, -5, 3);
  Values gathered;
  for (Index run = 0; run < runs; ++run) {
    const auto begin = values.begin() + run * stride;
    gathered.insert(gathered.end(), begin, begin + length);
  }
  expect_moments(run_moments<float>({values.data(), runs, stride, length}),
                 moments_by_definition(gathered));
}

TEST(LaneMoments, AreThoseOfEachColumn) {
  for (const Index width : {1, 3, 15, 16, 17, 40}) {
    for (const Index rows : {1, 2, 31, 32, 33, 100}) {
      const Index stride = width + 3;
      const Values values = normal_values(rows * stride, 1e4, 1);
      std::vector<double> mean(static_cast<std::size_t>(width)), m2 = mean;
      lane_moments(values.data(), Rows{rows, stride}, width, mean.data(), m2.data());
      for (Index l = 0; l < width; ++l) {
        Values column;
        for (Index row = 0; row < rows; ++row) {
          column.push_back(values[static_cast<std::size_t>(row * stride + l)]);
        }
        const auto i = static_cast<std::size_t>(l);
        expect_moments({rows, mean[i], m2[i]}, moments_by_definition(column));
      }
    }
  }
}

TEST(LaneMoments, AreDoneAgainInDoubleWhereOneLaneOverflows) {
  constexpr Index width = 20, rows = 40;
  Values values = normal_values(rows * width, 0, 1);
  for (Index row = 0; row < rows; ++row) {
    values[static_cast<std::size_t>(row * width + 5)] *= 1e30f;
  }
  std::vector<double> mean(width), m2(width);
  lane_moments(values.data(), Rows{rows, width}, width, mean.data(), m2.data());
  EXPECT_GT(m2[5], 1e60);
  EXPECT_LT(m2[4], 1e3);
  EXPECT_TRUE(std::isfinite(m2[5]));
}

TEST(Rows, OfTwoLevelsRunThroughTheInnerOneFirst) {
  const Rows rows{6, 100, 3, 7};
  EXPECT_EQ(rows.offset(0), 0);
  EXPECT_EQ(rows.offset(2), 14);
  EXPECT_EQ(rows.offset(3), 100);
  EXPECT_EQ(rows.offset(5), 114);
}

}  // namespace
}  // namespace eigen_norm::kernels
