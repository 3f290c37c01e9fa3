// SPDX-License-Identifier: MIT
#include "eigen_norm/memory/layout.hpp"

#include <gtest/gtest.h>

namespace eigen_norm::memory {
namespace {

TEST(Layout, OfPackedMemoryLeadsByTheFastDimensions) {
  EXPECT_EQ(Layout::packed({5, 3}, true).leading, 3);
  EXPECT_EQ(Layout::packed({5, 3}, false).leading, 5);
  EXPECT_EQ(Layout::packed({2, 3, 4}, true).leading, 12);
  EXPECT_EQ(Layout::packed({2, 3, 4}, false).leading, 6);
  EXPECT_EQ(Layout::packed({7}, true).leading, 1);
}

TEST(Layout, IsPackedWithoutGapsBetweenLines) {
  EXPECT_TRUE(Layout::packed({5, 3}, true).is_packed());
  EXPECT_TRUE(Layout::packed({2, 3, 4}, false).is_packed());
  EXPECT_FALSE((Layout{{5, 3}, true, 4}).is_packed());
  EXPECT_FALSE((Layout{{5, 3}, false, 8}).is_packed());
}

TEST(Layout, OfASingleLineHasNoGaps) {
  EXPECT_TRUE((Layout{{1, 3}, true, 100}).is_packed());
  EXPECT_TRUE((Layout{{5, 1}, false, 100}).is_packed());
  EXPECT_FALSE((Layout{{5, 1}, true, 100}).is_packed());
  EXPECT_TRUE((Layout{{0, 3}, true, 100}).is_packed());
}

TEST(Layout, SpansFromTheFirstElementToTheLast) {
  EXPECT_EQ(Layout::packed({2, 3, 4}, true).span(), 24);
  EXPECT_EQ((Layout{{5, 3}, true, 8}).span(), 4 * 8 + 3);
  EXPECT_EQ((Layout{{5, 3}, false, 8}).span(), 2 * 8 + 5);
  EXPECT_EQ((Layout{{1, 3}, true, 100}).span(), 3);
  EXPECT_EQ((Layout{{0, 3}, true, 8}).span(), 0);
  EXPECT_EQ((Layout{{5, 0}, true, 8}).span(), 0);
}

TEST(Layout, TransposedIsTheSameMemory) {
  const Layout block = Layout{{3, 5}, true, 9}.transposed();
  EXPECT_EQ(block.shape, (Shape{5, 3}));
  EXPECT_FALSE(block.row_major);
  EXPECT_EQ(block.leading, 9);
  EXPECT_EQ(block.span(), (Layout{{3, 5}, true, 9}.span()));
}

TEST(Layout, AsBatchHasOneSampleInFront) {
  const Layout row = Layout::packed({3, 4, 5}, true).as_batch();
  EXPECT_EQ(row.shape, (Shape{1, 3, 4, 5}));
  EXPECT_EQ(row.leading, 60);
  const Layout column = Layout::packed({3, 4, 5}, false).as_batch();
  EXPECT_EQ(column.shape, (Shape{1, 3, 4, 5}));
  EXPECT_EQ(column.leading, 12);
}

}  // namespace
}  // namespace eigen_norm::memory
