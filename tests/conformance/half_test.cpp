// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>

#include "support/subjects.hpp"

// 16-bit data beside the definition in long double, given the same rounded inputs: all is computed
// in float or wider, and what is left is the rounding of the result.
namespace eigen_norm::test {
namespace {

constexpr Real float_limit = 2e-6L;

template <typename Scalar>
constexpr int digits = std::is_same_v<Scalar, Eigen::half> ? 11 : 8;
template <typename Scalar>
constexpr int smallest_exponent = std::is_same_v<Scalar, Eigen::half> ? -14 : -126;

// The distance of neighbours at `value`.
template <typename Scalar>
Real unit_in_the_last_place(Real value) {
  const int exponent = value == 0 ? smallest_exponent<Scalar> : std::ilogb(value);
  return std::ldexp(Real(1), std::max(exponent, smallest_exponent<Scalar>) - digits<Scalar> + 1);
}

template <typename Scalar>
Logical rounded(Logical values) {
  for (Real& value : values.values) value = static_cast<Real>(static_cast<Scalar>(value));
  return values;
}

// max error / max(unit in the last place, 2e-6 * scale): 1 at most is right.
template <typename Scalar>
Real worst_error(const Logical& got, const Logical& want, const Logical& scale) {
  Real worst = 0;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    const Real unit = unit_in_the_last_place<Scalar>(want.values[i]);
    const Real error =
        std::abs(got.values[i] - want.values[i]) / std::max(unit, float_limit * scale.values[i]);
    worst = std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<Real>::infinity();
  }
  return worst;
}

template <typename Scalar>
class HalfData : public testing::Test {
 protected:
  // The largest ratio of mean to deviation with at least the deviation between neighbours.
  static Real resolution() { return std::ldexp(Real(1), digits<Scalar>); }

  void expect_right(const Subject& subject, const Logical& some_x, const Logical& some_dy,
                    double eps = 1e-5) {
    const Logical x = rounded<Scalar>(some_x), dy = rounded<Scalar>(some_dy);
    const Affine affine{random_gamma(subject.parameters(), 11),
                        random_beta(subject.parameters(), 12)};
    const Reference want = subject.definition(x, dy, affine, Real(eps));
    const Answers got = subject.run(x, dy, affine, eps);
    const Scales scale = scales(subject.sharing, x, dy, affine, want);
    note(worst_y_, worst_error<Scalar>(got.y, want.y, scale.y), subject.name + ": y");
    note(worst_dx_, worst_error<Scalar>(got.dx, want.dx, scale.dx), subject.name + ": dx");

    // dgamma and dbeta are float: as those of float data.
    const Real terms = static_cast<Real>(x.size()) / static_cast<Real>(subject.parameters());
    const Real sum_scale = std::sqrt(terms) * largest(dy.values, 1);
    expect_close(subject.name + ": dgamma", got.dgamma, want.dgamma, 1e-5L, sum_scale);
    if (!got.dbeta.empty()) {
      expect_close(subject.name + ": dbeta", got.dbeta, want.dbeta, 1e-5L, sum_scale);
    }
  }

  void note(Real& worst, Real error, const std::string& what) {
    EXPECT_LE(error, 1) << what;
    worst = std::max(worst, error);
  }

  ~HalfData() override {
    if (worst_y_ == 0) return;
    std::printf("  worst error as a part of what is allowed: y %.2f, dx %.2f\n",
                static_cast<double>(worst_y_), static_cast<double>(worst_dx_));
  }

