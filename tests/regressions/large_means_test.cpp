// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "regressions/expectations.hpp"

// Data far from zero, where a variance taken as E[x^2] - E[x]^2, or a mean summed in float, loses
// every digit.
namespace eigen_norm::test {
namespace {

// LayerNorm in one pass: all variances 0 instead of 1e-4.
TEST(PyTorch, Issue40302LargeMeanSmallSpread) {
  const LayerSetup c = rows(4, 32768);
  expect_accurate(c, random_normal(c.dims, 1, 100, 0.01L));
}

// LayerNorm(4) of randn(5, 4) + 2000: variances of the result from 0.05 to 48425 instead of 1.
TEST(PyTorch, Issue51102LayerNormAt2000) {
  const LayerSetup c = rows(500, 4);
  expect_accurate(c, random_normal(c.dims, 1, 2000));
}

// GroupNorm of 3.8e7 numbers in [0, 1): off by 0.012 on the CPU. Here mean and variance are exact:
// four numbers, each as often as the others, in random order.
TEST(PyTorch, Issue54293GroupNormOfMillionsOfNumbers) {
  std::mt19937 generator(1);
  Eigen::VectorXf x(9'000'000);
  float four[] = {0.125F, 0.375F, 0.625F, 0.875F};
  for (Index i = 0; i < x.size(); i += 4) {
    std::shuffle(std::begin(four), std::end(four), generator);
    std::copy(std::begin(four), std::end(four), x.data() + i);
  }
  GroupNormOptions options;
  options.gamma = options.beta = false;
  const GroupNorm<float> norm(1, 9, options);
  const Eigen::TensorMap<Eigen::Tensor<float, 4, Eigen::RowMajor>> images(x.data(), 1, 9, 1000,
                                                                          1000);
  const Eigen::Tensor<float, 4, Eigen::RowMajor> y = norm.infer(images);
  const double inv_std = 1 / std::sqrt(0.078125 + 1e-5);
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i) {
    const double want = (static_cast<double>(x[i]) - 0.5) * inv_std;
    worst = std::max(worst, std::abs(static_cast<double>(y.data()[i]) - want));
  }
  EXPECT_LE(worst, 2e-6);
}

// Release 1.13 on the CPU, forward: off by 8.8e-4 (BatchNorm), 1.6e-2 (channels last), 1.2e-3
// (GroupNorm), 1.3e3 (channels last) and 3.1e-3 (LayerNorm); backward by 6.8e-3 (LayerNorm).
TEST(PyTorch, Release113AtMean10000) {
  for (const Index axis : {1, 3}) {
    const Dims dims = axis == 1 ? Dims{4, 8, 16, 16} : Dims{4, 16, 16, 8};
    const Logical x = random_normal(dims, 1, 10000);
    expect_accurate({Kind::batch_norm, dims, axis}, x);
    expect_accurate({Kind::group_norm, dims, axis, 4}, x);
  }
  expect_accurate(rows(256, 32), random_normal({1, 1, 256, 32}, 1, 10000));
}

// NaN for [40000, 40001, 40002, 40003] and [80000, ...], of which 1 is no small spread.
TEST(OnnxRuntime, Issue28463LayerNormOfConsecutiveNumbers) {
  for (const Real base : {40000, 80000}) {
    expect_accurate(rows(1, 4), row_of({base, base + 1, base + 2, base + 3}));
  }
}

// The same of TVM's importer.
TEST(Tvm, Issue19592LayerNormOfConsecutiveNumbers) {
  expect_accurate(rows(1, 4), row_of({80000, 80001, 80002, 80003}));
}

// A mean summed in float: off by 100 percent at 1e7 over 4096 elements.
TEST(OnnxRuntime, PullRequest31973LayerNormAtTenMillion) {
  const LayerSetup c = rows(4, 4096);
  expect_accurate(c, random_normal(c.dims, 1, 1e7L, 3));
  expect_accurate(c, random_normal(c.dims, 1, 1e6L, 0.2L));
}

// A row of NaN on the GPU for these numbers.
TEST(Mlx, Issue2238LayerNormAt1449) {
  expect_accurate(
      rows(1, 16),
      row_of({1449.570556640625L, 1448.8741455078125L, 1450.650390625L, 1449.2633056640625L,
              1449.7763671875L, 1449.317138671875L, 1449.3297119140625L, 1449.077880859375L,
              1449.2181396484375L, 1449.4329833984375L, 1449.1605224609375L, 1449.413330078125L,
              1449.7933349609375L, 1450.066650390625L, 1449.7762451171875L, 1450.364990234375L}));
}

// A variance clamped at 0 avoids the NaN and is as wrong: y has the size 0.1 / sqrt(eps) = 32,
// not 1.
TEST(OpenCv, PullRequest23047InstanceNormWithAClampedVariance) {
  const Dims dims{2, 3, 8, 8};
  expect_accurate({Kind::instance_norm, dims}, random_normal(dims, 1, 4096, 0.1L));
}

// BatchNorm in one pass of float until September 2025; LayerNorm still is, without a clamp.
TEST(Dlib, PullRequest3113BatchNormInOnePass) {
  const Dims dims{8, 3, 5, 7};
  expect_accurate({Kind::batch_norm, dims}, random_normal(dims, 1, 1e5L));
  expect_accurate(rows(8, 105), random_normal({1, 1, 8, 105}, 1, 1e5L));
}

// moments() returns variances below 0: -0.0021.
TEST(TensorFlow, Issue3290NegativeVariance) {
  const Dims dims{16, 4, 4, 3};
  expect_accurate({Kind::batch_norm, dims, 3}, random_normal(dims, 1, -300, 0.01L));
}

// E[x^2] - E[x]^2, clamped (Flax, by default) or not (Objax, Haiku).
TEST(Objax, Issue182FastVariance) {
  const Dims dims{32, 1, 1, 24};
  expect_accurate({Kind::batch_norm, dims, 3}, random_normal(dims, 1, 1000, 0.1L));
}

// BatchNorm of means around 5 and -5 with sigma 0.1: NaN.
TEST(TtMetal, Issue45968BatchNormOfLargeMeans) {
  const Dims dims{2, 8, 16, 16};
  Logical x = random_normal(dims, 1, 5, 0.1L);
  for_each_index(dims, [&](const Dims& at) {
    if (at[1] % 2 == 1) x.at(at) *= -1;
  });
  expect_accurate({Kind::batch_norm, dims}, x);
}

// 1e15 + i in double: squares of 1e30, and a variance of 1e3.
TEST(IntelXpu, Issue1374ConsecutiveNumbersAt1e15) {
  Logical x({2, 105});
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = 1e15L + static_cast<Real>(i);
  const Logical dy = random_normal(x.dims, 2);
  const Reference want = layer_norm(x, dy, {}, 1e-5L);
  LayerNorm<double> norm(105);
  const RowMatrix<double> input = to_eigen<RowMatrix<double>>(x);
  expect_close("y", from_eigen(norm.forward(input)), want.y, 1e-12L);
  expect_close("dx", from_eigen(norm.backward(input, to_eigen<RowMatrix<double>>(dy))), want.dx,
               1e-12L, want.inv_std[0]);
}

}  // namespace
}  // namespace eigen_norm::test
