// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <optional>
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
  using S = Stat<Scalar>;

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

  /// What y was scaled by.
  struct Scale {
    Index channel;
    P gamma;
    S inv_std;
  };

  /// A channel's gamma * inv_std that is no normal number of P: y = x * gamma * inv_std + shift has
  /// lost digits to being small, or is beyond P. `inv_std` are those of repeats of channels /
  /// `group` groups each; one of 0 loses nothing, for there all xhat are 0.
  template <typename Statistics>
  static std::optional<Scale> unusable(const kernels::Affine<P>& affine, Index channels,
                                       Index group, const Statistics& inv_std) {
    const Index groups = channels / group;
    for (Index g = 0; g < groups; ++g) {
      S least(0), most(0);
      for (Index i = g; i < inv_std.size(); i += groups) {
        const S& value = inv_std[i];
        if (!(value > S(0))) continue;
        if (least == S(0) || value < least) least = value;
        if (value > most) most = value;
      }
      for (Index c = g * group; c < (g + 1) * group; ++c) {
        const P gamma = affine.gamma_at(c);
        const S size = S(magnitude(gamma));
        if (least > S(0) && size * least < S(smallest_of_parameters())) return {{c, gamma, least}};
        if (size * most > S(largest_of_parameters())) return {{c, gamma, most}};
      }
    }
    return std::nullopt;
  }
  static std::string refusal(const Scale& scale) {
    std::ostringstream text;
    text << "expected a gamma * inv_std that is a normal number, to recover xhat from y, got gamma "
         << number(scale.gamma) << " and inv_std " << number(scale.inv_std);
    return text.str();
  }

  /// Takes them where a forward by these statistics can be turned round, and returns ""; or says
  /// why it cannot, naming the channel as `place`.
  template <typename Statistics>
  std::string take_or_refuse(const kernels::Affine<P>& affine, Index channels, Index group,
                             const Statistics& inv_std, const char* place) {
    const auto in = [place](Index channel) {
      return std::string(" in ") + place + " " + std::to_string(channel);
    };
    const Index refused = take(affine, channels);
    if (refused < channels) return refusal(affine, refused) + in(refused);
    const auto scale = unusable(affine, channels, group, inv_std);
    return scale ? refusal(*scale) + in(scale->channel) : std::string();
  }

  /// Of what was taken last.
  kernels::XhatOfOutput<P> xhat() { return {values_.data(), values_.data() + size_}; }

 private:
  /// Of Scalar; of double for a scalar that says nothing about itself.
  using Limits = std::conditional_t<std::numeric_limits<Scalar>::is_specialized,
                                    std::numeric_limits<Scalar>, std::numeric_limits<double>>;
  static double epsilon() { return std::ldexp(1.0, 1 - Limits::digits); }
  static P smallest_normal() { return static_cast<P>(Limits::min()); }
  using ParameterLimits = std::conditional_t<std::numeric_limits<P>::is_specialized,
                                             std::numeric_limits<P>, std::numeric_limits<double>>;
  static P smallest_of_parameters() { return P(ParameterLimits::min()); }
  static P largest_of_parameters() { return P(ParameterLimits::max()); }

  template <typename T>
  static auto number(const T& value) {
    if constexpr (is_printable<T>) {
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
