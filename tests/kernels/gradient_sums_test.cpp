// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/gradient_sums.hpp"

#include <gtest/gtest.h>

#include "support/gradient_sums_by_definition.hpp"

namespace eigen_norm::kernels {
namespace {

using test::expect_sums;
using test::random_floats;
using test::statistic;
using test::Values;

TEST(RunGradientSums, AreTheSumsOfDyAndOfDyTimesXhat) {
  for (const Index n : {1, 5, 16, 17, 63, 65, 2048, 2049, 6001}) {
    const Values x = random_floats(n, 1, 1e4), dy = random_floats(n, 2);
    expect_sums(run_gradient_sums<float>({x.data(), 1, 0, n}, {dy.data(), 1, 0, n},
                                         Standardise<float>(statistic)),
                x, dy);
  }
}

TEST(RunGradientSums, StayFiniteWhereAFloatSumOverflows) {
  const Values x = random_floats(2000, 1, 1e4), dy(2000, 1e37f);
  const auto sums = run_gradient_sums<float>({x.data(), 1, 0, 2000}, {dy.data(), 1, 0, 2000},
                                             Standardise<float>(statistic));
  EXPECT_NEAR(sums.dy, 2e40, 1e34);
  EXPECT_TRUE(std::isfinite(sums.dy_xhat));
}

TEST(RowGradientSums, HaveGammaInside) {
  constexpr Index n = 5000;
  const Values x = random_floats(n, 1, 1e4), dy = random_floats(n, 2), gamma = random_floats(n, 3);
  Values weighted = dy;
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= gamma[i];
  const auto gammas = [&](Index i) { return gamma.data() + i; };
  expect_sums(row_gradient_sums(x.data(), dy.data(), n, Standardise<float>(statistic), gammas), x,
              weighted);
}

}  // namespace
}  // namespace eigen_norm::kernels
