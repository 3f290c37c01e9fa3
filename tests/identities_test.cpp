// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "eigen_norm/eigen_norm.hpp"
#include "support/layer_check.hpp"
#include "support/shapes.hpp"

// What two layers, two layouts or two inputs have in common.
namespace eigen_norm::test {
namespace {

template <int Rank>
using RowTensor = Eigen::Tensor<double, Rank, Eigen::RowMajor>;
template <int Rank>
using ColTensor = Eigen::Tensor<double, Rank, Eigen::ColMajor>;

struct Answer {
  Logical y;
  Logical dx;
  Values dgamma;
  Values dbeta;
};

// x and dy as they are in Object, with dimensions in `order` if there is one.
template <typename Object, typename Layer>
Answer ask(Layer layer, const Logical& x, const Logical& dy) {
  const Object input = to_eigen<Object>(x);
  const Object gradient = to_eigen<Object>(dy);
  Answer answer;
  answer.y = from_eigen(layer.forward(input));
  answer.dx = from_eigen(layer.backward(input, gradient));
  answer.dgamma = from_parameters(layer.gamma_grad());
  answer.dbeta = from_parameters(layer.beta_grad());
  return answer;
}

void expect_alike(const Answer& got, const Answer& want, Real tolerance) {
  expect_close("y", got.y, want.y, tolerance);
  expect_close("dx", got.dx, want.dx, tolerance);
  expect_close("dgamma", got.dgamma, want.dgamma, tolerance);
  expect_close("dbeta", got.dbeta, want.dbeta, tolerance);
}

void expect_same_bits(const Answer& got, const Answer& want) { expect_alike(got, want, 0); }

template <typename Layer>
Layer with_affine(Layer layer) {
  set_affine(layer, {random_gamma(layer.gamma().size(), 1), random_beta(layer.beta().size(), 2)});
  return layer;
}

Logical sample(const Dims& dims) { return random_normal(dims, 3, 0.5L, 2); }
Logical cotangent(const Dims& dims) { return random_normal(dims, 4); }

// InstanceNorm by definition: each plane by itself.
TEST(GroupNorm, OfOneChannelPerGroupIsInstanceNorm) {
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  const auto norm = with_affine(GroupNorm<double>(6, 6));
  const Answer got = ask<RowTensor<4>>(norm, x, dy);
  for (Index n = 0; n < 3; ++n) {
    for (Index c = 0; c < 6; ++c) {
      Real mean = 0, var = 0;
      const Dims plane{5, 7};
      for_each_index(plane, [&](const Dims& at) { mean += x.at({n, c, at[0], at[1]}) / 35; });
      for_each_index(plane, [&](const Dims& at) {
        const Real centred = x.at({n, c, at[0], at[1]}) - mean;
        var += centred * centred / 35;
      });
      for_each_index(plane, [&](const Dims& at) {
        const Real xhat = (x.at({n, c, at[0], at[1]}) - mean) / std::sqrt(var + 1e-5L);
        const Real want = Real(norm.gamma()(c)) * xhat + Real(norm.beta()(c));
        ASSERT_NEAR(static_cast<double>(got.y.at({n, c, at[0], at[1]})), static_cast<double>(want),
                    1e-12);
      });
    }
  }
}

TEST(InstanceNorm, IsGroupNormOfOneChannelPerGroup) {
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  InstanceNormOptions options;
  options.gamma = options.beta = true;
  expect_same_bits(ask<RowTensor<4>>(with_affine(InstanceNorm2d<double>(6, options)), x, dy),
                   ask<RowTensor<4>>(with_affine(GroupNorm<double>(6, 6)), x, dy));
}

TEST(GroupNorm, OfOneGroupIsLayerNormOverEverythingButTheSamples) {
  GroupNormOptions group;
  group.gamma = group.beta = false;
  LayerNormOptions layer;
  layer.gamma = layer.beta = false;
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  const GroupNorm<double> one(1, 6, group);
  const LayerNorm<double> all({6, 5, 7}, layer);
  expect_alike(ask<RowTensor<4>>(one, x, dy), ask<RowTensor<4>>(all, x, dy), 1e-12L);
  expect_alike(ask<ColTensor<4>>(one, x, dy), ask<ColTensor<4>>(all, x, dy), 1e-12L);
}

TEST(GroupNorm, OfOneGroupOnAMatrixIsLayerNorm) {
  const Logical x = sample({9, 33}), dy = cotangent(x.dims);
  const auto group = with_affine(GroupNorm<double>(1, 33));
  const auto layer = with_affine(LayerNorm<double>(33));
  expect_same_bits(ask<RowMatrix<double>>(group, x, dy), ask<RowMatrix<double>>(layer, x, dy));
  expect_same_bits(ask<ColMatrix<double>>(group, x, dy), ask<ColMatrix<double>>(layer, x, dy));
}

TEST(BatchNorm2d, OfOneSampleNormalisesEveryPlaneByItself) {
  const Logical x = sample({1, 6, 5, 7}), dy = cotangent(x.dims);
  const auto batch = with_affine(BatchNorm2d<double>(6));
  const auto planes = with_affine(GroupNorm<double>(6, 6));
  expect_alike(ask<RowTensor<4>>(batch, x, dy), ask<RowTensor<4>>(planes, x, dy), 1e-12L);
  expect_alike(ask<ColTensor<4>>(batch, x, dy), ask<ColTensor<4>>(planes, x, dy), 1e-12L);
}

// The statistics of (N, C) by channel are those of its transpose by row.
TEST(BatchNorm1d, OfAMatrixIsLayerNormOfItsTransposeWithoutAffine) {
  BatchNormOptions batch;
  batch.gamma = batch.beta = false;
  LayerNormOptions layer;
  layer.gamma = layer.beta = false;
  const Logical x = sample({33, 9}), dy = cotangent(x.dims);
  const Answer got = ask<RowMatrix<double>>(BatchNorm1d<double>(9, batch), x, dy);
  const Answer want = ask<RowMatrix<double>>(LayerNorm<double>(33, layer), permuted(x, {1, 0}),
                                             permuted(dy, {1, 0}));
  expect_close("y", got.y, permuted(want.y, {1, 0}), 1e-12L);
  expect_close("dx", got.dx, permuted(want.dx, {1, 0}), 1e-12L);
}

template <typename Layer>
Answer first_as_last(const Layer& layer, const Logical& x, const Logical& dy) {
  const Dims last{0, 2, 3, 1}, back{0, 3, 1, 2};
  Answer answer = ask<RowTensor<4>>(layer, permuted(x, last), permuted(dy, last));
  answer.y = permuted(answer.y, back);
  answer.dx = permuted(answer.dx, back);
  return answer;
}

TEST(ChannelAxis, IsAMatterOfOrderAlone) {
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  BatchNormOptions batch;
  GroupNormOptions group;
  batch.channels = group.channels = ChannelAxis::last;
  auto first = with_affine(BatchNorm2d<double>(6));
  auto last = with_affine(BatchNorm2d<double>(6, batch));
  expect_alike(first_as_last(last, x, dy), ask<RowTensor<4>>(first, x, dy), 1e-12L);
  expect_alike(first_as_last(with_affine(GroupNorm<double>(2, 6, group)), x, dy),
               ask<RowTensor<4>>(with_affine(GroupNorm<double>(2, 6)), x, dy), 1e-12L);
  first.eval();
  last.eval();
  EXPECT_EQ(first_as_last(last, x, dy).y.values, ask<RowTensor<4>>(first, x, dy).y.values);
}

TEST(StorageOrder, ChangesRoundingAtMost) {
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  const auto expect = [&](const auto& layer) {
    expect_alike(ask<ColTensor<4>>(layer, x, dy), ask<RowTensor<4>>(layer, x, dy), 1e-12L);
  };
  expect(with_affine(BatchNorm2d<double>(6)));
  expect(with_affine(LayerNorm<double>(7)));
  expect(with_affine(LayerNorm<double>({6, 5, 7})));
  expect(with_affine(GroupNorm<double>(2, 6)));
  expect(with_affine(GroupNorm<double>(6, 6)));
}

// With given statistics there is nothing to add up: y and dx are one formula for each element.
TEST(StorageOrder, ChangesNoBitOfBatchNormInEval) {
  const Logical x = sample({3, 6, 5, 7}), dy = cotangent(x.dims);
  auto norm = with_affine(BatchNorm2d<double>(6));
  norm.forward(to_eigen<RowTensor<4>>(x));
  norm.eval();
  const Answer row = ask<RowTensor<4>>(norm, x, dy), col = ask<ColTensor<4>>(norm, x, dy);
  EXPECT_EQ(row.y.values, col.y.values);
  EXPECT_EQ(row.dx.values, col.dx.values);
}

// A tensor, a map of it and a matrix of the same values take the same path.
TEST(Objects, OfOneMemoryLayoutGiveTheSameBits) {
  const Logical x = sample({9, 33}), dy = cotangent(x.dims);
  const auto norm = with_affine(BatchNorm1d<double>(33));
  const Answer want = ask<ColMatrix<double>>(norm, x, dy);
  expect_same_bits(ask<ColTensor<2>>(norm, x, dy), want);
  expect_same_bits(ask<ColArray<double>>(norm, x, dy), want);
}

// Scaling by a power of two is exact; so is shifting whole numbers by a whole number. eps scales
// with the square, and is 0 here.
TEST(Normalising, IsUnmovedByTheScaleOfItsInput) {
  BatchNormOptions batch;
  LayerNormOptions layer;
  GroupNormOptions group;
  batch.eps = layer.eps = group.eps = 0;
  Logical x = sample({4, 6, 5}), scaled = x;
  const Logical dy = cotangent(x.dims);
  for (Real& value : scaled.values) value *= 1024;
  const auto expect = [&](const auto& norm) {
    Answer got = ask<RowTensor<3>>(norm, scaled, dy);
    for (Real& value : got.dx.values) value *= 1024;
    expect_same_bits(got, ask<RowTensor<3>>(norm, x, dy));
  };
  expect(with_affine(BatchNorm1d<double>(6, batch)));
  expect(with_affine(LayerNorm<double>(5, layer)));
  expect(with_affine(GroupNorm<double>(2, 6, group)));
}

TEST(Normalising, IsUnmovedByAShiftOfItsInput) {
  Logical x = sample({4, 6, 5}), shifted = x;
  for (Real& value : x.values) value = std::round(8 * value);
  for (std::size_t i = 0; i < x.values.size(); ++i) shifted.values[i] = x.values[i] + 1048576;
  const Logical dy = cotangent(x.dims);
  const auto expect = [&](const auto& norm) {
    expect_alike(ask<RowTensor<3>>(norm, shifted, dy), ask<RowTensor<3>>(norm, x, dy), 1e-9L);
  };
  expect(with_affine(BatchNorm1d<double>(6)));
  expect(with_affine(LayerNorm<double>(5)));
  expect(with_affine(GroupNorm<double>(2, 6)));
}

// sum(dx) = 0 and sum(dx * xhat) = 0 (with eps = 0) over each statistic: the projections that
// normalising is.
TEST(Backward, IsOrthogonalToMeanAndDeviation) {
  BatchNormOptions options;
  options.eps = 0;
  const BatchNorm1d<double> norm(6, options);
  const Logical x = sample({31, 6});
  const Answer answer = ask<RowMatrix<double>>(norm, x, cotangent(x.dims));
  for (Index c = 0; c < 6; ++c) {
    Real sum = 0, along = 0;
    for (Index n = 0; n < 31; ++n) {
      sum += answer.dx.at({n, c});
      along += answer.dx.at({n, c}) * answer.y.at({n, c});
    }
    EXPECT_NEAR(static_cast<double>(sum), 0, 1e-13);
    EXPECT_NEAR(static_cast<double>(along), 0, 1e-13);
  }
}

}  // namespace
}  // namespace eigen_norm::test
