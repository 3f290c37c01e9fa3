// SPDX-License-Identifier: MIT
#pragma once

#include "eigen_norm/kernels/gradient_sums.hpp"
#include "eigen_norm/kernels/xhat.hpp"
#include "eigen_norm/memory/operand.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

using memory::CollapsedShape;
using memory::Operand;

/// Where dgamma and dbeta are added up, by channel; null where nobody asks.
template <typename S>
struct AffineSums {
  S* gamma = nullptr;
  S* beta = nullptr;

  void add(Index channel, const GradientSums<S>& sums) const {
    if (gamma == nullptr) return;
    gamma[channel] += sums.dy_xhat;
    beta[channel] += sums.dy;
  }
};

/// sum(gamma * dy) and sum(gamma * dy * xhat) by statistic, known beforehand, over all `count`
/// values that share it, of which x may be a part.
template <typename S>
struct GivenSums {
  const S* dy = nullptr;
  const S* dy_xhat = nullptr;
  Index count = 0;

  bool exist() const { return dy != nullptr; }
};

/// All that a backward pass works on. dx may be dy or x. Its two halves, the sums and dx, may be
/// asked for one by one: sums alone where dx has no data, dx alone where the sums are given. `x` is
/// what `xhat` finds itself in.
template <typename Scalar, typename Xhat = XhatOfInput>
struct BackwardPass {
  using P = Param<Scalar>;
  using S = Stat<Scalar>;

  Operand<const Scalar> x;
  Operand<const Scalar> dy;
  Operand<Scalar> dx;
  Affine<P> affine;
  bool through_statistics;  ///< the statistics were x's own, and the gradient flows through them
  /// Room for dgamma and dbeta of each piece of a Partition, one after the other, or null.
  S* affine_sums;
  bool centred = true;  ///< false where no mean was taken away (RMSNorm)
  GivenSums<S> given = {};
  Xhat xhat = {};

  Shares<S> shares() const {
    return {given.exist() ? given.count : x.shape.values_per_statistic(), centred};
  }
  bool needs_sums() const {
    return !given.exist() && (through_statistics || affine_sums != nullptr);
  }
  bool writes() const { return dx.data != nullptr; }

  Standardise<P> standardise(const Statistic<S>& s) const {
    return Standardise<P>(xhat.statistic(s));
  }
  Backward<P> coefficients(const Statistic<S>& s, const GradientSums<S>& t,
                           const Shares<S>& share) const {
    return Backward<P>(xhat.statistic(s), t, share, s.inv_std);
  }

  /// What a statistic's sums begin with.
  GradientSums<S> known_sums(Index repeat, Index group) const {
    if (!given.exist()) return GradientSums<S>::zero();
    const Index i = x.shape.statistic(repeat, group);
    return {given.dy[i], given.dy_xhat[i]};
  }

  AffineSums<S> sums(Index piece) const {
    if (affine_sums == nullptr) return {};
    const Index channels = x.shape.channels;
    S* gamma = affine_sums + 2 * channels * piece;
    return {gamma, gamma + channels};
  }
};

/// dx = dy * gamma * inv_std as a forward pass without mean and beta, from inv_std as rounded to P.
template <typename P>
Forward<P> scale_only(const P& inv_std, const P& gamma) {
  return {Statistic<P>{P(0), inv_std}, gamma, P(0)};
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
