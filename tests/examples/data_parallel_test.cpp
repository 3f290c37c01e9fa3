// SPDX-License-Identifier: MIT
#include "nn/data_parallel.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "checks.hpp"
#include "nn/linear.hpp"

namespace {

using nn::Index;
using Linear = nn::Linear<double>;
using Matrix = nn::Matrix<double>;

Matrix weight_gradient(Linear& layer) {
  Matrix result;
  layer.for_each_parameter([&](std::string_view name, auto&, auto& grad) {
    if (name == "weight") result = grad;
  });
  return result;
}

TEST(DataParallel, adds_up_the_gradients_of_the_shares) {
  nn::Random random(1);
  Linear layer(4, 3, nn::Bias::learned, random);
  Linear alone = layer;
  nn::DataParallel<Linear> parallel(layer, 3);
  const Matrix x = random_matrix(6, 4);
  // Twice, with other weights: the copies must learn of them. The loss is the sum of y^2 / 2.
  for (int step = 0; step < 2; ++step) {
    const double loss = parallel.gradients(layer, [&](Linear& one, int share) {
      const Matrix rows = x.middleRows(2 * share, 2);
      const Matrix y = one.forward(rows);
      one.zero_grad();
      one.backward(rows, y);
      return 0.5 * y.squaredNorm();
    });
    const Matrix y = alone.forward(x);
    alone.zero_grad();
    alone.backward(x, y);
    EXPECT_NEAR(loss, 0.5 * y.squaredNorm(), 1e-12);
    EXPECT_TRUE(weight_gradient(layer).isApprox(weight_gradient(alone), 1e-14));
    for (Linear* one : {&layer, &alone}) {
      one->for_each_parameter(
          [](std::string_view, auto& value, auto& grad) { value -= 0.1 * grad; });
    }
  }
}

}  // namespace
