// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <utility>

#include "eigen_norm/kernels/gradient_sums.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/rows.hpp"
#include "eigen_norm/kernels/tiles.hpp"

namespace eigen_norm::kernels {

/// GradientSums of adjacent lanes.
template <typename S>
struct LaneGradientSums {
  Tile<S> dy{}, dy_xhat{};

  GradientSums<S> at(Index lane) const {
    const auto l = static_cast<std::size_t>(lane);
    return {dy[l], dy_xhat[l]};
  }

  template <typename T>
  void add(const Tile<T>& more_dy, const Tile<T>& more_dy_xhat, Index width) {
    for_each_pack<S>(width, [&](auto lanes, Index l) {
      constexpr int size = lanes.value;
      store<size>(dy.data() + l, load_tile<size>(dy, l) + load<S, size>(more_dy.data() + l));
      store<size>(dy_xhat.data() + l,
                  load_tile<size>(dy_xhat, l) + load<S, size>(more_dy_xhat.data() + l));
    });
  }
};

/// Adds both sums of each of `width` adjacent lanes over rows [begin, end), without the rest of
/// xhat.
template <typename Compute, typename Scalar>
void add_chunk_gradient_sums(const Scalar* x, const Rows& x_rows, const Scalar* dy,
                             const Rows& dy_rows, Index begin, Index end, Index width,
                             const StandardiseTile<Param<Scalar>>& s,
                             LaneGradientSums<Stat<Scalar>>& result) {
  using S = Stat<Scalar>;
  const auto place = [&](Index row) {
    return std::pair(x + x_rows.offset(row), dy + dy_rows.offset(row));
  };
  std::array<Tile<Compute>, 2> sums{};
  add_rows<Compute>(begin, end, width, sums, place, [&](auto lanes, const auto& row, Index l) {
    constexpr int size = lanes.value;
    const auto d = load<Compute, size>(row.second + l);
    return terms(
        d, d * ((load<Compute, size>(row.first + l) - load<Compute, size>(s.centre.data() + l)) *
                load<Compute, size>(s.inv_std.data() + l)));
  });
  if constexpr (!std::is_same_v<Compute, S>) {
    bool in_range = true;
    for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
      in_range &= is_in_range(sums[0][l]) && is_in_range(sums[1][l]);
    }
    if (!in_range) {
      return add_chunk_gradient_sums<S>(x, x_rows, dy, dy_rows, begin, end, width, s, result);
    }
  }
  result.add(sums[0], sums[1], width);
}

/// Both sums of each of `width` adjacent lanes, at most a tile of them, over some rows: chunks and
/// blocks in order, as lane_moments.
template <typename Scalar>
LaneGradientSums<Stat<Scalar>> lane_gradient_sums(const Scalar* x, const Rows& x_rows,
                                                  const Scalar* dy, const Rows& dy_rows,
                                                  Index width,
                                                  const StandardiseTile<Param<Scalar>>& s) {
  using S = Stat<Scalar>;
  const RowBlocks blocks(x_rows.count);
  std::array<LaneGradientSums<S>, static_cast<std::size_t>(RowBlocks::most)> partial;
  parallel_for(blocks.count(), x_rows.count * width, [&](Index block) {
    for (Index begin = blocks.begin(block); begin < blocks.end(block); begin += chunk_rows) {
      const Index end = std::min(begin + chunk_rows, blocks.end(block));
      add_chunk_gradient_sums<Param<Scalar>>(x, x_rows, dy, dy_rows, begin, end, width, s,
                                             partial[static_cast<std::size_t>(block)]);
    }
  });
  LaneGradientSums<S>& all = partial[0];
  for (Index block = 1; block < blocks.count(); ++block) {
    const auto& other = partial[static_cast<std::size_t>(block)];
    all.add(other.dy, other.dy_xhat, width);
  }
  for_each_pack<S>(width, [&](auto lanes, Index l) {
    constexpr int size = lanes.value;
    store<size>(all.dy_xhat.data() + l,
                load_tile<size>(all.dy_xhat, l) +
                    load<S, size>(s.rest.data() + l) * load_tile<size>(all.dy, l));
  });
  return all;
}

}  // namespace eigen_norm::kernels
