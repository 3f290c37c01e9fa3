// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "eigen_norm/batch_norm.hpp"
#include "eigen_norm/group_norm.hpp"
#include "eigen_norm/layer_norm.hpp"
#include "eigen_norm/rms_norm.hpp"
#include "support/layer_check.hpp"

// half and bfloat16: all is computed in float or wider and rounded once, at the end.
namespace eigen_norm::test {
namespace {

template <typename Scalar>
using Images = Eigen::Tensor<Scalar, 4, Eigen::RowMajor>;

template <typename Scalar>
Logical rounded(Logical x) {
  for (Real& value : x.values) value = static_cast<Real>(static_cast<Scalar>(value));
  return x;
}

// Half a unit in the last of so many digits, beside what float may be off by.
void expect_rounded_once(const Logical& got, const Logical& want, int digits, Real scale = 1) {
  Real worst = 0;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    const Real allowed = std::ldexp(std::abs(want.values[i]), -digits) + 2e-6L * scale;
    const Real error = std::abs(got.values[i] - want.values[i]);
    worst = std::max(worst, std::isfinite(error) ? error / allowed : error);
    ASSERT_FALSE(std::isnan(error)) << i;
  }
  EXPECT_LE(worst, 1);
}

// LayerNorm in fp16: sums of 4096 numbers around 100 are beyond 65504, squares of 300 as well.
// ONNX Runtime (17692, 29034), NNTrainer (3785) and Keras (22586) had the same.
TEST(PyTorch, Issue66707LayerNormInHalf) {
  for (const Real mean : {100.0L, 300.0L}) {
    const Logical x = rounded<Eigen::half>(random_normal({3, 4096}, 1, mean, mean / 4));
    const LayerNorm<Eigen::half> norm(4096);
    expect_rounded_once(from_eigen(norm.infer(to_eigen<RowMatrix<Eigen::half>>(x))),
                        layer_norm(x, x, {}, 1e-5L).y, 11, 4);
  }
}

// BatchNorm in fp16, channels last, on the CPU: a gradient of NaN.
TEST(PyTorch, Issue147303BatchNormBackwardInHalfChannelsLast) {
  BatchNormOptions options;
  options.channels = ChannelAxis::last;
  BatchNorm2d<Eigen::half> norm(3, options);
  const Logical x = rounded<Eigen::half>(random_normal({4, 9, 7, 3}, 1, 50, 5));
  const Logical dy = rounded<Eigen::half>(random_normal(x.dims, 2));
  const Reference want = batch_norm(x, dy, {}, 1e-5L, 3);
  const auto input = to_eigen<Images<Eigen::half>>(x);
  norm.forward(input);
  expect_rounded_once(from_eigen(norm.backward(input, to_eigen<Images<Eigen::half>>(dy))), want.dx,
                      11);
}

// GroupNorm in bfloat16 beside float: equal for most seeds only.
TEST(PyTorch, Issue116608GroupNormInBfloat16) {
  const GroupNorm<Eigen::bfloat16> norm(2, 4);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Logical x = rounded<Eigen::bfloat16>(random_normal({2, 4, 3, 5}, seed, 1));
    expect_rounded_once(from_eigen(norm.infer(to_eigen<Images<Eigen::bfloat16>>(x))),
                        group_norm(x, x, {}, 1e-5L, 2).y, 8, 4);
  }
}

// RMSNorm without an eps: that of float, in which it computes (1.2e-7), where half's 9.8e-4 turned
// 0.94 into 0.03.
TEST(PyTorch, PullRequest142848EpsilonOfTheTypeThatComputes) {
  const RMSNorm<Eigen::half> norm(4);
  const Logical x = rounded<Eigen::half>(Logical({1, 4}, Values{1e-3L, -1e-3L, 1e-3L, -1e-3L}));
  const Real eps = std::ldexp(Real(1), -23);
  expect_rounded_once(from_eigen(norm.infer(to_eigen<RowMatrix<Eigen::half>>(x))),
                      rms_norm(x, x, {}, eps).y, 11);
}

// Eigen's sum() of halves adds in half: 2^20 numbers in [0, 1) add up to 2048 or 32768.
TEST(Eigen, SumsOfHalvesThatStopGrowing) {
  BatchNorm1d<Eigen::half> norm(1);
  const Logical x = rounded<Eigen::half>(random_uniform({1 << 17, 1}, 1, 0, 1));
  Real mean = 0;
  for (const Real value : x.values) mean += value / static_cast<Real>(x.size());
  norm.forward(to_eigen<ColMatrix<Eigen::half>>(x));
  EXPECT_NEAR(norm.batch_mean()(0), static_cast<double>(mean), 1e-6);
}

}  // namespace
}  // namespace eigen_norm::test
