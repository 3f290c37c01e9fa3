// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/writer.hpp"

/// The lane loop: each of the adjacent elements has its own statistic, all have one gamma and beta.
/// Column-major LayerNorm and GroupNorm.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// y(r, c, o) = ((x(r, c, o) - centre(r)) * inv_std(r) + rest(r)) * gamma(c) + beta(c), r adjacent
template <typename Scalar, typename Source>
void normalise_lanes(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                     const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const Writer<Scalar> writer(v.size());
  StatisticTile<Stat<Scalar>> statistics;
  StandardiseTile<P> tile;
  for (Index r = part.repeat_begin; r < part.repeat_end; r += tile_size) {
    const Index width = std::min(tile_size, part.repeat_end - r);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_lanes(x, r, width, g, statistics);
      for (Index l = 0; l < width; ++l) {
        tile.set(l, Standardise<P>(statistics.at(l)));
      }
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = affine.gamma_at(v.affine_index(c));
        const P beta = affine.beta_at(v.affine_index(c));
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(width, [=, &tile](auto lanes, Index l) {
            writer.template write<lanes.value>(
                ys + l, tile.template xhat<lanes.value>(xs, l) * gamma + beta);
          });
        }
      }
    }
  }
}

/// dx(r, c, o) = (gamma(c) * dy(r, c, o) + slope(r) * (x(r, c, o) - centre(r)) + offset(r)) *
/// inv_std(r)
template <typename Scalar, typename Xhat, typename Source>
void backward_lanes(const BackwardPass<Scalar, Xhat>& pass, const Source& source,
                    const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  const Writer<Scalar> writer(v.size());
  StatisticTile<S> statistics;
  StandardiseTile<P> tile;
  BackwardTile<P> coefficients;
  Tile<S> t1, t2;
  const Shares<S> share = pass.shares();
  for (Index r = part.repeat_begin; r < part.repeat_end; r += tile_size) {
    const Index width = std::min(tile_size, part.repeat_end - r);
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      source.of_lanes(x, r, width, g, statistics);
      for (Index l = 0; l < width; ++l) {
        tile.set(l, pass.standardise(statistics.at(l)));
      }

      for (Index l = 0; l < width; ++l) {
        const GradientSums<S> known = pass.known_sums(r + l, g);
        t1[l] = known.dy;
        t2[l] = known.dy_xhat;
      }
      for (Index c = g * v.group; pass.needs_sums() && c < (g + 1) * v.group; ++c) {
        const Index a = v.affine_index(c);
        const S gamma = S(pass.affine.gamma_at(a));
        for (Index o = 0; o < v.outer; ++o) {
          const auto xs = pass.xhat.line(x.at(r, c, o), a);
          const Scalar* dys = dy.at(r, c, o);
          auto line = GradientSums<S>::zero();
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<S, size> d = load<S, size>(dys + l);
            const Pack<S, size> dy_xhat = d * tile.template xhat<size>(xs, l).template as<S>();
            line += {d.sum(), dy_xhat.sum()};
            store<size>(t1.data() + l, load<S, size>(t1.data() + l) + gamma * d);
            store<size>(t2.data() + l, load<S, size>(t2.data() + l) + gamma * dy_xhat);
          });
          sums.add(a, line);
        }
      }
      for (Index l = 0; l < width; ++l) {
        const GradientSums<S> t{t1[l], t2[l]};
        coefficients.set(l, pass.coefficients(statistics.at(l), t, share));
      }

      for (Index c = g * v.group; pass.writes() && c < (g + 1) * v.group; ++c) {
        const Index a = v.affine_index(c);
        const P gamma = pass.affine.gamma_at(a);
        for (Index o = 0; o < v.outer; ++o) {
          const auto xs = pass.xhat.line(x.at(r, c, o), a);
          const Scalar* dys = dy.at(r, c, o);
          Scalar* dxs = pass.dx.at(r, c, o);
          for_each_pack<P>(width, [=, &coefficients](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const Pack<P, size> scaled = gamma * load<P, size>(dys + l);
            writer.template write<size>(dxs + l, coefficients.template dx<size>(scaled, xs, l));
          });
        }
      }
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
