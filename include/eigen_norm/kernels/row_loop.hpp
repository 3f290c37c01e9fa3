// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/lane_sums.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/writer.hpp"

/// The row loop: adjacent elements share the statistic, each has its own gamma and beta. LayerNorm,
/// RMSNorm, GroupNorm on (N, C).

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// Rows worked on together, at most.
inline constexpr Index most_rows = 64;

/// Rows of `size` elements together: their statistics are finished together.
inline Index rows_per_block(const CollapsedShape& v, Index size) {
  return std::clamp<Index>(size / v.group, 1, most_rows);
}

/// y(r, c) = ((x(r, c) - centre) * inv_std + rest) * gamma(c) + beta(c)
template <typename Scalar, typename Source>
void normalise_rows(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  AffineTile<P> tile(affine, v.channels);
  const Writer<Scalar> writer(v.size());
  // No more: reading waits while a block is computed. 16-bit data wait less for the memory.
  const Index per_block = rows_per_block(v, Index{sizeof(Scalar) == 2 ? 4096 : 1024});
  const Index next_block = per_block * v.repeat_stride * Index{sizeof(Scalar)};
  StatisticTile<Stat<Scalar>> statistics;
  for (Index first = part.repeat_begin; first < part.repeat_end; first += per_block) {
    const Index rows = std::min(per_block, part.repeat_end - first);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_rows(x, first, rows, g, statistics);
      const Index end = (g + 1) * v.group;
      for (Index j = 0; j < rows; ++j) {
        const Standardise<P> s(statistics.at(j));
        for (Index c = g * v.group; c < end; c += tile_size) {
          const P *gamma = tile.gamma(c), *beta = tile.beta(c);
          const Scalar* xs = x.at(first + j, c);
          Scalar* ys = y.at(first + j, c);
          for_each_pack<P>(std::min(tile_size, end - c), [=](auto lanes, Index l) {
            constexpr int size = lanes.value;
            prefetch(xs + l, next_block);
            const Pack<P, size> xhat = (load<P, size>(xs + l) - s.centre) * s.inv_std + s.rest;
            writer.template write<size>(ys + l,
                                        xhat * load<P, size>(gamma + l) + load<P, size>(beta + l));
          });
        }
      }
    }
  }
}

/// One row of x and dy and what standardises it.
template <typename Scalar, typename Values>
struct BackwardRow {
  Values x;
  const Scalar* dy;
  const Standardise<Param<Scalar>>* s;

  BackwardRow operator+(Index n) const { return {x + n, dy + n, s}; }
};

/// dgamma(c) += sum_r dy(r, c) * xhat(r, c), dbeta(c) += sum_r dy(r, c), over rows [0, count) and
/// `width` lanes; by tiles, each done again in the wider type where `Compute` overflows.
template <typename Compute, typename Scalar, typename RowAt>
void add_affine_sums(Index count, Index width, const AffineSums<Stat<Scalar>>& sums,
                     const RowAt& row_at) {
  using S = Stat<Scalar>;
  LaneSums<S, 2> tile;
  for (Index c = 0; c < width; c += sum_tile_size) {
    const Index lanes = std::min(sum_tile_size, width - c);
    for (auto& sum : tile) sum.head(lanes).setConstant(S(0));
    add_rows<Compute>(
        0, count, lanes, std::array<S*, 2>{tile[0].data(), tile[1].data()},
        [&](Index j) { return row_at(j) + c; },
        [](auto lane_count, const auto& row, Index l) {
          constexpr int size = lane_count.value;
          const auto dy = load<Compute, size>(row.dy + l);
          const auto centred = load<Compute, size>(row.x + l) - Compute(row.s->centre);
          return terms(dy * (centred * Compute(row.s->inv_std) + Compute(row.s->rest)), dy);
        });
    if constexpr (!std::is_same_v<Compute, S>) {
      bool in_range = true;
      for (Index l = 0; l < lanes; ++l) in_range &= is_finite(tile[0][l]) && is_finite(tile[1][l]);
      if (!in_range) {
        add_affine_sums<S, Scalar>(count, lanes, {sums.gamma + c, sums.beta + c},
                                   [&](Index j) { return row_at(j) + c; });
        continue;
      }
    }
    for (Index l = 0; l < lanes; ++l) {
      sums.gamma[c + l] += tile[0][l];
      sums.beta[c + l] += tile[1][l];
    }
  }
}

/// dx(r, c) = (gamma(c) * dy(r, c) + slope * (x(r, c) - centre) + offset) * inv_std
template <typename Scalar, typename Xhat, typename Source>
void backward_rows(const BackwardPass<Scalar, Xhat>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  using Values = decltype(pass.xhat.row(pass.x.data, 0));
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  AffineTile<P> tile(pass.affine, v.channels);
  const AffineSums<S> sums = pass.sums(part.piece);
  const Writer<Scalar> writer(v.size());
  // As many as the second-level cache keeps: dgamma and dbeta are touched once for all of them.
  const Index per_block = rows_per_block(v, Index{1} << 15);
  StatisticTile<S> statistics;
  Tile<Standardise<P>, most_rows> s;
  Tile<GradientSums<S>, most_rows> t;
  Tile<Backward<P>, most_rows> b;
  const Shares<S> share = pass.shares();
  for (Index first = part.repeat_begin; first < part.repeat_end; first += per_block) {
    const Index rows = std::min(per_block, part.repeat_end - first);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Index begin = g * v.group, end = begin + v.group;
      source.of_rows(x, first, rows, g, statistics);
      const auto row_at = [&](Index j) {
        return BackwardRow<Scalar, Values>{pass.xhat.row(x.at(first + j, begin), begin),
                                           dy.at(first + j, begin), &s[j]};
      };
      for (Index j = 0; j < rows; ++j) s[j] = pass.standardise(statistics.at(j));
      for (Index j = 0; j < rows; ++j) {
        const auto row = row_at(j);
        t[j] = pass.given.exist() ? pass.known_sums(first + j, g)
                                  : row_gradient_sums(row.x, row.dy, v.group, s[j], [&](Index c) {
                                      return tile.gamma(begin + c);
                                    });
      }
      for (Index j = 0; j < rows; ++j) b[j] = pass.coefficients(statistics.at(j), t[j], share);
      if (pass.needs_sums() && sums.gamma != nullptr) {
        add_affine_sums<P, Scalar>(rows, v.group, {sums.gamma + begin, sums.beta + begin}, row_at);
      }
      for (Index j = 0; pass.writes() && j < rows; ++j) {
        const Backward<P> of_row = b[j];
        for (Index c = begin; c < end; c += tile_size) {
          const auto xs = pass.xhat.row(x.at(first + j, c), c);
          const Scalar* dys = dy.at(first + j, c);
          const P* gamma = tile.gamma(c);
          Scalar* dxs = pass.dx.at(first + j, c);
          for_each_pack<P>(std::min(tile_size, end - c), [=](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<P, size> scaled = load<P, size>(gamma + l) * load<P, size>(dys + l);
            const Pack<P, size> centred = load<P, size>(xs + l) - of_row.centre;
            writer.template write<size>(
                dxs + l, (scaled + of_row.slope * centred + of_row.offset) * of_row.inv_std);
          });
        }
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
