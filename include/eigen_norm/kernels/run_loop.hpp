// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "eigen_norm/kernels/backward_pass.hpp"
#include "eigen_norm/kernels/partition.hpp"
#include "eigen_norm/kernels/sources.hpp"
#include "eigen_norm/kernels/writer.hpp"

/// The run loop: adjacent elements share the statistic, gamma and beta. BatchNorm2d, GroupNorm.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// y(i) = (x(i) - centre) * scale + shift
template <typename Scalar>
void normalise_line(const Scalar* x, Scalar* y, Index n, const Forward<Param<Scalar>> f,
                    const Writer<Scalar> writer) {
  using P = Param<Scalar>;
  const auto step = [=](auto lanes, Index i) {
    constexpr int size = lanes.value;
    writer.read_ahead(x + i);
    writer.template write<size>(y + i, (load<P, size>(x + i) - f.centre) * f.scale + f.shift);
  };
  const Index head = writer.head(y, n);
  if (head > 0) for_each_pack<P>(head, step);
  for_each_pack<P>(n, step, head);
}

/// Groups that are worked on together: as many as stay in the second-level cache between the visit
/// that reads them and the visit that writes, and a tile at most. One where a group is larger; a
/// tile where nothing is read beforehand.
template <typename Source>
Index groups_per_block(const CollapsedShape& v) {
  if (Source::by_channel) return groups_per_tile(v);
  constexpr Index cached = Index{1} << 16;  // elements
  const Index most = groups_per_tile(v);
  const Index least = has_short_runs(v) ? std::min(lines_together, most) : 1;
  return std::clamp(cached / v.values_per_statistic(), least, most);
}

/// f(c, o) for the channels [begin, end) and all o: the last o first, for what was
/// read last is the likeliest to be in the cache.
template <typename F>
void for_each_run(const CollapsedShape& v, Index begin, Index end, const F& f) {
  for (Index o = v.outer - 1; o >= 0; --o) {
    for (Index c = begin; c < end; ++c) f(c, o);
  }
}

/// y(r, c, o, i) = (x(r, c, o, i) - centre(c)) * scale(c) + shift(c)
template <typename Scalar, typename Source>
void normalise_runs(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  StatisticTile<Stat<Scalar>> statistics;
  Tile<Forward<P>> coefficients;
  const Index per_block = groups_per_block<Source>(v);
  const Writer<Scalar> writer(v.size());
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += per_block) {
      const Index groups = std::min(per_block, part.group_end - g);
      source.of_runs(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index tile_end = std::min(c + tile_size, end);
        for (Index k = c; k < tile_end; ++k) {
          coefficients[k - c] =
              Forward<P>(statistics.at(k / v.group - g), affine.gamma_at(k), affine.beta_at(k));
        }
        for_each_run(v, c, tile_end, [&](Index k, Index o) {
          normalise_line(x.at(r, k, o), y.at(r, k, o), v.inner, coefficients[k - c], writer);
        });
      }
    }
  }
}

/// dx(i) = (gamma * dy(i) + slope * (x(i) - centre) + offset) * inv_std
template <typename Scalar>
void backward_line(const Scalar* x, const Scalar* dy, Scalar* dx, Index n,
                   const Param<Scalar> gamma, const Backward<Param<Scalar>> b,
                   const Writer<Scalar> writer) {
  using P = Param<Scalar>;
  const auto step = [=](auto lanes, Index i) {
    constexpr int size = lanes.value;
    writer.read_ahead(x + i);
    writer.read_ahead(dy + i);
    const Pack<P, size> centred = load<P, size>(x + i) - b.centre;
    writer.template write<size>(
        dx + i, (gamma * load<P, size>(dy + i) + b.slope * centred + b.offset) * b.inv_std);
  };
  const Index head = writer.head(dx, n);
  if (head > 0) for_each_pack<P>(head, step);
  for_each_pack<P>(n, step, head);
}

template <typename Scalar, typename Xhat, typename Source>
void backward_runs(const BackwardPass<Scalar, Xhat>& pass, const Source& source, const Part& part) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto &x = pass.x, &dy = pass.dy;
  const Operand<Scalar>& dx = pass.dx;
  const CollapsedShape& v = x.shape;
  const AffineSums<S> sums = pass.sums(part.piece);
  StatisticTile<S> statistics;
  Tile<Standardise<P>> standardise;
  Tile<GradientSums<S>> channel, t;
  Tile<Backward<P>> coefficients;
  const Shares<S> share = pass.shares();
  const Index per_block = groups_per_block<Source>(v);
  const Writer<Scalar> writer(v.size());
  for (Index r = part.repeat_begin; r < part.repeat_end; ++r) {
    for (Index g = part.group_begin; g < part.group_end; g += per_block) {
      const Index groups = std::min(per_block, part.group_end - g);
      source.of_runs(x, r, g, groups, statistics);
      const Index end = (g + groups) * v.group;
      for (Index k = 0; k < groups; ++k) t[k] = pass.known_sums(r, g + k);
      for (Index c = g * v.group; pass.needs_sums() && c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          standardise[l] = pass.xhat.of_channel(pass.standardise(statistics.at(k - g)), c + l);
        });
        channel_gradient_sums<Scalar>(
            {x.at(r, c), v.outer, v.outer_stride, v.inner}, v.channel_stride,
            {dy.at(r, c), v.outer, dy.shape.outer_stride, v.inner}, dy.shape.channel_stride, width,
            standardise.data(), channel.data());
        for_each_lane(c, width, v.group, [&](Index l, Index k) {
          sums.add(c + l, channel[l]);
          t[k - g].add(channel[l], S(pass.affine.gamma_at(c + l)));
        });
      }
      if (!pass.writes()) continue;
      for (Index k = 0; k < groups; ++k) {
        coefficients[k] = pass.coefficients(statistics.at(k), t[k], share);
      }
      for_each_run(v, g * v.group, end, [&](Index c, Index o) {
        const P gamma = pass.affine.gamma_at(c);
        const Backward<P>& b = pass.xhat.of_channel(coefficients[c / v.group - g], c);
        if (pass.through_statistics) {
          backward_line(x.at(r, c, o), dy.at(r, c, o), dx.at(r, c, o), v.inner, gamma, b, writer);
        } else {
          normalise_line(dy.at(r, c, o), dx.at(r, c, o), v.inner, scale_only(b.inv_std, gamma),
                         writer);
        }
      });
    }
  }
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
