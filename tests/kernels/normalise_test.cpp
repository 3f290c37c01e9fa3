// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/normalise.hpp"

#include <gtest/gtest.h>

#include "support/kernel_case.hpp"

namespace eigen_norm::kernels {
namespace {

using test::Passes;

constexpr double eps = 1e-3;

template <typename Scalar>
std::vector<Scalar> as(const test::Doubles& values) {
  std::vector<Scalar> result;
  for (const double value : values) result.push_back(static_cast<Scalar>(value));
  return result;
}

template <typename Scalar>
void normalises_every_view(double x_mean, double tolerance) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const Passes expected(each.shape, eps, x_mean);
    const auto x = as<Scalar>(expected.x), gamma = as<Scalar>(expected.gamma);
    const auto beta = as<Scalar>(expected.beta);
    std::vector<Scalar> y(x.size(), Scalar(0)), in_place = x;
    test::Doubles mean(expected.mean.size(), 0);
    test::Doubles inv_std = mean;
    const FromData<Scalar> source(eps, {mean.data(), inv_std.data()});
    const Affine<Scalar> affine{gamma.data(), beta.data()};
    normalise<Scalar>({x.data(), each.shape}, {y.data(), each.shape}, affine, source);
    for (std::size_t s = 0; s < mean.size(); ++s) {
      ASSERT_NEAR(mean[s], expected.mean[s], 1e-7 * (1 + std::abs(x_mean)));
    }
    normalise<Scalar>({in_place.data(), each.shape}, {in_place.data(), each.shape}, affine, source);
    test::for_each_element(each.shape, [&](auto at, auto, auto) {
      ASSERT_NEAR(static_cast<double>(y[at]), expected.y[at],
                  tolerance * (1 + std::abs(expected.y[at])));
      ASSERT_EQ(y[at], in_place[at]);
    });
  }
}

TEST(Normalise, IsTheDefinitionOnEveryViewInDouble) { normalises_every_view<double>(3, 1e-12); }

TEST(Normalise, IsTheDefinitionOnEveryViewInFloatFarFromZero) {
  normalises_every_view<float>(1e4, 2e-6);
}

TEST(Normalise, WithGivenStatisticsTakesThemByIndex) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const Passes expected(each.shape, eps, 2);
    test::Doubles y(expected.x.size(), 0);
    normalise<double>({expected.x.data(), each.shape}, {y.data(), each.shape},
                      {expected.gamma.data(), expected.beta.data()},
                      FromForward<double>({expected.mean.data(), expected.inv_std.data()}));
    test::for_each_element(each.shape, [&](auto i, auto, auto) {
      ASSERT_NEAR(y[i], expected.y[i], 1e-12 * (1 + std::abs(expected.y[i])));
    });
  }
}

TEST(Normalise, WritesNothingBetweenTheLinesOfAView) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    const Passes expected(each.shape, eps, 2);
    std::vector<bool> belongs(expected.x.size(), false);
    test::for_each_element(each.shape, [&](auto at, auto, auto) { belongs[at] = true; });
    test::Doubles y(expected.x.size(), -77);
    const test::Doubles mean(expected.mean.size(), 0), inv_std(expected.mean.size(), 1);
    normalise<double>({expected.x.data(), each.shape}, {y.data(), each.shape}, {},
                      FromForward<double>({mean.data(), inv_std.data()}));
    for (std::size_t i = 0; i < y.size(); ++i) {
      ASSERT_EQ(y[i], belongs[i] ? expected.x[i] : -77) << each.name;
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
