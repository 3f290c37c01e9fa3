// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/rows.hpp"

#include <gtest/gtest.h>

namespace eigen_norm::kernels {
namespace {

TEST(Rows, OfTwoLevelsRunThroughTheInnerOneFirst) {
  const Rows rows{6, 100, 3, 7};
  EXPECT_EQ(rows.offset(0), 0);
  EXPECT_EQ(rows.offset(2), 14);
  EXPECT_EQ(rows.offset(3), 100);
  EXPECT_EQ(rows.offset(5), 114);
}

TEST(RowFold, TakesNarrowDenseRowsTogetherAndLeavesTheRest) {
  const RowFold fold(1000, 3, true);
  EXPECT_GE(fold.lanes(), 64);
  EXPECT_LE(fold.lanes(), sum_tile_size);
  EXPECT_EQ(fold.lanes(), 3 * fold.copies);
  EXPECT_EQ(fold.folded * fold.copies + fold.rest, 1000);
  EXPECT_LT(fold.rest, fold.copies);
}

TEST(RowFold, LeavesWideRowsAndRowsWithGapsAlone) {
  EXPECT_EQ(RowFold(1000, 129, true).copies, 1);
  EXPECT_EQ(RowFold(1000, 3, false).copies, 1);
  EXPECT_EQ(RowFold(1, 3, true).copies, 1);
}

TEST(RowFold, KnowsHowFarTheRowsAreThatAreSummedNext) {
  EXPECT_EQ(RowFold(1000, 200, true).next_rows<float>({1000, 200}), rows_together * 200 * 4);
  EXPECT_EQ(RowFold(1000, 3, false).next_rows<double>({1000, 100, 3, 7}), rows_together * 7 * 8);
  const RowFold folded(1000, 3, true);
  EXPECT_EQ(folded.next_rows<float>({1000, 3}), rows_together * folded.lanes() * 4);
}

TEST(RowFold, RepeatsTheFirstLanes) {
  Tile<int> tile;
  for (int l = 0; l < 3; ++l) tile[l] = l;
  RowFold(1000, 3, true).repeat(tile);
  for (int l = 0; l < 64; ++l) EXPECT_EQ(tile[l], l % 3);
}

}  // namespace
}  // namespace eigen_norm::kernels
