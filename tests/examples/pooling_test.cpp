// SPDX-License-Identifier: MIT
#include "nn/pooling.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "checks.hpp"

namespace {

nn::Images<double> counting_images() {
  nn::Images<double> x(1, 2, 2, 4);
  nn::flat(x) << 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8;
  return x;
}

TEST(Pooling, max_takes_the_largest_of_each_window) {
  const nn::Images<double> y = nn::MaxPool2d(2).infer(counting_images());
  ASSERT_EQ(y.size(), 4);
  EXPECT_EQ(y(0, 0, 0, 0), 6.0);
  EXPECT_EQ(y(0, 0, 0, 1), 8.0);
  EXPECT_EQ(y(0, 1, 0, 0), -1.0);
  EXPECT_EQ(y(0, 1, 0, 1), -3.0);
}

TEST(Pooling, average_takes_the_mean_of_each_window) {
  const nn::Images<double> y = nn::AveragePool2d(2).infer(counting_images());
  ASSERT_EQ(y.size(), 4);
  EXPECT_EQ(y(0, 0, 0, 0), 3.5);
  EXPECT_EQ(y(0, 0, 0, 1), 5.5);
  EXPECT_EQ(y(0, 1, 0, 0), -3.5);
  EXPECT_EQ(y(0, 1, 0, 1), -5.5);
}

TEST(Pooling, global_average_takes_the_mean_of_each_plane) {
  const nn::Matrix<double> y = nn::GlobalAveragePool().infer(counting_images());
  ASSERT_EQ(y.size(), 2);
  EXPECT_EQ(y(0, 0), 4.5);
  EXPECT_EQ(y(0, 1), -4.5);
}

TEST(Pooling, gradients_are_the_slopes) {
  const auto x = random_images(2, 3, 6, 3);
  EXPECT_LT(worst_gradient_error(nn::MaxPool2d(3), x), 1e-7);
  EXPECT_LT(worst_gradient_error(nn::AveragePool2d(3), x), 1e-7);
  EXPECT_LT(worst_gradient_error(nn::GlobalAveragePool(), x), 1e-7);
}

TEST(Pooling, max_gives_the_gradient_to_the_first_of_equals) {
  nn::Images<double> x(1, 1, 2, 2);
  x.setConstant(7.0);
  nn::Images<double> dy(1, 1, 1, 1);
  dy.setConstant(3.0);
  const nn::Images<double> dx = nn::MaxPool2d(2).backward(x, dy);
  EXPECT_EQ(dx(0, 0, 0, 0), 3.0);
  EXPECT_EQ(nn::flat(dx).sum(), 3.0);
}

TEST(Pooling, refuses_windows_that_do_not_fit) {
  try {
    nn::MaxPool2d(2).infer(random_images(1, 1, 4, 5));
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()),
              "pooling: expected a height and width divisible by 2, got 4 x 5");
  }
}

}  // namespace
