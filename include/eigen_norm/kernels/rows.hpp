// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/sums.hpp"

/// Rows of adjacent lanes, read eight at a time.

namespace eigen_norm::kernels {

/// Rows visited together: few enough to stay in the first-level cache for a second pass.
inline constexpr Index chunk_rows = 32;

/// `count` rows of adjacent lanes: row j = (j / inner_count, j % inner_count) begins at (j /
/// inner_count) * stride + (j % inner_count) * inner_stride.
struct Rows {
  Index count;
  Index stride;
  Index inner_count = 1;
  Index inner_stride = 0;

  Index offset(Index row) const {
    return row / inner_count * stride + row % inner_count * inner_stride;
  }
};

/// Adds term(lanes, place(row), l), an array of packs, over rows [begin, end) to the tiles `sums`
/// for each of `width` lanes: eight rows at a time, so that memory is read in eight streams and the
/// sums are touched once for eight rows.
template <typename Compute, std::size_t Terms, typename Place, typename Term>
void add_rows(Index begin, Index end, Index width, std::array<Tile<Compute>, Terms>& sums,
              const Place& place, const Term& term) {
  const auto step = [&](auto count, Index row) {
    constexpr std::size_t rows = count.value;
    std::array<decltype(place(row)), rows> places;
    for (std::size_t j = 0; j < rows; ++j) places[j] = place(row + static_cast<Index>(j));
    for_each_pack<Compute>(width, [&](auto lanes, Index l) {
      auto even = term(lanes, places[0], l);
      if constexpr (rows > 1) {  // two sums in flight
        auto odd = term(lanes, places[1], l);
        for (std::size_t j = 2; j < rows; j += 2) {
          add_terms(even, term(lanes, places[j], l));
          add_terms(odd, term(lanes, places[j + 1], l));
        }
        add_terms(even, odd);
      }
      for (std::size_t t = 0; t < Terms; ++t) {
        Compute* total = sums[t].data() + l;
        store<lanes.value>(total, load<Compute, lanes.value>(total) + even[t]);
      }
    });
  };
  Index row = begin;
  for (; row + 8 <= end; row += 8) step(std::integral_constant<int, 8>{}, row);
  for (; row < end; ++row) step(std::integral_constant<int, 1>{}, row);
}

}  // namespace eigen_norm::kernels
