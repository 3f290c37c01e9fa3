// SPDX-License-Identifier: MIT
#include "nn/linear.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "checks.hpp"

namespace {

using nn::Bias;
using nn::Linear;

TEST(Linear, applies_weight_and_bias) {
  nn::Random random(1);
  Linear<double> layer(2, 1, Bias::learned, random);
  layer.for_each_parameter([](std::string_view name, auto& value, auto&) {
    if (name == "weight") {
      nn::flat(value) << 10.0, 100.0;
    } else {
      nn::flat(value) << 5.0;
    }
  });
  nn::Matrix<double> x(2, 2);
  x << 1, 2, 3, 4;
  const nn::Matrix<double> y = layer.infer(x);
  EXPECT_EQ(y(0, 0), 215.0);
  EXPECT_EQ(y(1, 0), 435.0);
}

TEST(Linear, gradients_are_the_slopes) {
  nn::Random random(1);
  for (const Bias bias : {Bias::none, Bias::learned}) {
    EXPECT_LT(worst_gradient_error(Linear<double>(5, 3, bias, random), random_matrix(4, 5)), 1e-7);
  }
}

TEST(Linear, without_bias_has_one_parameter) {
  nn::Random random(1);
  Linear<float> layer(3, 2, Bias::none, random);
  int parameters = 0;
  layer.for_each_parameter([&](std::string_view, auto&, auto&) { ++parameters; });
  EXPECT_EQ(parameters, 1);
}

}  // namespace
