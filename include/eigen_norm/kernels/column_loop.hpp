// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/lane_gradient_sums.hpp"
#include "eigen_norm/kernels/simd_memory.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/writer.hpp"

/// The column loop: each of the adjacent elements has its own statistic, gamma and beta, and all
/// rows have the same ones. BatchNorm1d on (N, C), every channels-last layer.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// f(o, lanes) for rows of adjacent lanes, side by side where there are threads. Rows are taken
/// together as `fold` says; o is the first of them.
template <typename F>
void for_each_row(const RowFold& fold, const F& f) {
  const RowBlocks blocks(fold.folded, fold.lanes());
  parallel_for(blocks.count(), fold.folded * fold.lanes(), [&](Index block) {
    for (Index o = blocks.begin(block); o < blocks.end(block); ++o) {
      f(o * fold.copies, fold.lanes());
    }
  });
  const Index rest = fold.folded * fold.copies;
  for (Index o = rest; o < rest + fold.rest; ++o) f(o, fold.width);
}

/// Bytes to the same lanes of the row that follows, where it begins elsewhere: `width` lanes are
/// not all of a row, and the processor's own prefetch would start anew; else 0.
template <typename Scalar>
Index following_row(const CollapsedShape& v, Index width) {
  return width < v.outer_stride ? v.outer_stride * Index{sizeof(Scalar)} : 0;
}

/// Rows of `width` lanes of a shape.
inline Rows rows_of(const CollapsedShape& v) { return {v.outer, v.outer_stride}; }

/// y(r, o, c) = (x(r, o, c) - centre(c)) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_columns(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                       const Affine<Param<Scalar>>& affine, const Source& source,
                       const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  StatisticTile<Stat<Scalar>> statistics;
  ForwardTile<P> tile;
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      source.of_columns(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          tile.set(l,
                   Forward<P>(statistics.at(k - g), affine.gamma_at(c + l), affine.beta_at(c + l)));
        });
        const RowFold fold(v.outer, width,
                           rows_of(v).is_dense(width) && rows_of(y.shape).is_dense(width));
        tile.repeat(fold);
        const Index ahead = following_row<Scalar>(v, width);
        for_each_row(fold, [&](Index o, Index lanes_of_row) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(lanes_of_row, [=, &tile](auto lanes, Index l) {
            if (ahead > 0) prefetch(xs + l, ahead);
            writer.template write<lanes.value>(ys + l, tile.template y<lanes.value>(xs, l));
          });
        });
      }
    }
  }
}

/// dx(r, o, c) = (gamma(c) * dy(r, o, c) + slope(c) * (x(r, o, c) - centre(c)) + offset(c)) *
/// inv_std(c), or gamma(c) * inv_std(c) * dy(r, o, c)
template <typename Scalar, typename Xhat, typename Source>
void backward_columns(const BackwardPass<Scalar, Xhat>& pass, const Source& source,
                      const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  const AffineSums<S> sums = pass.sums(part.piece);
  StatisticTile<S> statistics;
  StandardiseTile<P, sum_tile_size> standardise;
  Tile<GradientSums<S>> t;
  BackwardTile<P> coefficients;
  const Shares<S> share = pass.shares();
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      const Index begin = g * v.group, end = begin + groups * v.group;
      source.of_columns(x, r, g, groups, statistics);

      for (Index k = 0; k < groups; ++k) t[k] = pass.known_sums(r, g + k);
      for (Index c = begin; pass.needs_sums() && c < end; c += sum_tile_size) {
        const Index width = std::min(sum_tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          standardise.set(l, pass.xhat.of_channel(pass.standardise(statistics.at(k - g)), c + l));
        });
        const LaneGradientSums<S> lanes = lane_gradient_sums(x.at(r, c), rows_of(v), dy.at(r, c),
                                                             rows_of(dy.shape), width, standardise);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          sums.add(c + l, lanes.at(l));
          t[k - g].add(lanes.at(l), S(pass.affine.gamma_at(c + l)));
        });
      }

      for (Index c = begin; pass.writes() && c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          const Backward<P> b =
              pass.xhat.of_channel(pass.coefficients(statistics.at(k - g), t[k - g], share), c + l);
          const P gamma = pass.affine.gamma_at(c + l);
          coefficients.set(l, b,
                           pass.through_statistics ? gamma : scale_only(b.inv_std, gamma).scale);
        });
        const RowFold fold(v.outer, width,
                           rows_of(v).is_dense(width) && rows_of(dy.shape).is_dense(width) &&
                               rows_of(pass.dx.shape).is_dense(width));
        coefficients.repeat(fold);
        const Index ahead = following_row<Scalar>(v, width);
        const Index dy_ahead = following_row<Scalar>(dy.shape, width);
        for_each_row(fold, [&](Index o, Index lanes_of_row) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          Scalar* dxs = pass.dx.at(r, c, o);
          const bool through_statistics = pass.through_statistics;
          for_each_pack<P>(lanes_of_row, [=, &coefficients](auto lanes, Index l) {
            constexpr int size = lanes.value;
            if (ahead > 0) prefetch(xs + l, ahead);
            if (dy_ahead > 0) prefetch(dys + l, dy_ahead);
            if (through_statistics) {
              writer.template write<size>(dxs + l, coefficients.template dx<size>(xs, dys, l));
            } else {
              writer.template write<size>(dxs + l, coefficients.template dx<size>(dys, l));
            }
          });
        });
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
