// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"

/// The run loop: adjacent elements share the statistic, gamma and beta. BatchNorm2d, GroupNorm.

namespace eigen_norm::kernels {

/// y(i) = (x(i) - centre) * scale + shift
template <typename Scalar>
void normalise_line(const Scalar* x, Scalar* y, Index n, const Forward<Param<Scalar>>& f) {
  using P = Param<Scalar>;
  for_each_pack<P>(n, [&](auto lanes, Index i) {
    constexpr int size = lanes.value;
    store<size>(y + i, (load<P, size>(x + i) - f.centre) * f.scale + f.shift);
  });
}

/// y(r, c, o, i) = (x(r, c, o, i) - centre) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_runs(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  const CollapsedShape& v = x.shape;
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Statistic<Stat<Scalar>> statistic = source.of_run(x, r, g);
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const Forward<Param<Scalar>> f(statistic, affine.gamma_at(c), affine.beta_at(c));
        // The runs read last are the likeliest to be in the cache.
        for (Index o = v.outer - 1; o >= 0; --o) {
          normalise_line(x.at(r, c, o), y.at(r, c, o), v.inner, f);
        }
      }
    }
  }
}

/// dx(i) = (gamma * dy(i) + slope * (x(i) - centre) + offset) * inv_std
template <typename Scalar>
void backward_line(const Scalar* x, const Scalar* dy, Scalar* dx, Index n,
                   const Param<Scalar>& gamma, const Backward<Param<Scalar>>& b) {
  using P = Param<Scalar>;
  for_each_pack<P>(n, [&](auto lanes, Index i) {
    constexpr int size = lanes.value;
    const Pack<P, size> centred = load<P, size>(x + i) - b.centre;
    store<size>(dx + i, (gamma * load<P, size>(dy + i) + b.slope * centred + b.offset) * b.inv_std);
  });
}

template <typename Scalar, typename Source>
void backward_runs(const BackwardPass<Scalar>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const Operand<Scalar>& dx = pass.dx;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; ++g) {
      const Statistic<S> statistic = source.of_run(x, r, g);
      GradientSums<S> t;
      for (Index c = g * v.group; pass.needs_sums() && c < (g + 1) * v.group; ++c) {
        const GradientSums<S> channel = run_gradient_sums<Scalar>(
            {x.at(r, c), v.outer, v.outer_stride, v.inner},
            {dy.at(r, c), v.outer, dy.shape.outer_stride, v.inner}, Standardise<P>(statistic));
        sums.add(c, channel);
        t.add(channel, S(pass.affine.gamma_at(c)));
      }
      const Backward<P> b(statistic, t, v.values_per_statistic());
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = pass.affine.gamma_at(c);
        for (Index o = v.outer - 1; o >= 0; --o) {
          if (pass.through_statistics) {
            backward_line(x.at(r, c, o), dy.at(r, c, o), dx.at(r, c, o), v.inner, gamma, b);
          } else {
            normalise_line(dy.at(r, c, o), dx.at(r, c, o), v.inner, scale_only(statistic, gamma));
          }
        }
      }
    }
  }
}

}  // namespace eigen_norm::kernels
