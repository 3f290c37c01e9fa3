// SPDX-License-Identifier: MIT
#include "nn/stack.hpp"

#include <gtest/gtest.h>

#include <eigen_norm/eigen_norm.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "nn/chain.hpp"
#include "nn/linear.hpp"
#include "nn/relu.hpp"

namespace {

using Matrix = nn::Matrix<double>;
using Linear = nn::Linear<double>;
using Block = nn::Chain<Matrix, Linear, eigen_norm::BatchNorm1d<double>, nn::Relu>;
using Stack = nn::Stack<Matrix, Block>;

/// (N, 5) -> (N, 4) -> ... -> (N, 4)
std::vector<Block> make_blocks(nn::Index count) {
  nn::Random random(2);
  std::vector<Block> blocks;
  for (nn::Index k = 0; k < count; ++k) {
    blocks.push_back({Linear(k == 0 ? 5 : 4, 4, nn::Bias::none, random),
                      eigen_norm::BatchNorm1d<double>(4), nn::Relu()});
  }
  return blocks;
}

TEST(Stack, gradients_are_the_slopes) {
  for (const nn::Index depth : {1, 2, 3}) {
    EXPECT_LT(worst_gradient_error(Stack(make_blocks(depth)), random_matrix(6, 5)), 1e-7) << depth;
  }
}

TEST(Stack, is_a_chain_of_its_layers) {
  const std::vector<Block> blocks = make_blocks(3);
  Stack stack(blocks);
  nn::Chain<Matrix, Block, Block, Block> chain{blocks[0], blocks[1], blocks[2]};
  const Matrix x = random_matrix(6, 5);
  EXPECT_EQ(stack.forward(x), chain.forward(x));
  EXPECT_EQ(stack.infer(x), chain.infer(x));
  const Matrix dy = random_matrix(6, 4);
  EXPECT_EQ(stack.backward(x, dy), chain.backward(x, dy));
}

TEST(Stack, clears_and_visits_what_its_layers_hold) {
  Stack stack(make_blocks(2));
  const Matrix x = random_matrix(6, 5);
  stack.forward(x);
  stack.backward(x, random_matrix(6, 4));
  stack.zero_grad();
  std::string sizes, states;
  stack.for_each_parameter([&](std::string_view, auto& value, auto& grad) {
    EXPECT_TRUE((nn::flat(grad) == 0.0).all());
    sizes += std::to_string(value.size()) + ' ';
  });
  stack.for_each_state([&](std::string_view name, auto&) { states += std::string(name) + ' '; });
  EXPECT_EQ(sizes, "20 4 4 16 4 4 ");
  const std::string block = "weight weight bias running_mean running_var num_batches_tracked ";
  EXPECT_EQ(states, block + block);
}

TEST(Stack, refuses_to_be_empty) {
  try {
    Stack stack(std::vector<Block>{});
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()), "Stack: expected at least 1 layer, got none");
  }
}

}  // namespace
