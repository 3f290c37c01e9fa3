// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/deviations.hpp"

#include <gtest/gtest.h>

namespace eigen_norm::kernels {
namespace {

TEST(Deviations, BecomeMomentsAboutTheMean) {
  // 1, 2, 6 about 2
  const Deviations<double> d{3, 17};
  const Moments<double> moments = d.moments(3, 2.0f);
  EXPECT_EQ(moments.count, 3);
  EXPECT_EQ(moments.mean, 3);
  EXPECT_EQ(moments.m2, 14);
}

TEST(Deviations, AreFarWhereTheMeanTakesMostOfTheSquares) {
  const double n = 100, mean = 1;
  for (const double sigma : {0.1, 0.5, 1.0, 10.0}) {
    const Deviations<double> d{n * mean, n * (mean * mean + sigma * sigma)};
    EXPECT_EQ(d.is_far(100), sigma < 0.57) << sigma;
  }
}

TEST(Deviations, AreNotFarFromAConstant) { EXPECT_FALSE((Deviations<double>{0, 0}.is_far(10))); }

TEST(IsTrustworthy, RefusesSquaresBeyondFloat) {
  EXPECT_TRUE(is_trustworthy<float>(1e30, 10, true));
  EXPECT_FALSE(is_trustworthy<float>(1e39, 10, true));
  EXPECT_FALSE(is_trustworthy<float>(std::numeric_limits<double>::quiet_NaN(), 10, true));
  EXPECT_TRUE(is_trustworthy<double>(std::numeric_limits<double>::infinity(), 10, true));
}

TEST(IsTrustworthy, RefusesTinySquaresWhereEpsDoesNotHideThem) {
  EXPECT_FALSE(is_trustworthy<float>(1e-33, 10, tiny_matters(0)));
  EXPECT_TRUE(is_trustworthy<float>(1e-33, 10, tiny_matters(1e-12)));
}

}  // namespace
}  // namespace eigen_norm::kernels
