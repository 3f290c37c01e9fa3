// SPDX-License-Identifier: MIT
#include "nn/transformer.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string_view>

#include "checks.hpp"
#include "nn/adam.hpp"
#include "nn/softmax_cross_entropy.hpp"
#include "support/errors.hpp"

namespace {

using nn::Index;
using nn::Tokens;
using Matrix = nn::Matrix<double>;
using Norm = nn::TransformerOptions::Norm;
using Placement = nn::TransformerOptions::Placement;

/// Two sequences of three tokens; 1 comes more than once, 3 never.
Tokens some_tokens() { return (Tokens(2, 3) << 1, 0, 4, 2, 1, 1).finished(); }

/// A layer of tokens as one of numbers, y = x + layer(tokens), for the check of its gradients.
template <typename Layer>
struct BesideNumbers {
  Layer layer;

  Matrix forward(const Matrix& x) { return x + layer.forward(some_tokens()); }
  Matrix backward(const Matrix&, const Matrix& dy) {
    layer.backward(some_tokens(), dy);
    return dy;
  }
  void zero_grad() { layer.zero_grad(); }
  template <typename Visit>
  void for_each_parameter(Visit&& visit) {
    layer.for_each_parameter(visit);
  }
};

template <typename Layer>
double worst_gradient_error_of_tokens(const Layer& layer) {
  const Matrix y = layer.infer(some_tokens());
  return worst_gradient_error(BesideNumbers<Layer>{layer}, random_matrix(y.rows(), y.cols()));
}

TEST(Embedding, adds_the_rows_of_token_and_position) {
  nn::Random random(1);
  nn::Embedding<double> layer(5, 3, 2, random);
  Matrix token, position;
  layer.for_each_parameter([&](std::string_view name, auto& value, auto&) {
    (name == "token" ? token : position) = value;
  });
  const Matrix y = layer.infer(some_tokens());
  ASSERT_EQ(y.rows(), 6);
  EXPECT_EQ(y.row(0), token.row(1) + position.row(0));
  EXPECT_EQ(y.row(2), token.row(4) + position.row(2));
  EXPECT_EQ(y.row(4), token.row(1) + position.row(1));
}

TEST(Embedding, gradients_are_the_slopes) {
  nn::Random random(1);
  EXPECT_LT(worst_gradient_error_of_tokens(nn::Embedding<double>(5, 3, 2, random)), 1e-8);
}

template <typename Scalar = double>
nn::Transformer<Scalar> make_transformer(Norm norm, Placement placement) {
  nn::Random random(2);
  nn::TransformerOptions options{5};
  options.context = 3;
  options.width = 4;
  options.heads = 2;
  options.layers = 2;
  options.norm = norm;
  options.placement = placement;
  return nn::Transformer<Scalar>(options, random);
}

TEST(Transformer, gradients_are_the_slopes_with_every_normalization_before_or_after) {
  for (const Norm norm : {Norm::layer, Norm::rms, Norm::none}) {
    for (const Placement placement : {Placement::pre, Placement::post}) {
      EXPECT_LT(worst_gradient_error_of_tokens(make_transformer(norm, placement)), 1e-7)
          << "norm " << static_cast<int>(norm) << ", placement " << static_cast<int>(placement);
    }
  }
}

Index parameters(nn::Transformer<double> model) {
  Index count = 0;
  model.for_each_parameter(
      [&](std::string_view, const auto& value, const auto&) { count += value.size(); });
  return count;
}

TEST(Transformer, has_the_norms_it_was_asked_for) {
  const Index none = parameters(make_transformer(Norm::none, Placement::pre));
  // two sublayers in each of two blocks, one more norm at the end of a pre-norm
  EXPECT_EQ(parameters(make_transformer(Norm::layer, Placement::post)), none + 4 * 2 * 4);
  EXPECT_EQ(parameters(make_transformer(Norm::layer, Placement::pre)), none + 5 * 2 * 4);
  EXPECT_EQ(parameters(make_transformer(Norm::rms, Placement::pre)), none + 5 * 4);
  EXPECT_EQ(parameters(make_transformer(Norm::none, Placement::post)), none);
}

TEST(Transformer, sees_no_later_token) {
  for (const Placement placement : {Placement::pre, Placement::post}) {
    const auto model = make_transformer(Norm::layer, placement);
    Tokens other = some_tokens();
    other(0, 2) = 3;
    const Matrix before = model.infer(some_tokens());
    const Matrix after = model.infer(other);
    EXPECT_EQ(after.topRows(2), before.topRows(2));
    EXPECT_NE(after.row(2), before.row(2));
    EXPECT_EQ(after.bottomRows(3), before.bottomRows(3));
  }
}

TEST(Transformer, learns_a_sequence_by_heart) {
  for (const Norm norm : {Norm::layer, Norm::rms}) {
    auto model = make_transformer<float>(norm, Placement::pre);
    nn::Adam<float> optimizer(1e-2);
    const nn::Labels next = (nn::Labels(6) << 0, 4, 2, 1, 1, 3).finished();
    double loss = 0.0;
    for (int step = 0; step < 200; ++step) {
      const auto result = nn::softmax_cross_entropy(model.forward(some_tokens()), next);
      loss = result.loss;
      model.zero_grad();
      model.backward(some_tokens(), result.gradient);
      optimizer.step(model);
    }
    EXPECT_LT(loss, 0.05) << "norm " << static_cast<int>(norm);
  }
}

TEST(Transformer, refuses_heads_that_do_not_divide_the_width) {
  nn::Random random(1);
  nn::TransformerOptions options{5};
  options.heads = 5;
  eigen_norm::test::expect_error<std::invalid_argument>(
      "attention: expected a number of heads that divides the width 96, got 5",
      [&] { nn::Transformer<float>(options, random); });
}

}  // namespace
