// SPDX-License-Identifier: MIT
#include "nn/one_of.hpp"

#include <gtest/gtest.h>

#include <eigen_norm/eigen_norm.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "nn/chain.hpp"
#include "nn/linear.hpp"

namespace {

using eigen_norm::BatchNorm1d;
using eigen_norm::LayerNorm;
using Matrix = nn::Matrix<double>;
using Linear = nn::Linear<double>;
using Norm = nn::OneOf<BatchNorm1d<double>, LayerNorm<double>>;

TEST(OneOf, is_the_layer_it_was_made_of) {
  const Matrix x = random_matrix(5, 3);
  Norm norm = LayerNorm<double>(3);
  EXPECT_EQ(norm.forward(x), LayerNorm<double>(3).infer(x));
  norm = BatchNorm1d<double>(3);
  EXPECT_EQ(norm.infer(x), BatchNorm1d<double>(3).infer(x));
  EXPECT_EQ(norm.forward(x), BatchNorm1d<double>(3).forward(x));
}

TEST(OneOf, gradients_are_the_slopes) {
  EXPECT_LT(worst_gradient_error(Norm(BatchNorm1d<double>(3)), random_matrix(5, 3)), 1e-7);
  EXPECT_LT(worst_gradient_error(Norm(LayerNorm<double>(3)), random_matrix(5, 3)), 1e-7);
}

/// The names that a saved model would have.
template <typename Layer>
std::vector<std::string> state_of(Layer layer) {
  std::vector<std::string> names;
  nn::for_each_state(layer, [&](std::string_view name, auto&) { names.emplace_back(name); });
  return names;
}

TEST(State, is_what_a_layer_names_or_else_its_parameters) {
  using Names = std::vector<std::string>;
  const Names of_batch_norm{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};
  nn::Random random(1);
  const Linear linear(3, 3, nn::Bias::learned, random);
  EXPECT_EQ(state_of(linear), (Names{"weight", "bias"}));
  EXPECT_EQ(state_of(Norm(BatchNorm1d<double>(3))), of_batch_norm);
  EXPECT_EQ(state_of(Norm(LayerNorm<double>(3))), (Names{"weight", "bias"}));

  Names of_chain{"weight", "bias"};
  of_chain.insert(of_chain.end(), of_batch_norm.begin(), of_batch_norm.end());
  EXPECT_EQ(state_of(nn::Chain<Matrix, Linear, Norm>{linear, Norm(BatchNorm1d<double>(3))}),
            of_chain);
}

}  // namespace