  Real worst_y_ = 0;
  Real worst_dx_ = 0;
};

using Halves = testing::Types<Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(HalfData, Halves, );  // C++17 wants the comma

TYPED_TEST(HalfData, IsRoundedOnceForEveryRatioOfMeanToDeviation) {
  for (const Subject& subject : all_subjects<TypeParam>()) {
    for (const Real mean : {Real(0), Real(-16), this->resolution()}) {
      SCOPED_TRACE(static_cast<double>(mean));
      this->expect_right(subject, random_normal(subject.dims, 1, mean),
                         random_normal(subject.dims, 2));
    }
  }
}

// 4e4: squares and sums far beyond the largest half; 1e-7: subnormal halves.
TYPED_TEST(HalfData, IsRoundedOnceForLargeAndSmallData) {
  for (const Subject& subject : all_subjects<TypeParam>()) {
    for (const Real size : {4e4L, 1e-4L, 1e-7L}) {
      SCOPED_TRACE(static_cast<double>(size));
      const Logical x = random_uniform(subject.dims, 3, -size, size);
      const Logical dy = random_normal(subject.dims, 4, 0, 1e-4L);  // dx stays below 65504
      this->expect_right(subject, x, dy, 1e-16);
    }
  }
}

TYPED_TEST(HalfData, GivesBetaRoundedForAConstantGroup) {
  using Images = Eigen::Tensor<TypeParam, 4, Eigen::RowMajor>;
  BatchNorm2d<TypeParam> norm(3);
  copy_to_parameters(random_beta(3, 5), norm.beta());
  Images x(2, 3, 29, 31);
  x.setConstant(TypeParam(1000.0f));
  const Images y = norm.forward(x);
  for (Index i = 0; i < y.size(); ++i) {
    const Index channel = i / (29 * 31) % 3;
    ASSERT_EQ(static_cast<float>(y.data()[i]),
              static_cast<float>(static_cast<TypeParam>(norm.beta()[channel])));
  }
}

// By running statistics, in float: forward, infer and backward.
TYPED_TEST(HalfData, IsRoundedOnceInEval) {
  const auto check = [this](auto order, Index axis) {
    using Images = Eigen::Tensor<TypeParam, 4, order.value>;
    const Subject subject = batch_norm_2d<TypeParam, order.value>(axis);
    const Logical x = rounded<TypeParam>(random_normal(subject.dims, 6, 100, 3));
    const Logical dy = rounded<TypeParam>(random_normal(subject.dims, 7));
    const Affine affine{random_gamma(subject.parameters(), 11),
                        random_beta(subject.parameters(), 12)};
    BatchNormOptions options;
    options.channels = channel_axis(axis);
    BatchNorm2d<TypeParam> norm(subject.parameters(), options);
    set_affine(norm, affine);
    norm.running_mean() = Eigen::ArrayXf::LinSpaced(subject.parameters(), 99, 101);
    norm.running_var() = Eigen::ArrayXf::LinSpaced(subject.parameters(), 7, 11);
    norm.eval();

    const Reference want = batch_norm_eval(x, dy, affine, static_cast<Real>(options.eps),
                                           from_parameters(norm.running_mean()),
                                           from_parameters(norm.running_var()), axis);
    const Scales scale = scales(subject.sharing, x, dy, affine, want);
    const Answers got = answers<Images>(norm, x, dy);
    this->note(this->worst_y_, worst_error<TypeParam>(got.y, want.y, scale.y), subject.name);
    this->note(this->worst_dx_, worst_error<TypeParam>(got.dx, want.dx, scale.dx), subject.name);
    const Real sum_scale = std::sqrt(static_cast<Real>(x.size()));
    expect_close("dgamma", got.dgamma, want.dgamma, 1e-5L, sum_scale);
    expect_close("dbeta", got.dbeta, want.dbeta, 1e-5L, sum_scale);
    EXPECT_EQ(from_eigen(norm.infer(to_eigen<Images>(x))).values, got.y.values);
  };
  check(std::integral_constant<int, Eigen::RowMajor>(), 1);
  check(std::integral_constant<int, Eigen::RowMajor>(), 3);
  check(std::integral_constant<int, Eigen::ColMajor>(), 1);
}

// Parameters, their gradients and running statistics are float, statistics double.
TYPED_TEST(HalfData, LearnsInFloat) {
  BatchNorm1d<TypeParam> norm(2);
  static_assert(std::is_same_v<typename std::decay_t<decltype(norm.gamma())>::Scalar, float>);
  static_assert(std::is_same_v<typename std::decay_t<decltype(norm.gamma_grad())>::Scalar, float>);
  static_assert(std::is_same_v<typename std::decay_t<decltype(norm.running_var())>::Scalar, float>);
  static_assert(std::is_same_v<typename decltype(norm.batch_mean())::Scalar, double>);
  ColMatrix<TypeParam> x(3, 2);
  for (Index i = 0; i < 6; ++i) x.data()[i] = static_cast<TypeParam>(static_cast<float>(i * i));
  norm.forward(x);
  EXPECT_NEAR(norm.batch_mean()[0], 5.0 / 3, 1e-15);
  EXPECT_FLOAT_EQ(norm.running_mean()[1], 0.1f * 50.0f / 3);
}

// Blocks and transposes of matrices; in place; the bits of a returned copy.
TYPED_TEST(HalfData, LiesInMatricesOfEveryKind) {
  const Dims dims{37, 19};
  const Example example{rounded<TypeParam>(random_normal(dims, 8)),
                        rounded<TypeParam>(random_normal(dims, 9)),
                        {},
                        {}};
  expect_in_place<Owned<RowMatrix<TypeParam>>>(BatchNorm1d<TypeParam>(19), example);
  expect_in_place<Within<ColMatrix<TypeParam>, AsBlock>>(BatchNorm1d<TypeParam>(19), example);
  expect_in_place<Within<RowMatrix<TypeParam>, AsBlock>>(LayerNorm<TypeParam>(19), example);
  expect_in_place<Within<ColMatrix<TypeParam>, AsTransposed>>(LayerNorm<TypeParam>(19), example);
}

}  // namespace
}  // namespace eigen_norm::test
