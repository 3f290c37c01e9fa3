// SPDX-License-Identifier: MIT
#include "nn/conv2d.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "checks.hpp"

namespace {

using nn::Conv2d;
using nn::Images;
using nn::Index;

/// The sum in the class comment of Conv2d, term by term.
Images<double> by_definition(const Images<double>& x, const nn::Matrix<double>& weight, Index k) {
  const Index height = x.dimension(2);
  const Index width = x.dimension(3);
  Images<double> y(x.dimension(0), weight.rows(), height, width);
  y.setZero();
  for (Index n = 0; n < y.dimension(0); ++n)
    for (Index o = 0; o < y.dimension(1); ++o)
      for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j)
          for (Index c = 0; c < x.dimension(1); ++c)
            for (Index u = 0; u < k; ++u)
              for (Index v = 0; v < k; ++v) {
                const Index row = i + u - k / 2;
                const Index col = j + v - k / 2;
                if (0 <= row && row < height && 0 <= col && col < width) {
                  y(n, o, i, j) += weight(o, (c * k + u) * k + v) * x(n, c, row, col);
                }
              }
  return y;
}

struct Shape {
  Index n, channels, height, width, outputs, kernel;
};

const Shape shapes[] = {
    {2, 3, 5, 4, 2, 3}, {1, 1, 1, 1, 1, 3}, {2, 2, 3, 3, 4, 1},
    {1, 2, 2, 7, 3, 5}, {1, 1, 1, 2, 2, 7},  // kernels larger than the image
};

TEST(Conv2d, is_the_sum_of_its_definition) {
  for (const Shape& s : shapes) {
    nn::Random random(3);
    Conv2d<double> layer(s.channels, s.outputs, s.kernel, random);
    nn::Matrix<double> weight;
    layer.for_each_parameter([&](std::string_view, auto& value, auto&) { weight = value; });
    const auto x = random_images(s.n, s.channels, s.height, s.width);
    const Images<double> y = layer.infer(x);
    const Images<double> expected = by_definition(x, weight, s.kernel);
    ASSERT_EQ(y.dimensions(), expected.dimensions());
    EXPECT_LT((nn::flat(y) - nn::flat(expected)).abs().maxCoeff(), 1e-13) << "K = " << s.kernel;
  }
}

TEST(Conv2d, gradients_are_the_slopes) {
  for (const Shape& s : shapes) {
    nn::Random random(3);
    const Conv2d<double> layer(s.channels, s.outputs, s.kernel, random);
    const auto x = random_images(s.n, s.channels, s.height, s.width);
    EXPECT_LT(worst_gradient_error(layer, x), 1e-7) << "K = " << s.kernel;
  }
}

TEST(Conv2d, refuses_an_even_kernel) {
  nn::Random random(3);
  try {
    Conv2d<float> layer(1, 1, 4, random);
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()), "Conv2d: expected an odd kernel size, got 4");
  }
}

}  // namespace
