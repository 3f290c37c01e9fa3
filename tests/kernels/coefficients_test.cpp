// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/coefficients.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigen_norm::kernels {
namespace {

TEST(InverseStd, IsZeroWhereVarianceAndEpsAreZero) {
  EXPECT_EQ(inverse_std(0.0, 0.0), 0.0);
  EXPECT_DOUBLE_EQ(inverse_std(0.0, 1e-4), 100.0);
  EXPECT_DOUBLE_EQ(inverse_std(3.0, 1.0), 0.5);
}

TEST(Affine, IsOneAndZeroWhereGammaAndBetaAreAbsent) {
  const float gamma[] = {2, 3};
  const Affine<float> scaled{gamma, nullptr};
  EXPECT_EQ(scaled.gamma_at(1), 3);
  EXPECT_EQ(scaled.beta_at(1), 0);
  EXPECT_EQ(Affine<float>{}.gamma_at(5), 1);
}

// The mean 1e6 + 0.01 is not a float; what the centre loses must come back in the shift.
TEST(Forward, PutsTheRestOfTheMeanIntoTheShift) {
  const Statistic<double> statistic{1e6 + 0.01, 2.0};
  const Forward<float> f(statistic, 3.0f, 0.5f);
  EXPECT_EQ(f.centre, 1e6f);
  EXPECT_FLOAT_EQ(f.scale, 6.0f);
  EXPECT_FLOAT_EQ(f.shift, 0.5f - 0.06f);
}

// 1 / sigma of subnormal data is beyond float.
TEST(Forward, ScalesByTheLargestNumberWhereTheScaleIsBeyond) {
  const float largest = std::numeric_limits<float>::max();
  const Statistic<double> statistic{0, 1e40};
  EXPECT_EQ(Forward<float>(statistic, 1, 0).scale, largest);
  EXPECT_EQ(Forward<float>(statistic, -1, 0).scale, -largest);
}

TEST(Standardise, KeepsTheRestOfTheMean) {
  const Standardise<float> s(Statistic<double>{1e6 + 0.01, 2.0});
  EXPECT_EQ(s.centre, 1e6f);
  EXPECT_FLOAT_EQ(s.rest, -0.02f);
}

TEST(Backward, IsTheThreeTermFormulaInCentredForm) {
  const double mean = 1.5, inv_std = 0.4, t1 = 0.7, t2 = -1.3, gamma = 1.1, x = 2.25, dy = 0.6;
  const Index m = 5;
  const Backward<double> b(Statistic<double>{mean, inv_std}, {t1, t2}, {m, true});
  const double xhat = (x - mean) * inv_std;
  EXPECT_NEAR((gamma * dy + b.slope * (x - b.centre) + b.offset) * b.inv_std,
              inv_std * (gamma * dy - t1 / 5 - xhat * t2 / 5), 1e-15);
}

}  // namespace
}  // namespace eigen_norm::kernels
