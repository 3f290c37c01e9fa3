// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/operand.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::memory {
namespace {

CollapsedShape batch(Index rows, Index cols, bool row_major, Index leading) {
  return CollapsedShape::over_batch({{rows, cols}, row_major, leading}, ChannelAxis::first);
}

TEST(Operand, FindsAnElementByItsStrides) {
  std::vector<float> memory(100);
  const Operand<float> x{memory.data(), batch(5, 3, true, 7)};
  EXPECT_EQ(x.at(0, 2, 4) - memory.data(), 4 * 7 + 2);
  const Operand<float> y{memory.data(), batch(5, 3, false, 7)};
  EXPECT_EQ(y.at(0, 2) - memory.data(), 2 * 7);
}

TEST(Operand, WithGapsDecidesTheLoopOfACall) {
  std::vector<float> memory(100);
  const Operand<const float> packed{memory.data(), batch(1, 3, false, 1)};
  const Operand<float> gaps{memory.data(), batch(1, 3, false, 7)};
  EXPECT_EQ(common_loop(packed, packed), Loop::column);
  EXPECT_EQ(common_loop(packed, gaps), Loop::run);
  EXPECT_EQ(common_loop(gaps, packed), Loop::run);
  EXPECT_EQ(common_loop(packed, packed, gaps), Loop::run);
}

TEST(Operand, IsMergedIntoOneRunOnlyTogetherWithTheOthers) {
  std::vector<float> memory(100);
  Operand<const float> x{memory.data(), batch(5, 1, true, 1)};
  Operand<float> y{memory.data(), batch(5, 1, true, 7)};
  merge_runs(x, y);
  EXPECT_EQ(x.shape.outer, 5);
  EXPECT_EQ(y.shape.outer, 5);
  Operand<float> z = {memory.data(), x.shape};
  merge_runs(x, z);
  EXPECT_EQ(x.shape.outer, 1);
  EXPECT_EQ(x.shape.inner, 5);
  EXPECT_EQ(z.shape.inner, 5);
}

}  // namespace
}  // namespace eigen_norm::memory
