// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "eigen_norm/kernels/rounding.hpp"
#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// What a normalization does to the values that share it: xhat = (x - mean) * inv_std.
template <typename S>
struct Statistic {
  S mean;
  S inv_std;
};

/// 1 / sqrt(var + eps), and 0 where that is 1 / 0: a constant group without eps gives beta.
template <typename S>
S inverse_std(const S& var, double eps) {
  using std::sqrt;
  const S squared = var + S(eps);
  return squared == S(0) ? S(0) : S(S(1) / sqrt(squared));
}

/// Rounded to P, at most P's largest number: 1 / sigma of subnormal data is beyond float.
template <typename P, typename S>
P narrow(const S& value) {
  if constexpr (!std::is_same_v<P, S>) {
    const S largest = S(std::numeric_limits<P>::max());
    return rounded<P>(value > largest ? largest : value < -largest ? -largest : value);
  } else {
    return value;
  }
}

/// gamma and beta by channel, either of which may be absent (null): then it is 1 or 0. A gamma that
/// is there may be kept as its distance from `gamma_offset`.
template <typename P>
struct Affine {
  const P* gamma = nullptr;
  const P* beta = nullptr;
  P gamma_offset = P(0);

  P gamma_at(Index channel) const {
    return gamma != nullptr ? P(gamma[channel] + gamma_offset) : P(1);
  }
  P beta_at(Index channel) const { return beta != nullptr ? beta[channel] : P(0); }
};

/// y = (x - centre) * scale + shift. The centre is the mean as the data's type can hold it; what it
/// lost by rounding is in the shift. All computed in Stat and rounded once, one operation at a
/// time: scalars that are differentiated may have no derivatives yet, which longer expressions
/// miss.
template <typename P>
struct Forward {
  P centre, scale, shift;

  Forward() = default;
  template <typename S>
  Forward(const Statistic<S>& s, const P& gamma, const P& beta) : centre(static_cast<P>(s.mean)) {
    const S a = S(gamma) * s.inv_std;
    const S lost = S(centre) - s.mean, rest = lost * a;
    scale = narrow<P>(a);
    shift = static_cast<P>(S(beta) + rest);
  }
};

/// xhat = (x - centre) * inv_std + rest, where gamma and beta come later.
template <typename P>
struct Standardise {
  P centre, inv_std, rest;

  Standardise() = default;
  template <typename S>
  explicit Standardise(const Statistic<S>& s)
      : centre(static_cast<P>(s.mean)),
        inv_std(narrow<P>(s.inv_std)),
        rest(static_cast<P>((S(centre) - s.mean) * s.inv_std)) {}
};

/// What a value gets of the two sums over the m that share its statistic: 1 / m of both, but
/// nothing of the first where no mean is taken away (RMSNorm).
template <typename S>
struct Shares {
  S dy, dy_xhat;

  Shares(Index count, bool centred)
      : dy(centred ? S(S(1) / S(static_cast<double>(count))) : S(0)),
        dy_xhat(S(1) / S(static_cast<double>(count))) {}
};

/// The two sums behind every backward pass, over values that share a statistic:
///
///     dy = sum_i dy_i,   dy_xhat = sum_i dy_i * xhat_i
template <typename S>
struct GradientSums {
  S dy, dy_xhat;

  /// What sums begin with. A new one has no value: tiles of them are not written twice.
  static GradientSums zero() { return {S(0), S(0)}; }

  GradientSums& operator+=(const GradientSums& other) {
    dy += other.dy;
    dy_xhat += other.dy_xhat;
    return *this;
  }
  void add(const GradientSums& other, const S& weight) {
    dy += S(weight * other.dy);
    dy_xhat += S(weight * other.dy_xhat);
  }
};

/// dx = (gamma * dy + slope * (x - centre) + offset) * inv_std, which is
///
///     dx = inv_std * (gamma * dy - t1 / m - xhat * t2 / m)
///     t1 = sum(gamma * dy) = t.dy,   t2 = sum(gamma * dy * xhat) = t.dy_xhat
///
/// in centred form: xhat = (x - centre) * inv_std + (centre - mean) * inv_std; `share` has 1 / m.
/// The inv_std before the bracket may be another than that of xhat, where x is not the input
/// itself.
template <typename P>
struct Backward {
  P centre, inv_std, slope, offset;

  Backward() = default;
  template <typename S>
  Backward(const Statistic<S>& s, const GradientSums<S>& t, const Shares<S>& share)
      : Backward(s, t, share, s.inv_std) {}
  template <typename S>
  Backward(const Statistic<S>& s, const GradientSums<S>& t, const Shares<S>& share,
           const S& outer_inv_std)
      : centre(static_cast<P>(s.mean)), inv_std(narrow<P>(outer_inv_std)) {
    const S xhat_sum = s.inv_std * t.dy_xhat, xhat_share = xhat_sum * share.dy_xhat;
    const S lost = S(centre) - s.mean, rest = lost * xhat_share, dy_share = t.dy * share.dy;
    slope = static_cast<P>(-xhat_share);
    offset = static_cast<P>(-dy_share - rest);
  }
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
