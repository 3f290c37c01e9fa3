// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/partition.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace eigen_norm::kernels {
namespace {

memory::CollapsedShape samples(Index repeats, Index channels, Index group, Index inner) {
  memory::CollapsedShape shape;
  shape.repeats = repeats;
  shape.channels = channels;
  shape.group = group;
  shape.inner = inner;
  return shape;
}

TEST(Partition, CoversEveryRepeatAndGroupOnce) {
  for (const auto& shape : {samples(1, 100, 1, 40000), samples(37, 12, 3, 9000),
                            samples(3, 64, 2, 5000), samples(1000, 768, 768, 1)}) {
    std::map<std::pair<Index, Index>, int> visits;
    const Index pieces = Partition::pieces(shape);
    Partition(shape, memory::Loop::run, pieces).for_each([&](const Part& part) {
      EXPECT_LT(part.piece, pieces);
      for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
        for (Index g = part.group_begin; g < part.group_end; ++g) ++visits[{r, g}];
      }
    });
    EXPECT_EQ(visits.size(), static_cast<std::size_t>(shape.statistics()));
    for (const auto& visit : visits) EXPECT_EQ(visit.second, 1);
  }
}

TEST(Partition, LeavesSmallInputsWhole) {
  EXPECT_EQ(Partition::pieces(samples(64, 64, 64, 1)), 1);
  int parts = 0;
  Partition(samples(64, 64, 64, 1), memory::Loop::row, 1).for_each([&](const Part&) { ++parts; });
  EXPECT_EQ(parts, 1);
}

TEST(Partition, CutsColumnsBetweenWholeTiles) {
  memory::CollapsedShape shape = samples(1, 4000, 1, 1);
  shape.outer = 100;
  std::vector<Index> begins;
  Partition(shape, memory::Loop::column, 1).for_each([&](const Part& part) {
    begins.push_back(part.group_begin);
  });
  EXPECT_EQ(begins, (std::vector<Index>{0, tile_size, 2 * tile_size, 3 * tile_size}));
}

TEST(Partition, KeepsLinesOfShortRunsTogether) {
  memory::CollapsedShape shape = samples(1, 2048, 1, 49);
  shape.outer = 32;
  Partition(shape, memory::Loop::run, 1).for_each([&](const Part& part) {
    EXPECT_EQ(part.group_begin % lines_together, 0);
  });
  shape = samples(1, 64, 1, 484);  // and leaves something for another thread
  shape.outer = 64;
  int parts = 0;
  Partition(shape, memory::Loop::run, 1).for_each([&](const Part&) { ++parts; });
  EXPECT_EQ(parts, 2);
}

TEST(Partition, LeavesTallColumnsTogetherForBlocksOfRows) {
  memory::CollapsedShape shape = samples(1, 4000, 1, 1);
  shape.outer = 5000;
  int parts = 0;
  Partition(shape, memory::Loop::column, 1).for_each([&](const Part&) { ++parts; });
  EXPECT_EQ(parts, 1);
}

TEST(RowBlocks, CoverAllRowsInOrder) {
  for (const Index rows : {1, 511, 512, 1024, 1025, 100000}) {
    const RowBlocks blocks(rows, 200);
    Index next = 0;
    for (Index block = 0; block < blocks.count(); ++block) {
      EXPECT_EQ(blocks.begin(block), next);
      next = blocks.end(block);
    }
    EXPECT_EQ(next, rows);
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
