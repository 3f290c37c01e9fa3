// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/simd_half.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "eigen_norm/kernels/pack.hpp"

// Whatever Eigen makes of one number, the vectors make of each of theirs. Which NaN a NaN becomes
// is asked of bfloat16 alone: for half Eigen's own answer differs by compiler.
namespace eigen_norm::kernels {
namespace {

template <typename To, typename From>
To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(static_cast<void*>(&to), &from, sizeof to);
  return to;
}

// std::isnan is false of everything under -ffast-math.
bool is_nan(float x) { return (bit_cast<std::uint32_t>(x) & 0x7fffffffU) > 0x7f800000U; }

float float_of(std::uint32_t bits) { return bit_cast<float>(bits); }

// f(lanes) for every width that loops over packs of floats or doubles use.
template <typename F>
void for_each_width(const F& f) {
  if constexpr (pack_size<float> >= 2) f(std::integral_constant<int, 2>());
  if constexpr (pack_size<float> >= 4) f(std::integral_constant<int, 4>());
  if constexpr (pack_size<float> >= 8) f(std::integral_constant<int, 8>());
  if constexpr (pack_size<float> >= 16) f(std::integral_constant<int, 16>());
}

template <typename Half>
constexpr bool any_nan = std::is_same_v<Half, Eigen::half>;

template <typename Half>
std::vector<Half> all_patterns() {
  std::vector<Half> all;
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    all.push_back(bit_cast<Half>(static_cast<std::uint16_t>(bits)));
  }
  return all;
}

// Every upper half of a float with the lower bits about a tie; the ties of subnormal halves, which
// lie at other places; numbers of all kinds.
std::vector<float> floats() {
  std::vector<float> all;
  for (std::uint32_t upper = 0; upper < 1U << 19; ++upper) {
    for (const std::uint32_t lower : {0U, 1U, 0xfffU, 0x1000U, 0x1001U, 0x1fffU}) {
      all.push_back(float_of(upper << 13 | lower));
    }
  }
  for (std::uint32_t upper = 0; upper < 1U << 16; ++upper) {
    for (const std::uint32_t lower : {0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      all.push_back(float_of(upper << 16 | lower));
    }
  }
  for (int step = 0; step <= 2 * 1024; ++step) {
    const float tie = std::ldexp(static_cast<float>(step), -25);
    for (const float x : {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, 1.0f)}) {
      all.push_back(x);
      all.push_back(-x);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 1000000; ++i) {
    all.push_back(float_of(static_cast<std::uint32_t>(random())));
  }
  all.resize(all.size() / 16 * 16);
  return all;
}

// Numbers that `widened` makes otherwise than Eigen, of all that there are.
template <int Lanes, typename Half, typename Widen>
std::size_t wrongly_widened(const Widen& widened) {
  const std::vector<Half> from = all_patterns<Half>();
  std::vector<float> to(from.size());
  for (std::size_t i = 0; i < from.size(); i += Lanes) {
    Floats<Lanes> floats;
    widened(from.data() + i, floats);
    std::memcpy(to.data() + i, &floats, sizeof floats);
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto want = static_cast<float>(from[i]);
    if (any_nan<Half> && is_nan(want) && is_nan(to[i])) continue;
    wrong += bit_cast<std::uint32_t>(to[i]) != bit_cast<std::uint32_t>(want);
  }
  return wrong;
}

template <int Lanes, typename Half, typename Narrow>
std::size_t wrongly_narrowed(const Narrow& narrowed) {
  static const std::vector<float> from = floats();
  std::vector<Half> to(from.size());
  for (std::size_t i = 0; i < from.size(); i += Lanes) {
    Floats<Lanes> values;
    std::memcpy(&values, from.data() + i, sizeof values);
    narrowed(values, to.data() + i);
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto want = static_cast<Half>(from[i]);
    if (any_nan<Half> && is_nan(from[i]) && is_nan(static_cast<float>(to[i]))) continue;
    wrong += bit_cast<std::uint16_t>(to[i]) != bit_cast<std::uint16_t>(want);
  }
  return wrong;
}

template <typename Half>
class SimdHalf : public testing::Test {};
using Halves = testing::Types<Eigen::half, Eigen::bfloat16>;
TYPED_TEST_SUITE(SimdHalf, Halves, );  // C++17 wants the comma

TYPED_TEST(SimdHalf, WidensEveryPatternAsEigenDoes) {
  for_each_width([](auto lanes) {
    constexpr int size = lanes.value;
    const auto widened = [](const TypeParam* from, Floats<size>& to) { widen<size>(from, to); };
    EXPECT_EQ((wrongly_widened<size, TypeParam>(widened)), 0U) << size << " lanes";
  });
}

TYPED_TEST(SimdHalf, NarrowsAsEigenDoes) {
  for_each_width([](auto lanes) {
    constexpr int size = lanes.value;
    const auto narrowed = [](const Floats<size>& from, TypeParam* to) { narrow<size>(from, to); };
    EXPECT_EQ((wrongly_narrowed<size, TypeParam>(narrowed)), 0U) << size << " lanes";
  });
}

// What processors without the instructions do.
TEST(SimdHalfByIntegers, DoesWhatTheProcessorDoes) {
  for_each_width([](auto lanes) {
    constexpr int size = lanes.value;
    using Half = Eigen::half;
    EXPECT_EQ((wrongly_widened<size, Half>(widen_by_integers<size>)), 0U) << size << " lanes";
    EXPECT_EQ((wrongly_narrowed<size, Half>(narrow_by_integers<size>)), 0U) << size << " lanes";
  });
}

TYPED_TEST(SimdHalf, ReadsAndWritesNoMoreThanItsLanes) {
  for_each_width([](auto lanes) {
    constexpr int size = lanes.value;
    const std::vector<TypeParam> from(size, TypeParam(1.5f));  // read beyond: a sanitizer's matter
    std::vector<TypeParam> to(size + 1, TypeParam(-1.0f));
    Floats<size> floats;
    widen<size>(from.data(), floats);
    narrow<size>(floats, to.data());
    for (int l = 0; l < size; ++l) EXPECT_EQ(static_cast<float>(to[std::size_t(l)]), 1.5f);
    EXPECT_EQ(static_cast<float>(to[size]), -1.0f);
  });
}

}  // namespace
}  // namespace eigen_norm::kernels
