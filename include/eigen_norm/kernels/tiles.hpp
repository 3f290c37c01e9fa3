// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/pack.hpp"

/// Coefficients of adjacent channels or lanes, a tile of each on the stack, so that loops read them
/// as packs.

namespace eigen_norm::kernels {

/// y = (x - centre) * scale + shift
template <typename P>
struct ForwardTile {
  Tile<P> centre, scale, shift;

  void set(Index lane, const Forward<P>& f) {
    const auto l = static_cast<std::size_t>(lane);
    centre[l] = f.centre;
    scale[l] = f.scale;
    shift[l] = f.shift;
  }

  template <int Lanes, typename Scalar>
  Pack<P, Lanes> y(const Scalar* x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(scale, l) +
           load_tile<Lanes>(shift, l);
  }
};

/// xhat = (x - centre) * inv_std + rest
template <typename P>
struct StandardiseTile {
  Tile<P> centre, inv_std, rest;

  void set(Index lane, const Standardise<P>& s) {
    const auto l = static_cast<std::size_t>(lane);
    centre[l] = s.centre;
    inv_std[l] = s.inv_std;
    rest[l] = s.rest;
  }

  template <int Lanes, typename Scalar>
  Pack<P, Lanes> xhat(const Scalar* x, Index l) const {
    return (load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l)) * load_tile<Lanes>(inv_std, l) +
           load_tile<Lanes>(rest, l);
  }
};

/// dx = (scaled + slope * (x - centre) + offset) * inv_std, where scaled = gamma * dy
template <typename P>
struct BackwardTile {
  Tile<P> centre, inv_std, slope, offset;

  void set(Index lane, const Backward<P>& b) {
    const auto l = static_cast<std::size_t>(lane);
    centre[l] = b.centre;
    inv_std[l] = b.inv_std;
    slope[l] = b.slope;
    offset[l] = b.offset;
  }

  template <int Lanes, typename Scalar>
  Pack<P, Lanes> dx(const Pack<P, Lanes>& scaled, const Scalar* x, Index l) const {
    const Pack<P, Lanes> centred = load<P, Lanes>(x + l) - load_tile<Lanes>(centre, l);
    return (scaled + load_tile<Lanes>(slope, l) * centred + load_tile<Lanes>(offset, l)) *
           load_tile<Lanes>(inv_std, l);
  }
};

/// gamma and beta of adjacent channels, with a tile of ones or zeros where one is absent.
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

}  // namespace eigen_norm::kernels
