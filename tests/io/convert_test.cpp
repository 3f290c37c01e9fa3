// SPDX-License-Identifier: MIT
#include "eigen_norm/io/convert.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace eigen_norm {
namespace {

using Eigen::bfloat16;
using Eigen::half;
using io::always_fits;
using io::fits;

TEST(Convert, KnowsWhichTypesHoldAllOfAnother) {
  static_assert(always_fits<float, half>() && always_fits<float, bfloat16>());
  static_assert(always_fits<double, float>() && always_fits<std::int64_t, std::int32_t>());
  static_assert(!always_fits<float, double>() && !always_fits<half, float>());
  static_assert(!always_fits<half, bfloat16>() && !always_fits<std::int32_t, std::int64_t>());
  static_assert(!always_fits<bfloat16, float>());  // the largest rounds to infinity
}

TEST(Convert, RoundsOnceTo16Bits) {
  EXPECT_EQ(io::convert<float>(io::convert<half>(1 + 0x1p-11 + 0x1p-30)), 1 + 0x1p-10F);
  EXPECT_EQ(io::convert<float>(io::convert<bfloat16>(1 + 0x1p-8 + 0x1p-30)), 1 + 0x1p-7F);
  EXPECT_EQ(io::convert<float>(io::convert<half>(1 + 0x1p-11F)), 1);  // halfway: to the even one
  EXPECT_EQ(io::convert<double>(io::convert<bfloat16>(half(1.5F))), 1.5);
}

TEST(Convert, HoldsEveryTypeOfFloatAgainstItsRange) {
  EXPECT_TRUE(fits<half>(65519.0F));  // rounds to the largest, 65504
  EXPECT_FALSE(fits<half>(65520.0F));
  EXPECT_FALSE(fits<bfloat16>(std::numeric_limits<float>::max()));
  EXPECT_FALSE(fits<float>(1e39));
  EXPECT_TRUE(fits<float>(1e-320));  // to 0
  EXPECT_TRUE(fits<half>(std::numeric_limits<double>::infinity()));
}

TEST(Convert, HoldsIntegersAgainstTheirRange) {
  EXPECT_TRUE(fits<std::int32_t>(std::int64_t{-2147483648}));
  EXPECT_FALSE(fits<std::int32_t>(std::int64_t{2147483648}));
}

TEST(Convert, TakesFloatsForFloatsAndIntegersForIntegers) {
  using io::ElementType;
  EXPECT_TRUE(io::is_convertible(ElementType::f16, ElementType::f64));
  EXPECT_TRUE(io::is_convertible(ElementType::i64, ElementType::i32));
  EXPECT_FALSE(io::is_convertible(ElementType::i64, ElementType::f64));
  EXPECT_FALSE(io::is_convertible(ElementType::bf16, ElementType::i32));
}

}  // namespace
}  // namespace eigen_norm
