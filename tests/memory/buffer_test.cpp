// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/buffer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace eigen_norm::memory {
namespace {

// rows x cols at `offset` in memory whose lines are `leading` apart.
Buffer<float> block(std::vector<float>& memory, Index offset, Index rows, Index cols,
                    bool row_major, Index leading) {
  return {memory.data() + offset, {{rows, cols}, row_major, leading}};
}

std::set<const float*> elements(const Buffer<float>& buffer) {
  const Layout& layout = buffer.layout;
  std::set<const float*> result;
  for (Index row = 0; row < layout.shape[0]; ++row) {
    for (Index col = 0; col < layout.shape[1]; ++col) {
      result.insert(buffer.data +
                    (layout.row_major ? row * layout.leading + col : col * layout.leading + row));
    }
  }
  return result;
}

// Every pair of small blocks of one 5 x 6 matrix, told by looking at each element.
TEST(Buffer, SharesElementsExactlyWhereBlocksOfOneMatrixMeet) {
  std::vector<float> memory(60);
  for (const bool row_major : {true, false}) {
    const Index leading = row_major ? 6 : 5;
    std::vector<Buffer<float>> blocks;
    for (Index row = 0; row < 5; ++row) {
      for (Index col = 0; col < 6; ++col) {
        for (const Index rows : {1, 2, 3}) {
          for (const Index cols : {1, 3}) {
            if (row + rows > 5 || col + cols > 6) continue;
            const Index offset = row_major ? row * leading + col : col * leading + row;
            blocks.push_back(block(memory, offset, rows, cols, row_major, leading));
          }
        }
      }
    }
    for (const auto& a : blocks) {
      const std::set<const float*> in_a = elements(a);
      for (const auto& b : blocks) {
        bool meet = false;
        for (const float* place : elements(b)) meet = meet || in_a.count(place) > 0;
        ASSERT_EQ(share_elements(a, b), meet)
            << a.layout.shape.text() << " at " << a.data - memory.data() << " and "
            << b.layout.shape.text() << " at " << b.data - memory.data();
      }
    }
  }
}

TEST(Buffer, IsTheSamePlaceOnlyElementForElement) {
  std::vector<float> memory(60);
  const auto a = block(memory, 3, 4, 2, true, 6);
  EXPECT_TRUE(is_same_place(a, block(memory, 3, 4, 2, true, 6)));
  EXPECT_FALSE(is_same_place(a, block(memory, 4, 4, 2, true, 6)));
  EXPECT_FALSE(is_same_place(a, block(memory, 3, 4, 2, true, 2)));
  EXPECT_FALSE(is_same_place(a, block(memory, 3, 2, 4, true, 6)));
  EXPECT_TRUE(is_same_place(block(memory, 3, 1, 4, true, 4), block(memory, 3, 1, 4, true, 20)));
}

TEST(Buffer, SharesNothingWhenEmpty) {
  std::vector<float> memory(60);
  const auto a = block(memory, 0, 5, 6, true, 6);
  EXPECT_FALSE(share_elements(a, block(memory, 7, 0, 6, true, 6)));
  EXPECT_FALSE(share_elements(block(memory, 7, 4, 0, true, 6), a));
  EXPECT_FALSE(share_elements(Buffer<float>(), a));
}

// Where the strides differ it is enough that the spans meet: better refused than wrong.
TEST(Buffer, IsTakenToShareElementsWhenStridesDiffer) {
  std::vector<float> memory(60);
  EXPECT_TRUE(share_elements(block(memory, 0, 3, 1, true, 6), block(memory, 1, 2, 1, true, 3)));
  EXPECT_FALSE(share_elements(block(memory, 0, 3, 1, true, 6), block(memory, 13, 2, 1, true, 3)));
}

TEST(Buffer, SharesElementsByBytesForTensors) {
  std::vector<double> memory(60);
  const Buffer<double> x{memory.data(), Layout::packed({2, 3, 4}, true)};
  const Buffer<const double> next{memory.data() + 24, Layout::packed({2, 3, 4}, true)};
  const Buffer<const double> shifted{memory.data() + 23, Layout::packed({2, 3, 4}, true)};
  EXPECT_FALSE(share_elements(x, next));
  EXPECT_TRUE(share_elements(x, shifted));
  EXPECT_FALSE(is_same_place(x, shifted));
}

}  // namespace
}  // namespace eigen_norm::memory
