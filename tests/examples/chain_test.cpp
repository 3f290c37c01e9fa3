// SPDX-License-Identifier: MIT
#include "nn/chain.hpp"

#include <gtest/gtest.h>

#include <eigen_norm/eigen_norm.hpp>
#include <string>
#include <string_view>

#include "checks.hpp"
#include "nn/channel_bias.hpp"
#include "nn/conv2d.hpp"
#include "nn/identity.hpp"
#include "nn/linear.hpp"
#include "nn/pooling.hpp"
#include "nn/relu.hpp"

namespace {

using Images = nn::Images<double>;
using Matrix = nn::Matrix<double>;
using Conv2d = nn::Conv2d<double>;
using Linear = nn::Linear<double>;

TEST(ChannelBias, gradients_are_the_slopes) {
  EXPECT_LT(worst_gradient_error(nn::ChannelBias<double>(3), random_matrix(4, 3)), 1e-7);
  EXPECT_LT(worst_gradient_error(nn::ChannelBias<double>(3), random_images(2, 3, 2, 5)), 1e-7);
}

TEST(Relu, gradients_are_the_slopes) {
  EXPECT_LT(worst_gradient_error(nn::Relu(), random_matrix(4, 3)), 1e-7);
  EXPECT_LT(worst_gradient_error(nn::Relu(), random_images(2, 3, 2, 5)), 1e-7);
}

TEST(Identity, gradients_are_the_slopes) {
  EXPECT_LT(worst_gradient_error(nn::Identity(), random_matrix(4, 3)), 1e-7);
  EXPECT_LT(worst_gradient_error(nn::Identity(), random_images(2, 3, 2, 5)), 1e-7);
}

template <typename Norm>
void expect_convolutional_gradients(const Norm& norm) {
  nn::Random random(2);
  using Net = nn::Chain<Images, Conv2d, Norm, nn::Relu, nn::GlobalAveragePool, Linear>;
  const Net net{Conv2d(2, 4, 3, random), norm, nn::Relu(), nn::GlobalAveragePool(),
                Linear(4, 3, nn::Bias::learned, random)};
  EXPECT_LT(worst_gradient_error(net, random_images(3, 2, 4, 4)), 1e-7);
}

TEST(Chain, gradients_are_the_slopes_through_every_normalization) {
  expect_convolutional_gradients(eigen_norm::BatchNorm2d<double>(4));
  expect_convolutional_gradients(eigen_norm::GroupNorm<double>(2, 4));
  expect_convolutional_gradients(nn::ChannelBias<double>(4));
}

using Mlp = nn::Chain<Matrix, Linear, eigen_norm::BatchNorm1d<double>, nn::Relu>;

Mlp make_mlp() {
  nn::Random random(2);
  return {Linear(5, 4, nn::Bias::none, random), eigen_norm::BatchNorm1d<double>(4), nn::Relu()};
}

TEST(Chain, gradients_are_the_slopes_through_batch_norm_1d) {
  EXPECT_LT(worst_gradient_error(make_mlp(), random_matrix(6, 5)), 1e-7);
}

TEST(Chain, infer_does_not_change_the_chain) {
  Mlp mlp = make_mlp();
  const Matrix x = random_matrix(6, 5);
  mlp.forward(x);
  const Mlp& constant = mlp;
  const Matrix first = constant.infer(x);
  EXPECT_EQ(first, constant.infer(x));
  mlp.forward(x);
  EXPECT_NE(first, constant.infer(x)) << "forward moves the running statistics";
}

TEST(Chain, visits_the_parameters_in_the_order_of_the_layers) {
  Mlp mlp = make_mlp();
  std::string sizes;
  mlp.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
    EXPECT_EQ(value.size(), grad.size());
    sizes += std::to_string(value.size()) + ' ';
  });
  EXPECT_EQ(sizes, "20 4 4 ");
}

}  // namespace
