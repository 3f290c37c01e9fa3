// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>

#include "eigen_norm/kernels/sources.hpp"

/// The forward pass: y = (x - mean) * inv_std * gamma + beta, one function for
/// each inner loop. y may be x.

namespace eigen_norm::kernels {

/// gamma and beta of adjacent channels, with a tile of ones or zeros where one
/// is absent.
template <typename P>
class AffineTile {
 public:
  explicit AffineTile(const Affine<P>& affine) : affine_(affine) {
    if (affine.gamma == nullptr) ones_.fill(P(1));
    if (affine.beta == nullptr) zeros_.fill(P(0));
  }
  AffineTile(const AffineTile&) = delete;
  AffineTile& operator=(const AffineTile&) = delete;

  const P* gamma(Index channel) const {
    return affine_.gamma != nullptr ? affine_.gamma + channel : ones_.data();
  }
  const P* beta(Index channel) const {
    return affine_.beta != nullptr ? affine_.beta + channel : zeros_.data();
  }

 private:
  Affine<P> affine_;
  Tile<P> ones_, zeros_;
};

/// y(i) = (x(i) - centre) * scale + shift
template <typename Scalar>
void normalise_line(const Scalar* x, Scalar* y, Index n, const Forward<Param<Scalar>>& f) {
  using P = Param<Scalar>;
  for_each_pack<P>(n, [&](auto lanes, Index i) {
    constexpr int size = lanes.value;
    store<size>(y + i, (load<P, size>(x + i) - f.centre) * f.scale + f.shift);
  });
}

/// y(r, c, o, i) = (x(r, c, o, i) - centre) * scale(c) + shift(c): one triple
/// for each run.
template <typename Scalar, typename Source>
void normalise_runs(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source) {
  const CollapsedShape& v = x.shape;
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); ++g) {
      const auto statistic = source.of_run(x, r, g);
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const Forward<Param<Scalar>> f(statistic, affine.gamma_at(c), affine.beta_at(c));
        for (Index o = 0; o < v.outer; ++o) {
          normalise_line(x.at(r, c, o), y.at(r, c, o), v.inner, f);
        }
      }
    }
  }
}

/// y(r, o, c) = (x(r, o, c) - centre(c)) * scale(c) + shift(c): the same
/// triples for every o.
template <typename Scalar, typename Source>
void normalise_columns(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                       const Affine<Param<Scalar>>& affine, const Source& source) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const Index groups_per_tile = std::max<Index>(1, tile_size / v.group);
  Tile<Statistic<Stat<Scalar>>> statistics;
  Tile<P> centre, scale, shift;
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); g += groups_per_tile) {
      const Index groups = std::min(groups_per_tile, v.groups() - g);
      source.of_columns(x, r, g, groups, statistics.data());
      const Index end = (g + groups) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        for (Index l = 0; l < width; ++l) {
          const auto i = static_cast<std::size_t>(l);
          const auto& statistic = statistics[static_cast<std::size_t>((c + l) / v.group - g)];
          const Forward<P> f(statistic, affine.gamma_at(c + l), affine.beta_at(c + l));
          centre[i] = f.centre;
          scale[i] = f.scale;
          shift[i] = f.shift;
        }
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            store<size>(ys + l, (load<P, size>(xs + l) - load<P, size>(centre.data() + l)) *
                                        load<P, size>(scale.data() + l) +
                                    load<P, size>(shift.data() + l));
          });
        }
      }
    }
  }
}

/// y(r, c) = ((x(r, c) - centre) * inv_std + rest) * gamma(c) + beta(c): one
/// statistic along c.
template <typename Scalar, typename Source>
void normalise_rows(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                    const Affine<Param<Scalar>>& affine, const Source& source) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  const AffineTile<P> tile(affine);
  for (Index r = 0; r < v.repeats; ++r) {
    for (Index g = 0; g < v.groups(); ++g) {
      const Standardise<P> s(source.of_run(x, r, g));
      const Index end = (g + 1) * v.group;
      for (Index c = g * v.group; c < end; c += tile_size) {
        const Index width = std::min(tile_size, end - c);
        const P *gamma = tile.gamma(c), *beta = tile.beta(c);
        const Scalar* xs = x.at(r, c);
        Scalar* ys = y.at(r, c);
        for_each_pack<P>(width, [&](auto lanes, Index l) {
          constexpr int size = lanes.value;
          const Pack<P, size> xhat = (load<P, size>(xs + l) - s.centre) * s.inv_std + s.rest;
          store<size>(ys + l, xhat * load<P, size>(gamma + l) + load<P, size>(beta + l));
        });
      }
    }
  }
}

/// y(r, c, o) = ((x(r, c, o) - centre(r)) * inv_std(r) + rest(r)) * gamma(c) +
/// beta(c), r adjacent.
template <typename Scalar, typename Source>
void normalise_lanes(const Operand<const Scalar>& x, const Operand<Scalar>& y,
                     const Affine<Param<Scalar>>& affine, const Source& source) {
  using P = Param<Scalar>;
  const CollapsedShape& v = x.shape;
  Tile<Statistic<Stat<Scalar>>> statistics;
  Tile<P> centre, inv_std, rest;
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
      for (Index c = g * v.group; c < (g + 1) * v.group; ++c) {
        const P gamma = affine.gamma_at(v.affine_index(c));
        const P beta = affine.beta_at(v.affine_index(c));
        for (Index o = 0; o < v.outer; ++o) {
          const Scalar* xs = x.at(r, c, o);
          Scalar* ys = y.at(r, c, o);
          for_each_pack<P>(width, [&](auto lanes, Index l) {
            constexpr int size = lanes.value;
            store<size>(ys + l, ((load<P, size>(xs + l) - load<P, size>(centre.data() + l)) *
                                     load<P, size>(inv_std.data() + l) +
                                 load<P, size>(rest.data() + l)) *
                                        gamma +
                                    beta);
          });
        }
      }
    }
  }
}

/// Normalises x into y with the statistics of `source`.
template <typename Scalar, typename Source>
void normalise(Operand<const Scalar> x, Operand<Scalar> y, const Affine<Param<Scalar>>& affine,
               const Source& source) {
  memory::merge_runs(x, y);
  switch (memory::common_loop(x, y)) {
    case memory::Loop::run:
      return normalise_runs(x, y, affine, source);
    case memory::Loop::column:
      return normalise_columns(x, y, affine, source);
    case memory::Loop::row:
      return normalise_rows(x, y, affine, source);
    case memory::Loop::lane:
      return normalise_lanes(x, y, affine, source);
  }
}

}  // namespace eigen_norm::kernels
