// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "eigen_norm/kernels/coefficients.hpp"
#include "eigen_norm/kernels/pack.hpp"

/// Where a backward pass finds xhat: in the input of the forward pass, by its statistics, or in the
/// output, by its gamma and beta:
///
///     xhat = (x - mean) * inv_std          XhatOfInput
///     xhat = (y - beta) * (1 / gamma)      XhatOfOutput
///
/// Both answer the same questions, so that no loop knows which it is:
///
///     statistic(s)          what Standardise and Backward are made of; of an output, those of xhat
///     of_channel(b, c)      the same coefficients for values of channel c as they lie in memory,
///                           where coefficients are by channel: run and column loop
///     row(data, c)          values to load, in whose line channel c is followed by the others; row
///                           loop
///     line(data, c)         values to load, all of channel c; lane loop

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

struct XhatOfInput {
  static constexpr bool of_input = true;

  template <typename S>
  Statistic<S> statistic(const Statistic<S>& s) const {
    return s;
  }
  template <typename Coefficients>
  const Coefficients& of_channel(const Coefficients& b, Index) const {
    return b;
  }
  template <typename Scalar>
  const Scalar* row(const Scalar* x, Index) const {
    return x;
  }
  template <typename Scalar>
  const Scalar* line(const Scalar* x, Index) const {
    return x;
  }
};

/// Values of y from which xhat is loaded: with a beta and 1 / gamma for each or, where
/// `Coefficient` is a number, for all.
template <typename Scalar, typename Coefficient>
struct OutputValues {
  const Scalar* y;
  Coefficient beta, inv_gamma;

  OutputValues operator+(Index n) const {
    if constexpr (std::is_pointer_v<Coefficient>) {
      return {y + n, beta + n, inv_gamma + n};
    } else {
      return {y + n, beta, inv_gamma};
    }
  }
};

template <typename Compute, int Lanes, typename Scalar, typename P>
Pack<Compute, Lanes> load(const OutputValues<Scalar, const P*>& values) {
  return (load<Compute, Lanes>(values.y) - load<Compute, Lanes>(values.beta)) *
         load<Compute, Lanes>(values.inv_gamma);
}

template <typename Compute, int Lanes, typename Scalar, typename P>
Pack<Compute, Lanes> load(const OutputValues<Scalar, P>& values) {
  return (load<Compute, Lanes>(values.y) - static_cast<Compute>(values.beta)) *
         static_cast<Compute>(values.inv_gamma);
}

/// beta and 1 / gamma by channel, both always there.
template <typename P>
struct XhatOfOutput {
  static constexpr bool of_input = false;
  const P* beta;
  const P* inv_gamma;

  /// xhat as a value has mean 0 and inv_std 1.
  template <typename S>
  Statistic<S> statistic(const Statistic<S>&) const {
    return {S(0), S(1)};
  }
  Standardise<P> of_channel(Standardise<P> s, Index channel) const {
    s.centre = beta[channel];
    s.inv_std = inv_gamma[channel];
    return s;
  }
  Backward<P> of_channel(Backward<P> b, Index channel) const {
    b.centre = beta[channel];
    b.slope = b.slope * inv_gamma[channel];
    return b;
  }
  template <typename Scalar>
  OutputValues<Scalar, const P*> row(const Scalar* y, Index channel) const {
    return {y, beta + channel, inv_gamma + channel};
  }
  template <typename Scalar>
  OutputValues<Scalar, P> line(const Scalar* y, Index channel) const {
    return {y, beta[channel], inv_gamma[channel]};
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
