// SPDX-License-Identifier: MIT
#include "nn/residual.hpp"

#include <gtest/gtest.h>

#include <eigen_norm/eigen_norm.hpp>
#include <string>
#include <string_view>

#include "checks.hpp"
#include "nn/chain.hpp"
#include "nn/conv2d.hpp"
#include "nn/linear.hpp"
#include "nn/relu.hpp"

namespace {

using Images = nn::Images<double>;
using Conv2d = nn::Conv2d<double>;
using BatchNorm2d = eigen_norm::BatchNorm2d<double>;
using Inner = nn::Chain<Images, Conv2d, BatchNorm2d, nn::Relu, Conv2d>;

nn::Residual<Inner> make_block() {
  nn::Random random(4);
  return nn::Residual<Inner>(
      Inner{Conv2d(2, 2, 3, random), BatchNorm2d(2), nn::Relu(), Conv2d(2, 2, 3, random)});
}

TEST(Residual, adds_what_comes_in_to_what_comes_out) {
  const nn::Matrix<double> x = (nn::Matrix<double>(1, 2) << -1.0, 2.0).finished();
  nn::Residual<nn::Relu> layer{nn::Relu()};
  const nn::Matrix<double> expected = (nn::Matrix<double>(1, 2) << -1.0, 4.0).finished();
  EXPECT_EQ(layer.forward(x), expected);
  EXPECT_EQ(layer.infer(x), expected);
}

TEST(Residual, gradients_are_the_slopes) {
  nn::Random random(4);
  const nn::Linear<double> linear(3, 3, nn::Bias::learned, random);
  EXPECT_LT(worst_gradient_error(nn::Residual<nn::Linear<double>>(linear), random_matrix(4, 3)),
            1e-7);
  EXPECT_LT(worst_gradient_error(make_block(), random_images(3, 2, 4, 5)), 1e-7);
}

TEST(Residual, has_the_state_of_its_layer) {
  nn::Residual<Inner> block = make_block();
  std::string names;
  nn::for_each_state(block, [&](std::string_view name, auto&) { names.append(name) += ' '; });
  EXPECT_EQ(names, "weight weight bias running_mean running_var num_batches_tracked weight ");
}

}  // namespace
