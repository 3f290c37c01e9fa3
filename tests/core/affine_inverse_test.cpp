// SPDX-License-Identifier: MIT
#include "eigen_norm/core/affine_inverse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <vector>

#include "support/dual.hpp"
#include "support/layer_check.hpp"

namespace eigen_norm::test {
namespace {

using Inverse = AffineInverse<float, Eigen::Dynamic>;
constexpr float epsilon = std::numeric_limits<float>::epsilon();
constexpr float smallest = std::numeric_limits<float>::min();

TEST(AffineInverse, IsBetaAndOneByGamma) {
  const std::vector<float> gamma{2, -0.5F, 8}, beta{1, 0, -3};
  Inverse inverse;
  EXPECT_EQ(inverse.take({gamma.data(), beta.data()}, 3), 3);
  for (Index c = 0; c < 3; ++c) {
    EXPECT_EQ(inverse.xhat().beta[c], beta[static_cast<std::size_t>(c)]);
    EXPECT_EQ(inverse.xhat().inv_gamma[c], 1 / gamma[static_cast<std::size_t>(c)]);
  }
}

TEST(AffineInverse, IsThereWhereGammaAndBetaAreNot) {
  const std::vector<float> off_one{1, -3};
  Inverse inverse;
  EXPECT_EQ(inverse.take({}, 2), 2);
  EXPECT_EQ(inverse.xhat().beta[1], 0);
  EXPECT_EQ(inverse.xhat().inv_gamma[1], 1);
  EXPECT_EQ(inverse.take({off_one.data(), nullptr, 1}, 2), 2);  // kept as the distance from 1
  EXPECT_EQ(inverse.xhat().inv_gamma[0], 0.5F);
  EXPECT_EQ(inverse.xhat().inv_gamma[1], -0.5F);
}

TEST(AffineInverse, FindsAScaleThatIsNoNormalNumber) {
  const std::vector<float> gamma{1, 1e-30F, 1, 1};
  using Statistics = Eigen::ArrayXd;
  const auto channel = [&](const Statistics& inv_std, Index group) {
    const auto scale = Inverse::unusable({gamma.data(), nullptr}, 4, group, inv_std);
    return scale ? scale->channel : Index{-1};
  };
  EXPECT_EQ(channel(Eigen::Array4d(1, 1e-7, 1e-37, 1e38), 1), -1);
  EXPECT_EQ(channel(Eigen::Array4d(1, 1e-9, 1, 1), 1), 1) << "1e-39";
  EXPECT_EQ(channel(Eigen::Array4d(1, 1, 1, 1e39), 1), 3) << "beyond float";
  EXPECT_EQ(channel(Eigen::Array4d(0, 0, 0, 0), 1), -1) << "of constants";
  EXPECT_EQ(channel(Eigen::Array4d(1, 1e-9, 1, 1e-9), 2), -1) << "two samples of two groups";
  EXPECT_EQ(channel(Eigen::Array4d(1, 1, 1e-9, 1), 2), 1);
}

TEST(AffineInverse, RefusesTheFirstGammaThatIsTooSmall) {
  const float limit = 16 * epsilon * 3;  // beside a beta of 3
  const std::vector<float> beta(3, -3);
  Inverse inverse;
  for (const float sign : {-1.0F, 1.0F}) {
    const std::vector<float> enough{1, sign * limit, 1}, less{1, sign * limit * 0.999F, 0};
    EXPECT_EQ(inverse.take({enough.data(), beta.data()}, 3), 3);
    EXPECT_EQ(inverse.take({less.data(), beta.data()}, 3), 1);
  }
  const std::vector<float> tiny{smallest, smallest / 2}, none{0};
  EXPECT_EQ(inverse.take({tiny.data(), nullptr}, 2), 1);
  EXPECT_TRUE(std::isfinite(inverse.xhat().inv_gamma[0]));
  EXPECT_EQ(inverse.take({none.data(), nullptr}, 1), 0);
  const float large = 1e7F;
  EXPECT_EQ(inverse.take({nullptr, &large}, 1), 0);
}

TEST(AffineInverse, SaysWhatIsTooSmall) {
  const std::vector<float> gamma{1, 0}, beta{0, 0.5F};
  EXPECT_EQ(Inverse::refusal({gamma.data(), beta.data()}, 1),
            "expected a gamma of at least 9.53674e-07 in size to recover xhat from y beside beta "
            "0.5, got 0");
}

TEST(AffineInverse, SaysSoOfScalarsWithoutText) {
  const std::vector<Dual> gamma{0};
  EXPECT_EQ((AffineInverse<Dual, Eigen::Dynamic>::refusal({gamma.data(), nullptr}, 0)),
            "expected a gamma of at least (no text for this scalar) in size to recover xhat from y "
            "beside beta (no text for this scalar), got (no text for this scalar)");
}

// A number that is none is no small one: the gradients will say so.
TEST(AffineInverse, LetsNanPass) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), one = 1;
  Inverse inverse;
  EXPECT_EQ(inverse.take({&nan, &one}, 1), 1);
  EXPECT_EQ(inverse.take({&one, &nan}, 1), 1);
}

