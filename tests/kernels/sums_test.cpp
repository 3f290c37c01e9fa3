// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/sums.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace eigen_norm::kernels {
namespace {

TEST(Sums, AddEveryElementOnceAtEveryLength) {
  for (Index n = 0; n <= 10 * pack_size<float>; ++n) {
    std::vector<float> data(static_cast<std::size_t>(n));
    std::iota(data.begin(), data.end(), 1.0f);
    Sums<float, 2> sums;
    sums.add(n, [&](auto at) {
      const auto x = at(data.data());
      return terms(x, x * x);
    });
    EXPECT_EQ(sums.total(0), static_cast<float>(n * (n + 1) / 2)) << n;
    EXPECT_EQ(sums.total(1), static_cast<float>(n * (n + 1) * (2 * n + 1) / 6)) << n;
  }
}

TEST(Sums, OfSeveralRunsAddUp) {
  const std::vector<double> data{1, 2, 4};
  Sums<double, 1> sums;
  for (int run = 0; run < 3; ++run) {
    sums.add(3, [&](auto at) { return terms(at(data.data())); });
  }
  EXPECT_EQ(sums.total(0), 21);
}

// In one register after the other, 20,000 additions of 0.1f would end up 0.3 % off.
TEST(Sums, OfOneNumberOverAndOverStayNearTheTruth) {
  const std::vector<float> data(20000, 0.1f);
  Sums<float, 1> sums;
  sums.add(20000, [&](auto at) { return terms(at(data.data())); });
  EXPECT_NEAR(sums.total(0), 2000.0, 2e-3);
}

}  // namespace
}  // namespace eigen_norm::kernels
