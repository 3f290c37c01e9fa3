// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>

#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/rows.hpp"
#include "eigen_norm/kernels/sums.hpp"

/// Sums down the rows, for each of the adjacent lanes.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Adds term(lanes, place(row), l), an array of packs, over rows [begin, end) to sums[t][l] for
/// each of `width` lanes. Memory is read in many streams, the sums are touched once for many rows.
template <typename Compute, typename S, std::size_t Terms, typename Place, typename Term>
void add_rows(Index begin, Index end, Index width, const std::array<S*, Terms>& sums,
              const Place& place, const Term& term) {
  for (Index row = begin; row < end; row += rows_together) {
    const Index count = std::min(rows_together, end - row);
    std::array<decltype(place(row)), static_cast<std::size_t>(rows_together)> places;
    for (Index j = 0; j < count; ++j) places[static_cast<std::size_t>(j)] = place(row + j);
    const auto* const last = places.data() + count;
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      const auto* at = places.data();
      auto even = term(lanes, *at++, l);
      if (at != last) {  // two sums in flight
        auto odd = term(lanes, *at++, l);
        for (; at + 1 < last; at += 2) {
          add_terms(even, term(lanes, at[0], l));
          add_terms(odd, term(lanes, at[1], l));
        }
        if (at != last) add_terms(even, term(lanes, *at, l));
        add_terms(even, odd);
      }
      for (std::size_t t = 0; t < Terms; ++t) {
        S* const total = sums[t] + l;
        store<lanes.value>(total, load<S, lanes.value>(total) + even[t].template as<S>());
      }
    });
  }
}

/// Sums of each lane of a tile.
template <typename S, std::size_t Terms>
using LaneSums = std::array<SumTile<S>, Terms>;

/// The same over all rows, from zero, for rows taken together as `fold` says: by blocks, which are
/// added in order.
template <typename Compute, typename S, std::size_t Terms, typename Place, typename Term>
void lane_sums(const RowFold& fold, LaneSums<S, Terms>& sums, const Place& place,
               const Term& term) {
  const Index lanes = fold.lanes();
  const RowBlocks blocks(fold.folded, lanes);
  const auto pointers = [](LaneSums<S, Terms>& to) {
    std::array<S*, Terms> result;
    for (std::size_t t = 0; t < Terms; ++t) result[t] = to[t].data();
    return result;
  };
  std::array<LaneSums<S, Terms>, static_cast<std::size_t>(RowBlocks::most - 1)> others;
  const auto of = [&](Index block) -> LaneSums<S, Terms>& {
    return block == 0 ? sums : others[static_cast<std::size_t>(block - 1)];
  };
  parallel_for(blocks.count(), fold.folded * lanes, [&](Index block) {
    for (auto& tile : of(block)) tile.head(lanes).setConstant(S(0));
    add_rows<Compute>(
        blocks.begin(block), blocks.end(block), lanes, pointers(of(block)),
        [&](Index row) { return place(row * fold.copies); }, term);
  });
  for (std::size_t t = 0; t < Terms; ++t) {
    SumTile<S>& tile = sums[t];
    for (Index block = 1; block < blocks.count(); ++block) {
      tile.head(lanes) += of(block)[t].head(lanes);
    }
    for (Index half = lanes / 2; half >= fold.width; half /= 2) {  // copies are a power of two
      tile.head(half) += tile.segment(half, half);
    }
  }
  const Index rest = fold.folded * fold.copies;
  add_rows<Compute>(rest, rest + fold.rest, fold.width, pointers(sums), place, term);
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
