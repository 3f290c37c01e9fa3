// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "regressions/expectations.hpp"

// Data whose squares overflow or underflow float.
namespace eigen_norm::test {
namespace {

void expect_accurate_everywhere(Real size, double eps) {
  for (const Kind kind : every_kind) {
    const LayerSetup c{kind, {3, 4, 5, 7}, 1, 2, Eigen::RowMajor, eps};
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

// A model that begins with weights of 1e-10: LayerNorm gives inf and NaN on one device alone.
TEST(PyTorch, Issue141642NumbersOf1e10thWithDefaultEps) {
  expect_accurate_everywhere(1e-10L, 1e-5);
  expect_accurate_everywhere(1e-10L, 1e-12);
}

// Below the smallest normal number: flushing them to 0 would make each row a constant.
TEST(Float, Subnormals) {
  for (const Kind kind : every_kind) {
    const LayerSetup c{kind, {3, 4, 5, 7}, 1, 2, Eigen::RowMajor, 1e-76};
    const Logical x = random_normal(c.dims, 1, 0, 1e-39L);
    EXPECT_LE(measure(c, x, x).y, float_bound) << c.text();
  }
}

// The gradient of RMSNorm, where two terms of 2 leave 8e-4: -3.9976 on one of ggml's two paths, and
// an unstable training in pull request 1197.
TEST(Ggml, Issue1491RmsNormBackward) {
  RMSNormOptions options;
  options.eps = 1e-4;
  RMSNorm<double> norm(4, options);
  Eigen::RowVector4d x(1, 0, 0, 0), dx;
  norm.forward(x);
  norm.backward(x, x, dx);
  const double mean_square = 0.2501;
  EXPECT_NEAR(dx(0), 1e-4 / (mean_square * std::sqrt(mean_square)), 1e-15);
  EXPECT_EQ(dx.tail(3).cwiseAbs().maxCoeff(), 0);
}

}  // namespace
}  // namespace eigen_norm::test
