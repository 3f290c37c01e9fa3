// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

#include "eigen_norm/core/parameters.hpp"
#include "eigen_norm/kernels/xhat.hpp"

namespace eigen_norm {
inline namespace EIGEN_NORM_ABI {

template <typename T, typename = void>
inline constexpr bool is_printable = false;
template <typename T>
inline constexpr bool is_printable<
    T, std::void_t<decltype(std::declval<std::ostream&>() << std::declval<const T&>())>> = true;

/// gamma and beta of a forward pass turned round, so that its result gives back what was
/// normalised:
///
///     xhat = (y - beta) * (1 / gamma)
///
/// y was rounded by up to eps / 2 * |y|, with eps that of the data, and so xhat is off by about
///
///     eps * (|xhat| + |beta / gamma|)
///
/// Where |beta / gamma| is beyond 1 / (16 * eps), beta's share alone can be 1 / 32 of a standard
/// deviation, and too little is left to learn from: such a gamma cannot be inverted. Nor can one
/// below the smallest normal number of the data, where y has lost digits to being small.
template <typename Scalar, int Size>
class AffineInverse {
  using P = Param<Scalar>;

 public:
  /// The smallest |gamma| that can be inverted beside such a beta.
  static P least_gamma(const P& beta) {
    const P beside_beta = P(16 * epsilon()) * magnitude(beta), normal = smallest_normal();
    return beside_beta > normal ? beside_beta : normal;
  }

  /// Takes gamma and beta of `size` channels. Returns the first that cannot be inverted, or `size`.
  Index take(const kernels::Affine<P>& affine, Index size) {
    size_ = size;
    values_.resize(2 * size);
    for (Index c = 0; c < size; ++c) {
      const P gamma = affine.gamma_at(c), beta = affine.beta_at(c);
      if (magnitude(gamma) < least_gamma(beta)) return c;
      values_.data()[c] = beta;
      values_.data()[size + c] = P(1) / gamma;
    }
    return size;
  }

  /// Why that of one channel cannot be inverted.
  static std::string refusal(const kernels::Affine<P>& affine, Index channel) {
    std::ostringstream text;
    const P beta = affine.beta_at(channel);
    text << "expected a gamma of at least " << number(least_gamma(beta))
         << " in size to recover xhat from y beside beta " << number(beta) << ", got "
         << number(affine.gamma_at(channel));
    return text.str();
  }

  /// Of what was taken last.
  kernels::XhatOfOutput<P> xhat() { return {values_.data(), values_.data() + size_}; }

 private:
  /// Of Scalar; of double for a scalar that says nothing about itself.
  using Limits = std::conditional_t<std::numeric_limits<Scalar>::is_specialized,
                                    std::numeric_limits<Scalar>, std::numeric_limits<double>>;
  static double epsilon() { return std::ldexp(1.0, 1 - Limits::digits); }
  static P smallest_normal() { return static_cast<P>(Limits::min()); }

  static auto number(const P& value) {
    if constexpr (is_printable<P>) {
      return value;
    } else {
      return "(no text for this scalar)";
    }
  }

  static P magnitude(const P& value) { return value < P(0) ? P(-value) : value; }

  Buffered<P, Size == Eigen::Dynamic ? Eigen::Dynamic : 2 * Size> values_;
  Index size_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm
