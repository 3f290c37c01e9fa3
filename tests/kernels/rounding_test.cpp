// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random.hpp"

namespace eigen_norm::test {
namespace {

template <typename Half>
Half of_bits(int bits) {
  return Eigen::numext::bit_cast<Half>(static_cast<std::uint16_t>(bits));
}
template <typename Half>
double value_of(int bits) {
  return static_cast<double>(of_bits<Half>(bits));
}

// Between two neighbours it is the nearer, and halfway the one with the even last bit.
template <typename Half>
void expect_nearest(int last) {
  for (int bits = 0; bits < last; ++bits) {
    const double below = value_of<Half>(bits), above = value_of<Half>(bits + 1);
    const double halfway = below + (above - below) / 2;
    const double even = bits % 2 == 0 ? below : above;
    for (const double sign : {1.0, -1.0}) {
      const auto got = [sign](double value) {
        return sign * static_cast<double>(kernels::rounded<Half>(sign * value));
      };
      ASSERT_EQ(got(below), below);
      ASSERT_EQ(got(halfway), even);
      ASSERT_EQ(got(std::nextafter(halfway, 0.0)), below);
      ASSERT_EQ(got(std::nextafter(halfway, 1e300)), above);
    }
  }
}

TEST(Rounding, GoesToTheNearestOfEveryPairOfNeighboursIn16Bits) {
  expect_nearest<Eigen::half>(0x7bff);  // the largest
  expect_nearest<Eigen::bfloat16>(0x7f7f);
}

TEST(Rounding, GoesBeyondTheLargestToInfinity) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {65520.0, 1e30, 1e300, infinity}) {
    EXPECT_EQ(static_cast<double>(kernels::rounded<Eigen::half>(value)), infinity);
    EXPECT_EQ(static_cast<double>(kernels::rounded<Eigen::half>(-value)), -infinity);
  }
  const double largest = value_of<Eigen::bfloat16>(0x7f7f);
  EXPECT_EQ(static_cast<double>(kernels::rounded<Eigen::bfloat16>(largest * 1.001)), largest);
  EXPECT_EQ(static_cast<double>(kernels::rounded<Eigen::bfloat16>(largest * 1.01)), infinity);
  EXPECT_TRUE(std::isnan(static_cast<double>(kernels::rounded<Eigen::half>(std::nan("")))));
}

TEST(Rounding, IsAConversionToWiderScalars) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    const double value = static_cast<double>(random.normal()) / 3;
    EXPECT_EQ(kernels::rounded<float>(value), static_cast<float>(value));
    EXPECT_EQ(kernels::rounded<double>(value), value);
  }
}

}  // namespace
}  // namespace eigen_norm::test
