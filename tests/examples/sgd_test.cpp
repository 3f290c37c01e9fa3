// SPDX-License-Identifier: MIT
#include "nn/sgd.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "nn/linear.hpp"

namespace {

/// Gives every parameter of the layer the same gradient and takes a step.
template <typename Layer>
void step(nn::Sgd<double>& sgd, Layer& layer, double gradient) {
  layer.for_each_parameter([&](std::string_view, auto&, auto& grad) { nn::flat(grad) = gradient; });
  sgd.step(layer);
}

/// The only weight of a layer (1, 1).
double weight(nn::Linear<double>& layer) {
  double value = 0.0;
  layer.for_each_parameter([&](std::string_view, auto& w, auto&) { value = w(0); });
  return value;
}

TEST(Sgd, gathers_speed_by_its_momentum) {
  nn::Random random(1);
  nn::Linear<double> layer(1, 1, nn::Bias::none, random);
  const double start = weight(layer);
  nn::Sgd<double> sgd(0.5, 0.75);
  step(sgd, layer, 2.0);
  EXPECT_NEAR(weight(layer), start - 0.5 * 2.0, 1e-15);
  step(sgd, layer, 4.0);
  EXPECT_NEAR(weight(layer), start - 0.5 * (2.0 + 0.75 * 2.0 + 4.0), 1e-15);
}

TEST(Sgd, takes_another_rate_from_the_next_step_on) {
  nn::Random random(1);
  nn::Linear<double> layer(1, 1, nn::Bias::none, random);
  const double start = weight(layer);
  nn::Sgd<double> sgd(0.5, 0.0);
  sgd.set_learning_rate(0.25);
  step(sgd, layer, 2.0);
  EXPECT_NEAR(weight(layer), start - 0.25 * 2.0, 1e-15);
}

TEST(Sgd, moves_every_parameter) {
  nn::Random random(1);
  nn::Linear<double> layer(3, 2, nn::Bias::learned, random);
  std::vector<double> before, after;
  const auto values = [&](std::vector<double>& to) {
    layer.for_each_parameter([&](std::string_view, auto& value, auto&) {
      const auto elements = nn::flat(value);
      to.insert(to.end(), elements.begin(), elements.end());
    });
  };
  values(before);
  nn::Sgd<double> sgd(0.5);
  step(sgd, layer, 1.0);
  values(after);
  ASSERT_EQ(before.size(), 8U);
  for (std::size_t k = 0; k < before.size(); ++k) EXPECT_NEAR(after[k], before[k] - 0.5, 1e-15);
}

}  // namespace
