// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/tiles.hpp"

/// The row loop: adjacent elements share the statistic, each has its own gamma and beta. LayerNorm,
/// GroupNorm on (N, C).

namespace eigen_norm::kernels {

/// y(r, c) = ((x(r, c) - centre) * inv_std + rest) * gamma(c) + beta(c)
template <typename Scalar, typename Source>
void normalise_rows(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const AffineTile<P> tile(affine);
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Standardise<P> s(source.of_run(x, r, g));
      const Index end = (g + 1) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const P *gamma = tile.gamma(c), *beta = tile.beta(c);
        const Scalar* xs = x.at(r, c);
        Scalar* ys = y.at(r, c);
        for_each_pack<P>(std::min(tile_size, end - c), [&](auto lanes, Index l) {
          constexpr int size = lanes.value;
          const Pack<P, size> xhat = (load<P, size>(xs + l) - s.centre) * s.inv_std + s.rest;
          store<size>(ys + l, xhat * load<P, size>(gamma + l) + load<P, size>(beta + l));
        });
      }
    }
  }
}

/// dx(r, c) = (gamma(c) * dy(r, c) + slope * (x(r, c) - centre) + offset) * inv_std, with dgamma
/// and dbeta added up while x and dy are in the cache for dx.
template <typename Scalar, typename Source>
void backward_rows(const BackwardPass<Scalar>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const CollapsedShape& v = x.shape;
  const AffineTile<P> tile(pass.affine);
  const AffineSums<S> sums = pass.sums(part.piece);
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Index begin = g * v.group, end = begin + v.group;
      const Statistic<S> statistic = source.of_run(x, r, g);
      const Standardise<P> s(statistic);
      const GradientSums<S> t = row_gradient_sums(x.at(r, begin), dy.at(r, begin), v.group, s,
                                                  [&](Index i) { return tile.gamma(begin + i); });
      const Backward<P> b(statistic, t, v.group);
      for (Index c = begin; c < end; c += tile_size) {
        const Scalar *xs = x.at(r, c), *dys = dy.at(r, c);
        const P* gamma = tile.gamma(c);
        Scalar* dxs = pass.dx.at(r, c);
        for_each_pack<P>(std::min(tile_size, end - c), [&](auto lanes, Index l) {
          constexpr int size = lanes.value;
          const Pack<P, size> d = load<P, size>(dys + l);
          const Pack<P, size> centred = load<P, size>(xs + l) - b.centre;
          if (sums.gamma != nullptr) {
            S *dgamma = sums.gamma + c + l, *dbeta = sums.beta + c + l;
            const Pack<P, size> dy_xhat = d * (centred * s.inv_std + s.rest);
            store<size>(dgamma, load<S, size>(dgamma) + dy_xhat.template as<S>());
            store<size>(dbeta, load<S, size>(dbeta) + d.template as<S>());
          }
          store<size>(dxs + l,
                      (load<P, size>(gamma + l) * d + b.slope * centred + b.offset) * b.inv_std);
        });
      }
    }
  }
}

}  // namespace eigen_norm::kernels
