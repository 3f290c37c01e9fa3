// SPDX-License-Identifier: MIT
#include "eigen_norm/rms_norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/layout_check.hpp"
#include "support/shapes.hpp"

namespace eigen_norm::test {
namespace {

constexpr double eps = 1e-3;

// With `zero_centered`, the layer is given gamma - 1.
template <typename Scalar>
RMSNorm<Scalar> layer_with(const Values& gamma, const Dims& normalized, bool zero_centered) {
  RMSNorm<Scalar> layer(normalized, {eps, !gamma.empty(), zero_centered});
  copy_to_parameters(gamma, layer.gamma());
  if (zero_centered) layer.gamma() -= Scalar(1);
  return layer;
}

template <typename Scalar, int Rank>
void expect_shape(const Dims& dims, Index normalized_rank) {
  const Dims normalized(dims.end() - normalized_rank, dims.end());
  const Logical x = random_normal(dims, 5, -0.5L, 2), dy = random_normal(dims, 6);
  const Values gamma = random_gamma(count(normalized), 21);
  for (const bool zero_centered : {false, true}) {
    for (const Values& given : {gamma, Values()}) {
      const auto layer = layer_with<Scalar>(given, normalized, zero_centered);
      const Reference want = rms_norm(x, dy, {given, {}}, Real(eps), normalized_rank);
      const Example example{x, dy, want, want.y};
      expect_both_orders<Rank>(layer, example);
    }
  }
}

template <typename Scalar>
void expect_every_shape() {
  for (const NamedShape& shape : trailing_shapes()) {
    const auto rank = static_cast<Index>(shape.dims.size());
    for (Index normalized_rank = 1; normalized_rank <= rank; ++normalized_rank) {
      SCOPED_TRACE(std::string(shape.name) + ", last " + std::to_string(normalized_rank));
      with_rank<2, 3, 4>(
          rank, [&](auto r) { expect_shape<Scalar, r.value>(shape.dims, normalized_rank); });
    }
  }
}

TEST(RMSNorm, FollowsTheDefinitionOnEveryShapeInFloat) { expect_every_shape<float>(); }
TEST(RMSNorm, FollowsTheDefinitionOnEveryShapeInDouble) { expect_every_shape<double>(); }

template <int Order>
void expect_matrices() {
  for (const Dims& dims : {Dims{33, 18}, Dims{5, 300}, Dims{1, 4}, Dims{7, 1}}) {
    const Values gamma = random_gamma(dims[1], 3);
    const Logical x = random_normal(dims, 1, 0.5L, 2), dy = random_normal(dims, 2);
    const Reference want = rms_norm(x, dy, {gamma, {}}, Real(eps));
    const Example example{x, dy, want, want.y};
    expect_every_matrix<Order>(layer_with<float>(gamma, {dims[1]}, false), example);
    expect_mixed_strides<Order>(layer_with<float>(gamma, {dims[1]}, true), example);
  }
}

TEST(RMSNorm, TakesEveryRowMajorMatrix) { expect_matrices<Eigen::RowMajor>(); }
TEST(RMSNorm, TakesEveryColumnMajorMatrix) { expect_matrices<Eigen::ColMajor>(); }

TEST(RMSNorm, HasTheDefaultsOfPyTorch) {
  const RMSNorm<float> norm({3, 4});
  EXPECT_FALSE(norm.options().eps.has_value());
  EXPECT_EQ(norm.normalized_shape(), (std::vector<Index>{3, 4}));
  EXPECT_TRUE(norm.is_training());
  EXPECT_EQ(from_parameters(norm.gamma()), Values(12, 1));
  EXPECT_EQ(from_parameters(norm.gamma_grad()), Values(12, 0));
  EXPECT_EQ(norm.beta().size() + norm.beta_grad().size(), 0);
}

TEST(RMSNorm, AddsTheMachinesEpsilonOfTheTypeItComputesIn) {
  RMSNorm<float> narrow(2);
  RMSNorm<double> wide(2);
  narrow.forward(Eigen::MatrixXf::Zero(1, 2));
  wide.forward(Eigen::MatrixXd::Zero(1, 2));
  EXPECT_DOUBLE_EQ(narrow.batch_inv_std()(0), 1 / std::sqrt(1.1920928955078125e-07));
  EXPECT_DOUBLE_EQ(wide.batch_inv_std()(0), 1 / std::sqrt(2.220446049250313e-16));
  EXPECT_EQ(wide.batch_mean()(0), 0);
}

TEST(RMSNorm, ZeroCenteredBeginsAtZeroAndScalesByOne) {
  const RMSNorm<float> norm(5, {eps, true, true});
  EXPECT_EQ(from_parameters(norm.gamma()), Values(5, 0));
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 5}, 1));
  EXPECT_EQ(norm.infer(x), RMSNorm<float>(5, {eps}).infer(x));
}

