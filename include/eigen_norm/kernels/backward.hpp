// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/gradient_sums.hpp"
#include "eigen_norm/kernels/normalise.hpp"

/// The backward pass, one function for each inner loop. With t1 and t2 the sums
/// of gamma * dy and gamma * dy * xhat over the m values of a statistic:
///
///     dx     = inv_std * (gamma * dy - t1 / m - xhat * t2 / m)    statistics
///     of the batch dx     = inv_std * gamma * dy statistics given dgamma =
///     sum(dy * xhat),   dbeta = sum(dy)
///
/// dx may be dy or x. `source` gives the statistics of the forward pass.

namespace eigen_norm::kernels {

/// Where dgamma and dbeta of each channel are added up; both null where nobody
/// asks.
template <typename S>
struct AffineSums {
  S* gamma = nullptr;
  S* beta = nullptr;

  bool wanted() const { return gamma != nullptr; }
  void add(Index channel, const GradientSums<S>& sums) const {
    gamma[channel] += sums.dy_xhat;
    beta[channel] += sums.dy;
  }
};

/// All that a backward pass works on.
template <typename Scalar>
struct BackwardPass {
  Operand<const Scalar> x;
  Operand<const Scalar> dy;
  Operand<Scalar> dx;
  Affine<Param<Scalar>> affine;
  AffineSums<Stat<Scalar>> sums;
  bool through_statistics;  ///< the statistics were x's own, and the gradient
                            ///< flows through them
};

/// dx = dy * gamma * inv_std as a forward pass without mean and beta.
template <typename P, typename S>
Forward<P> scale_only(const Statistic<S>& statistic, const P& gamma) {
  return {Statistic<S>{S(0), statistic.inv_std}, gamma, P(0)};
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

/// One set of coefficients for each run.
template <typename Scalar, typename Source>
void backward_runs(const BackwardPass<Scalar>& pass, const Source& source) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto& [x, dy, dx, affine, sums, through] = pass;
  const CollapsedShape& v = x.shape;
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); ++g) {
      const Statistic<S> statistic = source.of_run(x, r, g);
      const Standardise<P> s(statistic);
      GradientSums<S> t;
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        if (!through && !sums.wanted()) break;
        const Runs<Scalar> xs{x.at(r, c), v.outer, v.outer_stride, v.inner};
        const Runs<Scalar> dys{dy.at(r, c), v.outer, dy.shape.outer_stride, v.inner};
        const GradientSums<S> channel = run_gradient_sums<Scalar>(xs, dys, s);
        if (sums.wanted()) sums.add(c, channel);
        const S gamma = S(affine.gamma_at(c));
        t += {gamma * channel.dy, gamma * channel.dy_xhat};
      }
      const Backward<P> b(statistic, t.dy, t.dy_xhat, v.values_per_statistic());
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = affine.gamma_at(c);
        for (Index o = 0; o < v.outer; ++o) {
          if (through) {
            backward_line(x.at(r, c, o), dy.at(r, c, o), dx.at(r, c, o), v.inner, gamma, b);
          } else {
            normalise_line(dy.at(r, c, o), dx.at(r, c, o), v.inner,
                           scale_only<P>(statistic, gamma));
          }
        }
      }
    }
  }
}

/// Coefficients by channel, the same for every o.
template <typename Scalar, typename Source>
void backward_columns(const BackwardPass<Scalar>& pass, const Source& source) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto& [x, dy, dx, affine, sums, through] = pass;
  const CollapsedShape& v = x.shape;
  const Index groups_per_tile = std::max<Index>(1, tile_size / v.group);
  const Rows x_rows{v.outer, v.outer_stride}, dy_rows{v.outer, dy.shape.outer_stride};
  Tile<Statistic<S>> statistics;
  Tile<P> centre, inv_std, rest, gamma, slope, offset;
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); g += groups_per_tile) {
      const Index groups = std::min(groups_per_tile, v.groups() - g);
      const Index begin = g * v.group, end = (g + groups) * v.group;
      const auto group_of = [&](Index c) { return static_cast<std::size_t>(c / v.group - g); };
      source.of_columns(x, r, g, groups, statistics.data());

      Tile<GradientSums<S>> t{};
      for (Index c = begin; c < end && (through || sums.wanted()); c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          const auto i = static_cast<std::size_t>(l);
          const Standardise<P> s(statistics[group_of(c + l)]);
          centre[i] = s.centre;
          inv_std[i] = s.inv_std;
          rest[i] = s.rest;
        }
        Tile<S> dy_sum{}, dy_xhat_sum{};
        lane_gradient_sums(x.at(r, c), x_rows, dy.at(r, c), dy_rows, width,
                           {centre.data(), inv_std.data(), rest.data()}, dy_sum.data(),
                           dy_xhat_sum.data());
        for (Index l = 0; l < width; ++l) {
          const auto i = static_cast<std::size_t>(l);
          const GradientSums<S> channel{dy_sum[i], dy_xhat_sum[i]};
          if (sums.wanted()) sums.add(c + l, channel);
          const S weight = S(affine.gamma_at(c + l));
          t[group_of(c + l)] += {weight * channel.dy, weight * channel.dy_xhat};
        }
      }

      for (Index c = begin; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          const auto i = static_cast<std::size_t>(l);
          const std::size_t k = group_of(c + l);
          const Backward<P> b(statistics[k], t[k].dy, t[k].dy_xhat, v.values_per_statistic());
          centre[i] = b.centre;
          inv_std[i] = b.inv_std;
          slope[i] = b.slope;
          offset[i] = b.offset;
          gamma[i] = through ? affine.gamma_at(c + l)
                             : scale_only<P>(statistics[k], affine.gamma_at(c + l)).scale;
        }
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          Scalar* dxs = dx.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const auto of = [l](const Tile<P>& tile) { return load<P, size>(tile.data() + l); };
            const Pack<P, size> scaled = of(gamma) * load<P, size>(dys + l);
            if (through) {
              const Pack<P, size> centred = load<P, size>(xs + l) - of(centre);
              store<size>(dxs + l, (scaled + of(slope) * centred + of(offset)) * of(inv_std));
            } else {
              store<size>(dxs + l, scaled);
            }
          });
        }
      }
    }
  }
}

