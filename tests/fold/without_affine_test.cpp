// SPDX-License-Identifier: MIT
#include "eigen_norm/fold/without_affine.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "support/layer_check.hpp"

namespace eigen_norm::test {
namespace {

const Logical& rows() {
  static const Logical x = random_normal({5, 12}, 1, 3);
  return x;
}

TEST(WithoutAffine, IsALayerNormOfTheSameShapeAndEps) {
  LayerNormOptions options;
  options.eps = 0.5;
  LayerNorm<double> norm({3, 4}, options);
  set_affine(norm, {random_gamma(12, 2), random_beta(12, 3)});
  const Values before = visible_state(norm);
  const LayerNorm<double> bare = fold::without_affine(norm);
  EXPECT_EQ(bare.normalized_shape(), norm.normalized_shape());
  EXPECT_EQ(bare.gamma().size() + bare.beta().size(), 0);
  const Logical x = reshaped(rows(), {5, 3, 4});
  expect_close("y", from_eigen(bare.infer(to_eigen<Eigen::Tensor<double, 3>>(x))),
               layer_norm(x, x, {}, 0.5L, 2).y, 1e-12L);
  EXPECT_EQ(visible_state(norm), before);
}

TEST(WithoutAffine, IsAnRmsNormOfTheSameShapeAndEps) {
  RMSNormOptions options;
  options.eps = 0.5;
  options.zero_centered_gamma = true;
  RMSNorm<double, 12> norm(options);
  copy_to_parameters(random_gamma(12, 2), norm.gamma());
  const auto bare = fold::without_affine(norm);
  static_assert(std::is_same_v<decltype(bare), const RMSNorm<double, 12>>);
  EXPECT_EQ(bare.gamma().size(), 0);
  expect_close("y", from_eigen(bare.infer(to_eigen<Eigen::MatrixXd>(rows()))),
               rms_norm(rows(), rows(), {}, 0.5L).y, 1e-12L);
}

TEST(WithoutAffine, KeepsTheMachinesEpsWhereNoneWasSaid) {
  EXPECT_EQ(fold::without_affine(RMSNorm<float>(4)).options().eps, std::nullopt);
}

}  // namespace
}  // namespace eigen_norm::test
