// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/moments.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/rows.hpp"
#include "eigen_norm/kernels/run_moments.hpp"  // is_trustworthy

namespace eigen_norm::kernels {

/// Means and m2 of adjacent lanes that have seen the same number of values.
template <typename S>
struct LaneMoments {
  Index count = 0;
  Tile<S> mean{}, m2{};

  Moments<S> at(Index lane) const {
    const auto l = static_cast<std::size_t>(lane);
    return {count, mean[l], m2[l]};
  }

  /// Moments::merge for every lane.
  void merge(const LaneMoments& other, Index width) {
    if (count == 0) {
      *this = other;
      return;
    }
    const double total = static_cast<double>(count + other.count);
    const S share = S(static_cast<double>(other.count) / total);
    const S weight = S(static_cast<double>(count)) * share;
    for_each_pack<S>(width, [&](auto lanes, Index l) {
      constexpr int size = lanes.value;
      const Pack<S, size> old_mean = load_tile<size>(mean, l);
      const Pack<S, size> delta = load_tile<size>(other.mean, l) - old_mean;
      store<size>(mean.data() + l, old_mean + delta * share);
      store<size>(m2.data() + l,
                  load_tile<size>(m2, l) + load_tile<size>(other.m2, l) + delta * delta * weight);
    });
    count += other.count;
  }
};

/// The arithmetic of chunk_moments for each of `width` adjacent lanes over rows [begin, end).
template <typename Compute, typename Scalar>
LaneMoments<Stat<Scalar>> chunk_lane_moments(const Scalar* x, const Rows& rows, Index begin,
                                             Index end, Index width) {
  using S = Stat<Scalar>;
  const S n = S(static_cast<double>(end - begin));
  const Scalar* shift = x + rows.offset(begin);
  const auto place = [&](Index row) { return x + rows.offset(row); };

  std::array<Tile<Compute>, 1> first{};
  add_rows<Compute>(begin, end, width, first, place, [&](auto lanes, const Scalar* row, Index l) {
    return terms(load<Compute, lanes.value>(row + l) - load<Compute, lanes.value>(shift + l));
  });
  Tile<Compute>& c = first[0];
  for_each_pack<S>(width, [&](auto lanes, Index l) {
    constexpr int size = lanes.value;
    const Pack<S, size> start = load<Compute, size>(shift + l).template as<S>();
    store<size>(c.data() + l, start + load<S, size>(c.data() + l) * S(1 / n));
  });

  std::array<Tile<Compute>, 2> second{};
  add_rows<Compute>(begin, end, width, second, place, [&](auto lanes, const Scalar* row, Index l) {
    const auto d = load<Compute, lanes.value>(row + l) - load<Compute, lanes.value>(c.data() + l);
    return terms(d, d * d);
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool trustworthy = true;
    for (Index l = 0; l < width; ++l) {
      trustworthy &= is_trustworthy(second[1][static_cast<std::size_t>(l)]);
    }
    if (!trustworthy) return chunk_lane_moments<S>(x, rows, begin, end, width);
  }

  LaneMoments<S> result;
  result.count = end - begin;
  for_each_pack<S>(width, [&](auto lanes, Index l) {
    constexpr int size = lanes.value;
    const Pack<S, size> residue = load<S, size>(second[0].data() + l);
    store<size>(result.mean.data() + l, load<S, size>(c.data() + l) + residue * S(1 / n));
    store<size>(result.m2.data() + l,
                load<S, size>(second[1].data() + l) - residue * residue * S(1 / n));
  });
  return result;
}

/// Moments of each of `width` adjacent lanes, at most a tile of them, over some rows: by chunks,
/// merged in order within a block, and by blocks, merged in order.
template <typename Scalar>
LaneMoments<Stat<Scalar>> lane_moments(const Scalar* x, const Rows& rows, Index width) {
  using S = Stat<Scalar>;
  const RowBlocks blocks(rows.count);
  std::array<LaneMoments<S>, static_cast<std::size_t>(RowBlocks::most)> partial;
  parallel_for(blocks.count(), rows.count * width, [&](Index block) {
    LaneMoments<S>& moments = partial[static_cast<std::size_t>(block)];
    for (Index begin = blocks.begin(block); begin < blocks.end(block); begin += chunk_rows) {
      const Index end = std::min(begin + chunk_rows, blocks.end(block));
      moments.merge(chunk_lane_moments<Param<Scalar>>(x, rows, begin, end, width), width);
    }
  });
  for (Index block = 1; block < blocks.count(); ++block) {
    partial[0].merge(partial[static_cast<std::size_t>(block)], width);
  }
  return partial[0];
}

}  // namespace eigen_norm::kernels
