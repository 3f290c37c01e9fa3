// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "regressions/expectations.hpp"

// Groups of equal numbers and groups of one: x - mean is 0 and y is beta, exactly.
namespace eigen_norm::test {
namespace {

// Each element is what `value` says of its channel.
template <typename Value>
Logical by_channel(const Dims& dims, std::size_t axis, const Value& value) {
  Logical x(dims);
  for_each_index(dims, [&](const Dims& at) { x.at(at) = static_cast<float>(value(at[axis])); });
  return x;
}

Logical constant(const Dims& dims, float value) { return Logical(dims, static_cast<Real>(value)); }

// LayerNorm(2, eps = 1e-6) of [14, 14]: 1.0001 instead of 1.
TEST(PyTorch, Issue108072LayerNormOfEqualNumbers) {
  expect_exactly_beta(rows(1, 2, 1e-6), row_of({2, 2}));
  expect_exactly_beta(rows(1, 2, 1e-6), row_of({14, 14}));
}

// GroupNorm(27, 27) of (7, 27): up to 2.8e-5 instead of 0.
TEST(PyTorch, Issue94288GroupsOfOneNumber) {
  const Dims dims{7, 27, 1, 1};
  const Logical x = random_normal(dims, 1);
  expect_exactly_beta({Kind::group_norm, dims, 1, 27}, x);
  expect_exactly_beta(rows(189, 1), reshaped(x, {1, 1, 189, 1}));
}

// Channels that are constant at up to 1e10: -1 and 1 instead of 0.
TEST(PyTorch, Issue5410BatchNormOfConstantChannels) {
  const Dims dims{1, 5, 10, 10};
  for (const Real scale : {1.0L, 1e5L, 1e10L}) {
    expect_exactly_beta({Kind::batch_norm, dims}, by_channel(dims, 1, [&](Index c) {
                          return scale / static_cast<Real>(2 * c - 5);
                        }));
  }
}

// Release 1.13 on the CPU: 10000.1 gives 0.026 (BatchNorm), 1.003 (channels last) and 0.081
// (LayerNorm) instead of 0.
TEST(PyTorch, Release113ConstantsThatSumsRound) {
  for (const float value : {10000.1F, 3.3e7F, 0.1F}) {
    for (const Index axis : {1, 3}) {
      const Dims dims = axis == 1 ? Dims{8, 6, 31, 17} : Dims{8, 31, 17, 6};
      expect_exactly_beta({Kind::batch_norm, dims, axis}, constant(dims, value));
      expect_exactly_beta({Kind::group_norm, dims, axis, 3}, constant(dims, value));
    }
    expect_exactly_beta(rows(3, 5), constant({1, 1, 3, 5}, value));
  }
}

// A 3x3 plane of 100, whose mean was taken for 100.000015: -0.00483.
TEST(Caffe, Issue3963BatchNormOfAConstantPlane) {
  expect_exactly_beta({Kind::batch_norm, {1, 1, 3, 3}}, constant({1, 1, 3, 3}, 100));
}

// LayerNorm of 256 times 1234: the root of a negative variance, NaN.
TEST(OnnxRuntime, Issue21935LayerNormOfAConstantRow) {
  expect_exactly_beta(rows(1, 256), constant({1, 1, 1, 256}, 1234));
}

// 1e6 with a spread of 1e-3 and 1e7 with one of 1e-2, which float rounds away: NaN.
TEST(OnnxRuntime, PullRequest31973SpreadsBelowTheLastDigit) {
  expect_exactly_beta(rows(2, 4096), random_normal({1, 1, 2, 4096}, 1, 1e6L, 1e-3L));
  expect_exactly_beta(rows(2, 4096), random_normal({1, 1, 2, 4096}, 1, 1e7L, 1e-2L));
}

// 1e15 + i is one number in float.
TEST(IntelXpu, Issue1374ConsecutiveNumbersAt1e15InFloat) {
  expect_exactly_beta(rows(1, 105), constant({1, 1, 1, 105}, 1e15F));
}

// Without eps, a constant channel is 0 / 0 in LayerNorm, in GroupNorm and in eval; later releases
// refuse eps = 0 in training.
TEST(PyTorch, Release113ConstantsWithoutEps) {
  for (const Kind kind : every_kind) {
    if (kind == Kind::rms_norm) continue;
    const LayerSetup c{kind, {2, 6, 3, 5}, 1, 2, Eigen::RowMajor, 0};
    const Logical x = constant(c.dims, 3);
    expect_exactly_beta(c, x);
    const Answers got = ask(c, x, random_normal(c.dims, 2),
                            {random_gamma(c.parameters(), 1), random_beta(c.parameters(), 2)});
    EXPECT_EQ(largest(got.dx.values, 0), 0) << c.text();
  }
}

TEST(PyTorch, Release113EvalOfVarianceZeroWithoutEps) {
  BatchNormOptions options;
  options.eps = 0;
  BatchNorm1d<float> norm(2, options);
  norm.running_mean() << 3, 5;
  norm.running_var() << 0, 4;
  norm.beta().setConstant(0.25F);
  Eigen::MatrixXf x(1, 2), want(1, 2);
  x << 3, 9;
  want << 0.25F, 2.25F;
  EXPECT_EQ(norm.infer(x), want);
}

// LayerNorm of one number: with a weight above 1e10, no longer the bias.
TEST(PyTorch, Issue98075LayerNormOfOneNumberUnderALargeWeight) {
  for (const float weight : {1e10F, 1e20F, 1e38F}) {
    LayerNorm<float> norm(1);
    norm.gamma() << weight;
    norm.beta() << -1;
    EXPECT_EQ(norm.infer(Eigen::MatrixXf::Constant(1, 1, -3))(0, 0), -1);
  }
}

// RMSNorm of zeros: a gradient of gamma that is another in every run, up to 1e20.
TEST(FlashAttention, Issue781RmsNormOfZeros) {
  const LayerSetup c{Kind::rms_norm, {1, 1, 3, 4}};
  const Logical x(c.dims);
  const Affine affine{random_gamma(4, 1), {}};
  for (int run = 0; run < 3; ++run) {
    const Answers got = ask(c, x, random_normal(c.dims, 2), affine);
    EXPECT_EQ(got.y.values, x.values);
    EXPECT_EQ(got.dgamma, Values(4, 0));
  }
}

}  // namespace
}  // namespace eigen_norm::test
