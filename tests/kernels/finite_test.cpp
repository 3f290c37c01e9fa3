// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/finite.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

namespace eigen_norm::kernels {
namespace {

template <typename T>
class Finite : public testing::Test {};
using Scalars = testing::Types<float, double, long double>;
TYPED_TEST_SUITE(Finite, Scalars, );  // C++17 wants the comma

TYPED_TEST(Finite, IsEveryNumberUpToTheLargest) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam x :
       {TypeParam(0), TypeParam(1), Limits::denorm_min(), Limits::min(), Limits::max()}) {
    EXPECT_TRUE(is_finite(x)) << x;
    EXPECT_TRUE(is_finite(-x)) << -x;
  }
}

// Come by where the compiler does not see it, as overflow is.
TYPED_TEST(Finite, IsNeitherInfinityNorNaN) {
  volatile TypeParam largest = std::numeric_limits<TypeParam>::max();
  volatile TypeParam nan = static_cast<TypeParam>(std::strtod("nan", nullptr));
  EXPECT_FALSE(is_finite(TypeParam(largest * 2)));
  EXPECT_FALSE(is_finite(TypeParam(largest * -2)));
  EXPECT_FALSE(is_finite(TypeParam(nan)));
  EXPECT_FALSE(is_finite(TypeParam(nan * 2)));
}

}  // namespace
}  // namespace eigen_norm::kernels
