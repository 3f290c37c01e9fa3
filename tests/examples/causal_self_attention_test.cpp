// SPDX-License-Identifier: MIT
#include "nn/causal_self_attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "checks.hpp"
#include "support/errors.hpp"

namespace {

using nn::CausalSelfAttention;
using nn::Index;
using Matrix = nn::Matrix<double>;

struct Shape {
  Index sequences, context, width, heads;
  Matrix input() const { return random_matrix(sequences * context, 3 * width); }
  CausalSelfAttention layer() const { return {context, width, heads}; }
};

const Shape shapes[] = {{2, 5, 6, 2}, {3, 1, 4, 1}, {1, 4, 3, 3}, {1, 9, 8, 1}};

/// The sums in the class comment, term by term.
Matrix by_definition(const Matrix& x, const Shape& shape) {
  const auto& [sequences, context, width, heads] = shape;
  const Index d_count = width / heads;
  Matrix y = Matrix::Zero(x.rows(), width);
  for (Index n = 0; n < sequences; ++n)
    for (Index h = 0; h < heads; ++h)
      for (Index i = 0; i < context; ++i) {
        const Index row = n * context;
        double total = 0.0;
        for (Index j = 0; j <= i; ++j) {
          double s = 0.0;
          for (Index d = h * d_count; d < (h + 1) * d_count; ++d) {
            s += x(row + i, d) * x(row + j, width + d) / std::sqrt(static_cast<double>(d_count));
          }
          total += std::exp(s);
          for (Index d = h * d_count; d < (h + 1) * d_count; ++d) {
            y(row + i, d) += std::exp(s) * x(row + j, 2 * width + d);
          }
        }
        y.row(row + i).segment(h * d_count, d_count) /= total;
      }
  return y;
}

TEST(CausalSelfAttention, is_the_sum_of_its_definition) {
  for (const Shape& shape : shapes) {
    const Matrix x = shape.input();
    const Matrix y = shape.layer().infer(x);
    EXPECT_TRUE(y.isApprox(by_definition(x, shape), 1e-14)) << "T = " << shape.context;
  }
}

TEST(CausalSelfAttention, gradients_are_the_slopes) {
  for (const Shape& shape : shapes) {
    EXPECT_LT(worst_gradient_error(shape.layer(), shape.input()), 1e-8) << "T = " << shape.context;
  }
}

TEST(CausalSelfAttention, sees_neither_later_positions_nor_other_sequences) {
  const Shape shape{2, 5, 6, 2};
  const Matrix x = shape.input();
  const Matrix before = shape.layer().infer(x);
  Matrix other = x;
  other.row(3).setConstant(7.0);  // the fourth position of the first sequence
  const Matrix after = shape.layer().infer(other);
  EXPECT_EQ(after.topRows(3), before.topRows(3));
  EXPECT_EQ(after.bottomRows(5), before.bottomRows(5));
  EXPECT_NE(after.row(3), before.row(3));
  EXPECT_NE(after.row(4), before.row(4));
}

TEST(CausalSelfAttention, refuses_heads_that_do_not_divide_the_width) {
  eigen_norm::test::expect_error<std::invalid_argument>(
      "attention: expected a number of heads that divides the width 100, got 3",
      [] { CausalSelfAttention(64, 100, 3); });
}

TEST(Softmax, stays_finite_for_huge_scores) {
  Eigen::RowVectorXf x(3);
  x << 1e30F, 1e30F, -std::numeric_limits<float>::max();
  nn::softmax(x);
  EXPECT_EQ(x, Eigen::RowVector3f(0.5F, 0.5F, 0.0F));
}

}  // namespace