TEST(RMSNorm, GivesWhatItScalesBy) {
  const Values gamma = random_gamma(3, 4);
  for (const bool zero_centered : {false, true}) {
    const auto affine = layer_with<double>(gamma, {3}, zero_centered).feature_affine();
    expect_close("scale", from_parameters(affine.scale), gamma, 1e-15L);
    EXPECT_EQ(from_parameters(affine.shift), Values(3, 0));
  }
}

TEST(RMSNorm, GivesTheSumOfOneAndGammaInTheTypeAskedFor) {
  RMSNorm<double> norm(2, {eps, true, true});
  norm.gamma().setConstant(0x1p-60);
  EXPECT_EQ(norm.feature_affine<long double>().scale[1], 1 + static_cast<long double>(0x1p-60));
}

TEST(RMSNorm, KeepsItsDigitsWhereAllElementsAreAlike) {
  const Logical x = random_normal({3, 400}, 1, 1e4L);
  const Reference want = rms_norm(x, x, {}, Real(eps));
  RMSNorm<float> norm(400, {eps});
  expect_close("y", from_eigen(norm.forward(to_eigen<Eigen::MatrixXf>(x))).values, want.y.values,
               2e-7L);
}

TEST(RMSNorm, IsRightAtTheEndsOfFloat) {
  for (const Real size : {1e37L, 1e-15L}) {
    const Logical x = random_uniform({4, 300}, 1, -size, size);
    RMSNorm<float> norm(300, {0});
    const Reference want = rms_norm(x, x, {}, 0);
    expect_close("y", from_eigen(norm.forward(to_eigen<Eigen::MatrixXf>(x))).values, want.y.values,
                 2e-6L);
  }
}

TEST(RMSNorm, OfZerosIsZeroWithoutEps) {
  RMSNorm<float> norm(3, {0});
  const Eigen::MatrixXf zero = Eigen::MatrixXf::Zero(2, 3);
  EXPECT_EQ(norm.forward(zero), zero);
  EXPECT_EQ(norm.backward(zero, Eigen::MatrixXf::Ones(2, 3)), zero);
}

// Beside an infinity 1 / sqrt(mean(x^2)) is 0, which would hide it.
template <typename Matrix>
void expect_not_finite_in_its_row() {
  using Scalar = typename Matrix::Scalar;
  for (const Scalar bad :
       {std::numeric_limits<Scalar>::infinity(), -std::numeric_limits<Scalar>::infinity(),
        std::numeric_limits<Scalar>::quiet_NaN()}) {
    Matrix x = Matrix::Ones(2, 16);
    x(0, 3) = bad;
    const Matrix y = RMSNorm<Scalar>(16).infer(x);
    EXPECT_TRUE(y.row(0).array().isNaN().all()) << y;
    EXPECT_TRUE(y.row(1).isApprox(x.row(1), Scalar(1e-6)));
  }
}

TEST(RMSNorm, KeepsWhatIsNotFiniteInItsRow) {
  expect_not_finite_in_its_row<RowMatrix<float>>();
  expect_not_finite_in_its_row<ColMatrix<float>>();
  expect_not_finite_in_its_row<RowMatrix<double>>();
  expect_not_finite_in_its_row<ColMatrix<double>>();
}

TEST(RMSNorm, FixedAtCompileTimeAnswersAsTheOtherDoes) {
  RMSNorm<float, 6> fixed;
  RMSNorm<float> dynamic(6);
  const Eigen::MatrixXf x = to_eigen<Eigen::MatrixXf>(random_normal({4, 6}, 1));
  EXPECT_EQ(fixed.forward(x), dynamic.forward(x));
  EXPECT_EQ(fixed.backward(x, x.reverse()), dynamic.backward(x, x.reverse()));
  EXPECT_EQ(from_parameters(fixed.gamma_grad()), from_parameters(dynamic.gamma_grad()));
}

TEST(RMSNorm, RefusesWhatItCannotNormalise) {
  RMSNorm<float> norm({5, 6});
  expect_refused(norm, "RMSNorm({5, 6}): expected input (..., 5, 6), got (2, 6, 5)",
                 [&] { norm.forward(Eigen::Tensor<float, 3>(2, 6, 5)); });
  expect_error<std::invalid_argument>("RMSNorm: expected eps >= 0 and finite, got -1",
                                      [] { RMSNorm<float>(4, {-1}); });
  expect_error<std::invalid_argument>(
      "RMSNorm: expected normalized_shape 4, fixed at compile time, got 5",
      [] { RMSNorm<float, 4>(Index{5}); });
}

}  // namespace
}  // namespace eigen_norm::test