// Rounding of y counts in the digits of the data, whatever gamma and beta are kept in.
TEST(AffineInverse, IsNarrowerForNarrowerData) {
  EXPECT_EQ((AffineInverse<Eigen::half, 1>::least_gamma(1)), std::ldexp(1.0F, -6));
  EXPECT_EQ((AffineInverse<Eigen::half, 1>::least_gamma(0)), std::ldexp(1.0F, -14));
  EXPECT_EQ((AffineInverse<Eigen::bfloat16, 1>::least_gamma(1)), 0.125F);
  EXPECT_EQ((AffineInverse<double, 1>::least_gamma(1)), std::ldexp(1.0, -48));
  EXPECT_EQ((AffineInverse<double, 1>::least_gamma(0)), std::numeric_limits<double>::min());
}

// The worst error of xhat in eps * (max(1, |xhat|) + |beta / gamma|), over data with such a ratio.
template <typename Scalar>
double worst_error(double ratio, double gamma) {
  using P = Param<Scalar>;
  constexpr Index samples = 2000, channels = 8;
  const Logical x = random_normal({samples, channels}, 1, 0.5L, 2);
  const std::vector<P> gammas(channels, P(gamma)), betas(channels, P(ratio * gamma));
  const Affine affine{Values(gammas.begin(), gammas.end()), Values(betas.begin(), betas.end())};
  const Logical exact = batch_norm(x, x, {}, 1e-5L).y;
  const Logical y = batch_norm(x, x, affine, 1e-5L).y;
  AffineInverse<Scalar, Eigen::Dynamic> inverse;
  EXPECT_EQ(inverse.take({gammas.data(), betas.data()}, channels), channels);
  double worst = 0;
  for (Index i = 0; i < samples; ++i) {
    for (Index c = 0; c < channels; ++c) {
      const Scalar rounded = static_cast<Scalar>(y.at({i, c}));
      P xhat = 0;
      kernels::store<1>(&xhat, kernels::load<P, 1>(inverse.xhat().row(&rounded, c)));
      const double want = static_cast<double>(exact.at({i, c}));
      const double scale = std::max(1.0, std::abs(want)) + ratio;
      worst = std::max(worst, std::abs(static_cast<double>(xhat) - want) / scale);
    }
  }
  return std::ldexp(worst, std::numeric_limits<Scalar>::digits - 1);
}

template <typename Scalar>
void expect_digits(const char* name, std::initializer_list<double> ratios) {
  for (const double ratio : ratios) {
    for (const double gamma : {1.0, -0.3, 1e-4}) {
      const double worst = worst_error<Scalar>(ratio, gamma);
      EXPECT_LE(worst, 2) << name << ' ' << ratio << ' ' << gamma;
      std::printf("  %-8s |beta / gamma| %-7g gamma %-6g worst %.2f\n", name, ratio, gamma, worst);
    }
  }
}

TEST(AffineInverse, LosesAsManyDigitsAsBetaIsLarger) {
  expect_digits<float>("float", {0, 1, 10, 100, 1e3, 1e4, 1e5});
  expect_digits<double>("double", {0, 1e4});
  expect_digits<Eigen::half>("half", {0, 1, 30});
}

}  // namespace
}  // namespace eigen_norm::test
