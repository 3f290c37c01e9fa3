// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/parallel.hpp"
#include "eigen_norm/kernels/tile.hpp"
#include "eigen_norm/memory/collapsed_shape.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Groups whose channels fill a tile; at least one, which may then be wider.
inline Index groups_per_tile(const memory::CollapsedShape& shape) {
  return std::max<Index>(1, tile_size / shape.group);
}

inline bool has_short_runs(const memory::CollapsedShape& shape) {
  return shape.outer > 1 && shape.inner > 1 && shape.inner <= short_run;
}

/// Rows of one tile of columns, cut into blocks by their number and width alone.
class RowBlocks {
 public:
  static constexpr Index most = 8;
  static constexpr Index block_size = 65536;  ///< elements that are worth a block of their own

  RowBlocks(Index rows, Index width)
      : rows_(rows),
        count_(std::clamp<Index>(rows * width / block_size, 1, std::clamp<Index>(rows, 1, most))) {}

  Index count() const { return count_; }
  Index begin(Index block) const { return block * rows_ / count_; }
  Index end(Index block) const { return begin(block + 1); }

 private:
  Index rows_, count_;
};

/// Some repeats and some groups of a collapsed shape: what one task works on.
struct Part {
  Index piece;  ///< which of the pieces that the repeats are cut into
  Index repeat_begin, repeat_end;
  Index group_begin, group_end;
};

/// How a collapsed shape is cut into parts: by its extents alone, never by the number of threads,
/// so that sums over the pieces are the same bits for all of them.
///
/// Parts of one piece share no channel, so they may add to the same dgamma and dbeta.
class Partition {
 public:
  static constexpr Index part_size = 65536;  ///< elements that are worth a part of their own
  static constexpr Index most_pieces = 16;
  static constexpr Index most_parts = 64;

  /// Pieces that the repeats are cut into, `limit` at most. A backward pass keeps sums by channel
  /// for each: small beside the samples that share them.
  static Index pieces(const memory::CollapsedShape& shape, Index limit = most_pieces) {
    const Index samples = shape.repeats * shape.outer * shape.inner;
    return std::min({wanted(shape), shape.repeats, limit, std::max<Index>(1, samples / 64)});
  }

  Partition(const memory::CollapsedShape& shape, memory::Loop loop, Index pieces)
      : repeats_(shape.repeats), groups_(shape.groups()), elements_(shape.size()), pieces_(pieces) {
    const Index chunks = std::clamp<Index>(wanted(shape) / pieces_, 1, groups_);
    groups_per_chunk_ = (groups_ + chunks - 1) / chunks;
    if (loop == memory::Loop::column && pieces_ == 1 &&
        RowBlocks(shape.outer, std::min(shape.channels, sum_tile_size)).count() > 1) {
      groups_per_chunk_ = groups_;  // threads take blocks of rows, which lie together in memory
    } else if (loop == memory::Loop::column) {  // whole tiles of lanes, whole packs
      const Index per_tile = groups_per_tile(shape);
      groups_per_chunk_ = (groups_per_chunk_ + per_tile - 1) / per_tile * per_tile;
    } else if (has_short_runs(shape)) {  // neighbours, and yet some parts for threads
      const Index together = std::clamp<Index>(groups_ / 8, 32, lines_together);
      groups_per_chunk_ = (groups_per_chunk_ + together - 1) / together * together;
    }
    chunks_ = (groups_ + groups_per_chunk_ - 1) / groups_per_chunk_;
  }

  /// f(part) for all parts, side by side where there are threads.
  template <typename F>
  void for_each(const F& f) const {
    parallel_for(pieces_ * chunks_, elements_, [&](Index task) {
      const Index piece = task / chunks_, group = task % chunks_ * groups_per_chunk_;
      f(Part{piece, piece * repeats_ / pieces_, (piece + 1) * repeats_ / pieces_, group,
             std::min(group + groups_per_chunk_, groups_)});
    });
  }

 private:
  static Index wanted(const memory::CollapsedShape& shape) {
    return std::clamp<Index>(shape.size() / part_size, 1, most_parts);
  }

  Index repeats_, groups_, elements_;
  Index pieces_, chunks_, groups_per_chunk_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
