// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/rows.hpp"

/// Coefficients of adjacent channels or lanes, a tile of each on the stack, so that loops read them
/// as packs.

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

template <typename S>
struct StatisticTile {
  Tile<S> mean, inv_std;

  Statistic<S> at(Index lane) const { return {mean[lane], inv_std[lane]}; }
};

/// inverse_std of `n` variances, in their place; four at a time: Eigen's roots of wider vectors are
/// approximations.
template <typename S>
void inverse_std(S* values, Index n, double eps) {
  Index i = 0;
  if constexpr (std::is_arithmetic_v<S>) {
    for (; i + 4 <= n; i += 4) {
      Eigen::Map<Eigen::Array<S, 4, 1>> four(values + i);
      const Eigen::Array<S, 4, 1> squared = four + S(eps), inverse = S(1) / squared.sqrt();
      four = (squared == S(0)).select(S(0), inverse);
    }
  }
  for (; i < n; ++i) values[i] = inverse_std(values[i], eps);
}

/// NaN in the place of `n` variances of data that are infinite: their sums were beyond S, which an
/// inv_std of 0 would hide.
template <typename S>
void show_overflow(S* var, Index n) {
  for (Index i = 0; i < n; ++i) var[i] += S(var[i] * S(0));
}

/// y = (x - centre) * scale + shift
template <typename P>
struct ForwardTile {
  Tile<P> centre, scale, shift;

  void set(Index lane, const Forward<P>& f) {
    centre[lane] = f.centre;
    scale[lane] = f.scale;
    shift[lane] = f.shift;
  }
  void repeat(const RowFold& fold) {
    for (auto* tile : {&centre, &scale, &shift}) fold.repeat(*tile);
  }

  template <int Lanes, typename Scalar>
  Pack<P, Lanes> y(const Scalar* x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(scale, l) +
           load_tile<Lanes>(shift, l);
  }
};

/// xhat = (x - centre) * inv_std + rest
template <typename P, Index Size = tile_size>
struct StandardiseTile {
  Tile<P, Size> centre, inv_std, rest;

  void set(Index lane, const Standardise<P>& s) {
    centre[lane] = s.centre;
    inv_std[lane] = s.inv_std;
    rest[lane] = s.rest;
  }

  template <int Lanes, typename Values>
  Pack<P, Lanes> xhat(const Values& x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(inv_std, l) +
           load_tile<Lanes>(rest, l);
  }
};

/// dx = (gamma * dy + slope * (x - centre) + offset) * inv_std
template <typename P>
struct BackwardTile {
  Tile<P> centre, inv_std, slope, offset, gamma;

  void set(Index lane, const Backward<P>& b, const P& gamma_of_lane = P(1)) {
    centre[lane] = b.centre;
    inv_std[lane] = b.inv_std;
    slope[lane] = b.slope;
    offset[lane] = b.offset;
    gamma[lane] = gamma_of_lane;
  }
  void repeat(const RowFold& fold) {
    for (auto* tile : {&centre, &inv_std, &slope, &offset, &gamma}) fold.repeat(*tile);
  }

  /// Where the gradient flows through the statistics.
  template <int Lanes, typename Scalar>
  Pack<P, Lanes> dx(const Scalar* x, const Scalar* dy, Index l) const {
    return dx(load_tile<Lanes>(gamma, l) * load<P, Lanes>(dy + l), x, l);
  }
  /// The same with `scaled` = gamma * dy.
  template <int Lanes, typename Values>
  Pack<P, Lanes> dx(const Pack<P, Lanes>& scaled, const Values& x, Index l) const {
    const Pack<P, Lanes> centred = load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l);
    return (scaled + load_tile<Lanes>(slope, l) * centred + load_tile<Lanes>(offset, l)) *
           load_tile<Lanes>(inv_std, l);
  }
  /// Where it does not, and `gamma` is gamma * inv_std.
  template <int Lanes, typename Scalar>
  Pack<P, Lanes> dx(const Scalar* dy, Index l) const {
    return load_tile<Lanes>(gamma, l) * load<P, Lanes>(dy + l);
  }
};

/// gamma and beta of adjacent channels, a tile of them: where they lie, or made on the stack where
/// one is absent or gamma has an offset.
template <typename P>
class AffineTile {
 public:
  AffineTile(const Affine<P>& affine, Index channels) : affine_(affine), channels_(channels) {
    if (affine.gamma == nullptr) gamma_.head(tile_size).setConstant(P(1));
    if (affine.beta == nullptr) beta_.head(tile_size).setConstant(P(0));
  }
  AffineTile(const AffineTile&) = delete;
  AffineTile& operator=(const AffineTile&) = delete;

  /// Valid until the next call.
  const P* gamma(Index channel) {
    if (affine_.gamma == nullptr) return gamma_.data();
    if (affine_.gamma_offset == P(0)) return affine_.gamma + channel;
    if (channel != made_) {
      const Index width = std::min(tile_size, channels_ - channel);
      for (Index l = 0; l < width; ++l) gamma_[l] = affine_.gamma_at(channel + l);
      made_ = channel;
    }
    return gamma_.data();
  }
  const P* beta(Index channel) const {
    return affine_.beta != nullptr ? affine_.beta + channel : beta_.data();
  }

 private:
  Affine<P> affine_;
  Index channels_;
  Index made_ = -1;
  Tile<P> gamma_, beta_;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
