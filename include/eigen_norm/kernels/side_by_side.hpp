// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "eigen_norm/kernels/run_moments.hpp"
#include "eigen_norm/kernels/tile.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Sums over many lines, each of `runs` short runs of `length` elements; term_of(line, run) is as
/// Sums take it. Calls done(line, first run, runs, sums) for as many runs as may be added to the
/// same registers.
///
/// Lines come inside runs: the first runs of all lines lie together, then the second runs. Read
/// line by line, the memory would be left for another page after each run.
template <typename Compute, int Terms, typename TermOf, typename Done>
EIGEN_ALWAYS_INLINE void sum_side_by_side(Index lines, Index runs, Index length,
                                          const TermOf& term_of, const Done& done) {
  if (runs == 1) {
    for (Index line = 0; line < lines; ++line) {
      Sums<Compute, Terms> sums;
      sums.add(length, term_of(line, 0));
      done(line, 0, 1, sums);
    }
    return;
  }
  const Index chunk = std::clamp<Index>(chunk_size / length, 1, chunk_runs);
  // Made only where they are used: most calls have few lines.
  union Room {
    Room() {}
    ~Room() {}
    std::array<Sums<Compute, Terms>, static_cast<std::size_t>(lines_together)> sums;
  } room;
  for (Index begin = 0; begin < lines; begin += lines_together) {
    const Index count = std::min(lines_together, lines - begin);
    for (Index first = 0; first < runs; first += chunk) {
      const Index end = std::min(first + chunk, runs);
      auto* const sums = room.sums.data();
      std::uninitialized_fill_n(sums, count, Sums<Compute, Terms>());
      for (Index run = first; run < end; ++run) {
        for (Index j = 0; j < count; ++j) {
          sums[j].add(length, term_of(begin + j, run));
        }
      }
      for (Index j = 0; j < count; ++j) {
        done(begin + j, first, end - first, sums[j]);
      }
      std::destroy_n(sums, count);
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
