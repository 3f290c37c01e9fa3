// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/finite.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace eigen_norm::kernels {
namespace {

template <typename T>
class Finite : public testing::Test {};
using Scalars = testing::Types<float, double, long double>;
TYPED_TEST_SUITE(Finite, Scalars, );  // C++17 wants the comma

// Computed where the compiler does not see it, as overflow is.
template <typename T>
T squared(T value) {
  volatile T factor = value;
  return factor * factor;
}

TYPED_TEST(Finite, IsEveryNumberUpToTheLargest) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam x :
       {TypeParam(0), TypeParam(1), Limits::denorm_min(), Limits::min(), Limits::max()}) {
    EXPECT_TRUE(is_finite(x)) << x;
    EXPECT_TRUE(is_finite(-x)) << -x;
  }
}

TYPED_TEST(Finite, IsNeitherInfinityNorNaN) {
  const TypeParam infinity = squared(std::numeric_limits<TypeParam>::max());
  EXPECT_FALSE(is_finite(infinity));
  EXPECT_FALSE(is_finite(-infinity));
  EXPECT_FALSE(is_finite(TypeParam(infinity * 0)));
}

}  // namespace
}  // namespace eigen_norm::kernels
