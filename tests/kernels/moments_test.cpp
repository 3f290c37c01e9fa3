// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/moments.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

Moments<double> moments_of(const std::vector<double>& values) {
  Moments<double> moments;
  for (const double value : values) moments.add(value);
  return moments;
}

TEST(Moments, CountsAveragesAndSumsSquaredDeviations) {
  const Moments<double> moments = moments_of({1, 2, 3, 6});
  EXPECT_EQ(moments.count, 4);
  EXPECT_DOUBLE_EQ(moments.mean, 3);
  EXPECT_DOUBLE_EQ(moments.m2, 4 + 1 + 0 + 9);
  EXPECT_DOUBLE_EQ(moments.biased_variance(), 3.5);
}

TEST(Moments, MergedEqualThoseOfAllValuesTogether) {
  Moments<double> left = moments_of({1, 5, -2});
  left.merge(moments_of({1e3, 7}));
  const Moments<double> all = moments_of({1, 5, -2, 1e3, 7});
  EXPECT_EQ(left.count, all.count);
  EXPECT_DOUBLE_EQ(left.mean, all.mean);
  EXPECT_DOUBLE_EQ(left.m2, all.m2);
}

TEST(Moments, MergeWithNothingChangesNothing) {
  Moments<double> moments = moments_of({2, 4});
  moments.merge({});
  EXPECT_EQ(moments.count, 2);
  EXPECT_EQ(moments.mean, 3);

  Moments<double> nothing;
  nothing.merge(moments);
  EXPECT_EQ(nothing.m2, moments.m2);
}

TEST(Moments, OfEqualValuesMergeWithoutRounding) {
  Moments<double> moments = moments_of({0.1, 0.1, 0.1});
  moments.merge(moments_of({0.1, 0.1}));
  EXPECT_EQ(moments.mean, 0.1);
  EXPECT_EQ(moments.m2, 0);
}

}  // namespace
}  // namespace eigen_norm::kernels
