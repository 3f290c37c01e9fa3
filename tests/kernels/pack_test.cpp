// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/pack.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace eigen_norm::kernels {
namespace {

TEST(Pack, IsOneVectorRegisterForFloatsAndOneElementForOtherTypes) {
  struct Number {
    double value;
  };
  EXPECT_EQ(pack_size<float>, 2 * pack_size<double>);
  EXPECT_EQ(pack_size<Number>, 1);
}

TEST(Pack, LoadWidensAdjacentElements) {
  const std::vector<float> data{1, 2, 3, 4};
  const Pack<double, 2> pack = load<double, 2>(data.data() + 1);
  EXPECT_EQ(pack[0], 2.0);
  EXPECT_EQ(pack[1], 3.0);
}

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

}  // namespace
}  // namespace eigen_norm::kernels
