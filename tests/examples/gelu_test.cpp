// SPDX-License-Identifier: MIT
#include "nn/gelu.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "checks.hpp"

namespace {

TEST(Gelu, is_x_times_the_normal_distribution_function_to_within_5e_4) {
  nn::Matrix<double> x(1, 2001);
  x.row(0).setLinSpaced(-10.0, 10.0);
  const nn::Matrix<double> y = nn::Gelu().infer(x);
  double worst = 0.0;
  for (nn::Index i = 0; i < x.size(); ++i) {
    const double exact = 0.5 * x(i) * std::erfc(-x(i) / std::sqrt(2.0));
    worst = std::max(worst, std::abs(y(i) - exact));
  }
  EXPECT_LT(worst, 5e-4);
  EXPECT_GT(worst, 1e-4) << "the tanh form is an approximation";
}

TEST(Gelu, gradients_are_the_slopes) {
  EXPECT_LT(worst_gradient_error(nn::Gelu(), random_matrix(4, 30)), 1e-8);
  EXPECT_LT(worst_gradient_error(nn::Gelu(), random_images(2, 3, 2, 5)), 1e-8);
}

TEST(Gelu, stays_finite_far_out) {
  nn::Matrix<float> x(1, 2);
  x << -1e10F, 1e10F;
  const nn::Matrix<float> y = nn::Gelu().infer(x);
  EXPECT_EQ(y(0), 0.0F);
  EXPECT_EQ(y(1), 1e10F);
  const nn::Matrix<float> dy = nn::Matrix<float>::Ones(1, 2);
  const nn::Matrix<float> dx = nn::Gelu().backward(x, dy);
  EXPECT_EQ(dx(0), 0.0F);
  EXPECT_EQ(dx(1), 1.0F);
}

}  // namespace