/// One statistic along a row, gamma as a vector along it. dgamma and dbeta are
/// added up while x and dy are in the cache for dx.
template <typename Scalar, typename Source>
void backward_rows(const BackwardPass<Scalar>& pass, const Source& source) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto& [x, dy, dx, affine, sums, through] = pass;
  const CollapsedShape& v = x.shape;
  const AffineTile<P> tile(affine);
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); ++g) {
      const Index begin = g * v.group, end = begin + v.group;
      const Statistic<S> statistic = source.of_run(x, r, g);
      const Standardise<P> s(statistic);
      const GradientSums<S> t = row_gradient_sums(x.at(r, begin), dy.at(r, begin), v.group, s,
                                                  [&](Index i) { return tile.gamma(begin + i); });
      const Backward<P> b(statistic, t.dy, t.dy_xhat, v.group);
      for (Index c = begin; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        const Scalar *xs = x.at(r, c), *dys = dy.at(r, c);
        const P* gamma = tile.gamma(c);
        Scalar* dxs = dx.at(r, c);
        for_each_pack<P>(width, [&](auto lanes, Index l) {
          constexpr int size = lanes.value;
          const Pack<P, size> d = load<P, size>(dys + l);
          const Pack<P, size> centred = load<P, size>(xs + l) - b.centre;
          if (sums.wanted()) {
            S *dgamma = sums.gamma + c + l, *dbeta = sums.beta + c + l;
            const Pack<P, size> dy_xhat = d * (centred * s.inv_std + s.rest);
            store<size>(dgamma, load<S, size>(dgamma) + dy_xhat.template cast<S>());
            store<size>(dbeta, load<S, size>(dbeta) + d.template cast<S>());
          }
          store<size>(dxs + l,
                      (load<P, size>(gamma + l) * d + b.slope * centred + b.offset) * b.inv_std);
        });
      }
    }
  }
}

/// One statistic for each of the adjacent lanes r, one gamma for each line of
/// them.
template <typename Scalar, typename Source>
void backward_lanes(const BackwardPass<Scalar>& pass, const Source& source) {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;
  const auto& [x, dy, dx, affine, sums, through] = pass;
  const CollapsedShape& v = x.shape;
  Tile<Statistic<S>> statistics;
  Tile<P> centre, inv_std, rest, slope, offset;
  for (Index r = 0; r < v.repeats; r += tile_size) {
    const Index width = std::min(tile_size, v.repeats - r);
    for (Index g = 0; g < v.groups(); ++g) {
      source.of_lanes(x, r, width, g, statistics.data());
      for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
        const Standardise<P> s(statistics[l]);
        centre[l] = s.centre;
        inv_std[l] = s.inv_std;
        rest[l] = s.rest;
      }
      Tile<S> t1{}, t2{};
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const Index a = v.affine_index(c);
        const S gamma = S(affine.gamma_at(a));
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          GradientSums<S> line;
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const auto of = [l](const Tile<P>& tile) { return load<P, size>(tile.data() + l); };
            const Pack<S, size> d = load<S, size>(dys + l);
            const Pack<P, size> xhat =
                (load<P, size>(xs + l) - of(centre)) * of(inv_std) + of(rest);
            const Pack<S, size> dy_xhat = d * xhat.template cast<S>();
            line += {d.sum(), dy_xhat.sum()};
            store<size>(t1.data() + l, load<S, size>(t1.data() + l) + gamma * d);
            store<size>(t2.data() + l, load<S, size>(t2.data() + l) + gamma * dy_xhat);
          });
          if (sums.wanted()) sums.add(a, line);
        }
      }
      for (std::size_t l = 0; l < static_cast<std::size_t>(width); ++l) {
        const Backward<P> b(statistics[l], t1[l], t2[l], v.values_per_statistic());
        slope[l] = b.slope;
        offset[l] = b.offset;
      }
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = affine.gamma_at(v.affine_index(c));
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar *xs = x.at(r, c, o), *dys = dy.at(r, c, o);
          Scalar* dxs = dx.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            const auto of = [l](const Tile<P>& tile) { return load<P, size>(tile.data() + l); };
            const Pack<P, size> centred = load<P, size>(xs + l) - of(centre);
            store<size>(
                dxs + l,
                (gamma * load<P, size>(dys + l) + of(slope) * centred + of(offset)) * of(inv_std));
          });
        }
      }
    }
  }
}

/// dx, dgamma and dbeta with the statistics of `source`.
template <typename Scalar, typename Source>
void backward(BackwardPass<Scalar> pass, const Source& source) {
  memory::merge_runs(pass.x, pass.dy, pass.dx);
  switch (memory::common_loop(pass.x, pass.dy, pass.dx)) {
    case memory::Loop::run:
      return backward_runs(pass, source);
    case memory::Loop::column:
      return backward_columns(pass, source);
    case memory::Loop::row:
      return backward_rows(pass, source);
    case memory::Loop::lane:
      return backward_lanes(pass, source);
  }
}

}  // namespace eigen_norm::kernels
