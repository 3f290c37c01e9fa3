// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/lane_gradient_sums.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/tiles.hpp"

/// The column loop: each of the adjacent elements has its own statistic, gamma and beta, and all
/// rows have the same ones. BatchNorm1d on (N, C), every channels-last layer.

namespace eigen_norm::kernels {

/// f(o) for all rows o of a tile `width` lanes wide, side by side where there are threads.
template <typename F>
void for_each_row(Index rows, Index width, const F& f) {
  const RowBlocks blocks(rows);
  parallel_for(blocks.count(), rows * width, [&](Index block) {
    for (Index o = blocks.begin(block); o < blocks.end(block); ++o) f(o);
  });
}

/// y(r, o, c) = (x(r, o, c) - centre(c)) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_columns(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                       const Affine<Param<Scalar>>& affine, const Source& source,
                       const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  Tile<Statistic<Stat<Scalar>>> statistics;
  ForwardTile<P> tile;
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      source.of_columns(x, r, g, groups, statistics.data());
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          const auto& statistic = statistics[static_cast<std::size_t>((c + l) / v.group - g)];
          tile.set(l, Forward<P>(statistic, affine.gamma_at(c + l), affine.beta_at(c + l)));
        }
        for_each_row(v.outer, width, [&](Index o) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            store<lanes.value>(ys + l, tile.template y<lanes.value>(xs, l));
          });
        });
      }
    }
  }
}

/// dx(r, o, c) = (gamma(c) * dy(r, o, c) + slope(c) * (x(r, o, c) - centre(c)) + offset(c)) *
/// inv_std(c), or gamma(c) * inv_std(c) * dy(r, o, c)
template <typename Scalar, typename Source>
void backward_columns(const BackwardPass<Scalar>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  Tile<Statistic<S>> statistics;
  StandardiseTile<P> standardise;
  BackwardTile<P> coefficients;
  Tile<P> scale;
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += groups_per_tile(v)) {
      const Index groups = std::min(groups_per_tile(v), part.group_end - g);
      const Index begin = g * v.group, end = begin + groups * v.group;
      const auto group_of = [&](Index c) { return static_cast<std::size_t>(c / v.group - g); };
      source.of_columns(x, r, g, groups, statistics.data());

      Tile<GradientSums<S>> t{};
      for (Index c = begin; pass.needs_sums() && c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          standardise.set(l, Standardise<P>(statistics[group_of(c + l)]));
        }
        const LaneGradientSums<S> lanes =
            lane_gradient_sums(x.at(r, c), Rows{v.outer, v.outer_stride}, dy.at(r, c),
                               Rows{v.outer, dy.shape.outer_stride}, width, standardise);
        for (Index l = 0; l < width; ++l) {
          sums.add(c + l, lanes.at(l));
          t[group_of(c + l)].add(lanes.at(l), S(pass.affine.gamma_at(c + l)));
        }
      }

      for (Index c = begin; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          const std::size_t k = group_of(c + l);
          const P gamma = pass.affine.gamma_at(c + l);
          const Backward<P> b(statistics[k], t[k], v.values_per_statistic());
          coefficients.set(l, b);
          at(scale, l) = pass.through_statistics ? gamma : scale_only(b.inv_std, gamma).scale;
        }
        for_each_row(v.outer, width, [&](Index o) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          Scalar* dxs = pass.dx.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<P, size> scaled = load_tile<size>(scale, l) * load<P, size>(dys + l);
            if (pass.through_statistics) {
              store<size>(dxs + l, coefficients.template dx<size>(scaled, xs, l));
            } else {
              store<size>(dxs + l, scaled);
            }
          });
        });
      }
    }
  }
}

}  // namespace eigen_norm::kernels
