// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "regressions/expectations.hpp"

// Data whose squares overflow or underflow float.
namespace eigen_norm::test {
namespace {

LayerSetup small_images(Kind kind, double eps) {
  return {kind, {3, 4, 5, 7}, 1, 2, Eigen::RowMajor, eps};
}

void expect_accurate_everywhere(Real size, double eps) {
  for (const Kind kind : every_kind) {
    const LayerSetup c = small_images(kind, eps);
    expect_accurate(c, random_normal(c.dims, 1, 0, size));
    expect_accurate(c, random_normal(c.dims, 1, 2 * size, size));
  }
}

// Release 1.13: the variance of rows of 1e20 and -1e20 overflows, and y is 0 instead of 1 and -1.
TEST(PyTorch, Release113RowsOf1e20) {
  expect_accurate(rows(1, 8), row_of({1e20L, -1e20L, 1e20L, 1e20L, -1e20L, -1e20L, 1e20L, -1e20L}));
  expect_accurate_everywhere(1e20L, 1e-5);
}

// 1e30: all zeros on the CPU, NaN on the GPU, in every layer.
TEST(PyTorch, Issue162489VarianceBeyondFloat) { expect_accurate_everywhere(1e30L, 1e-5); }

// InstanceNorm of four numbers up to 3e38: NaN, "divide every element by its maximum".
TEST(MxNet, Issue19852InstanceNormAtTheEndOfFloat) {
  const LayerSetup c{Kind::instance_norm, {1, 1, 4, 1}};
  expect_accurate(
      c, Logical(c.dims,
                 row_of({1.4918449e38L, 9.0072335e37L, -1.3146734e38L, 3.0568930e38L}).values));
}

// Tiny rows without eps: the variance of 1e-25 underflows to 0.
TEST(PyTorch, Release113TinyNumbersWithoutEps) {
  expect_accurate_everywhere(1e-25L, 0);
  expect_accurate_everywhere(1e-35L, 0);
}

// A model that begins with weights of 1e-10: LayerNorm gives inf and NaN on one device alone. Under
// eps xhat is 3e-8 or 1e-4: beside a beta of 0, y is measured on the scale of its own.
TEST(PyTorch, Issue141642NumbersOf1e10thWithDefaultEps) {
  for (const double eps : {1e-5, 1e-12}) {
    expect_accurate_everywhere(1e-10L, eps);
    for (const Kind kind : every_kind) {
      const LayerSetup c = small_images(kind, eps);
      const Affine affine{random_gamma(c.parameters(), 11),
                          Values(static_cast<std::size_t>(c.parameters()), 0)};
      const Logical x = random_normal(c.dims, 1, 2e-10L, 1e-10L);
      const Logical want = subject_of(c).definition(x, x, affine, static_cast<Real>(eps)).y;
      SCOPED_TRACE(c.text());
      expect_close("y", ask(c, x, x, affine).y, want, float_bound, largest(want.values, 0));
    }
  }
}

// Below the smallest normal number: flushing them to 0 would make each row a constant.
TEST(Float, Subnormals) {
  for (const Kind kind : every_kind) {
    const LayerSetup c = small_images(kind, 1e-76);
    const Logical x = random_normal(c.dims, 1, 0, 1e-39L);
    EXPECT_LE(measure(c, x, x).y, float_bound) << c.text();
  }
}

// dx = 1e-4 / 0.2501^1.5, what is left of two terms of 2, by each of which it may be off.
template <typename Scalar>
void expect_gradient_in_place(double tolerance) {
  using Row = Eigen::Matrix<Scalar, 1, 4>;
  RMSNormOptions options;
  options.eps = 1e-4;
  RMSNorm<Scalar> norm(4, options);
  for (const bool over_dy : {true, false}) {
    Row x(1, 0, 0, 0), dy = x;
    norm.forward(x);
    Row& dx = over_dy ? dy : x;
    norm.backward(x, dy, dx);
    EXPECT_NEAR(dx(0), 1e-4 / std::pow(0.2501, 1.5), 2 * tolerance) << over_dy;
    EXPECT_EQ(dx.tail(3).cwiseAbs().maxCoeff(), 0) << over_dy;
  }
}

// dx of RMSNorm in the place of dy: x was written there before dy was read, and dx was -3.9976.
TEST(Ggml, Issue1491RmsNormBackwardInPlace) {
  expect_gradient_in_place<float>(static_cast<double>(float_bound));
  expect_gradient_in_place<double>(1e-15);
}

}  // namespace
}  // namespace eigen_norm::test
