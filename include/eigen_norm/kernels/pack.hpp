// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <array>
#include <type_traits>

#include "eigen_norm/memory/shape.hpp"

namespace eigen_norm::kernels {

/// As many adjacent scalars as one vector register holds; 1 for types without vector arithmetic.
template <typename Scalar>
inline constexpr int pack_size =
    !std::is_arithmetic_v<Scalar> || (EIGEN_MAX_STATIC_ALIGN_BYTES) < int{sizeof(Scalar)}
        ? 1
        : (EIGEN_MAX_STATIC_ALIGN_BYTES) / int{sizeof(Scalar)};

template <typename Scalar, int Lanes = pack_size<Scalar>>
using Pack = Eigen::Array<Scalar, Lanes, 1>;

/// Reads `Lanes` adjacent elements, widened to `Compute`.
template <typename Compute, int Lanes, typename Scalar>
Pack<Compute, Lanes> load(const Scalar* data) {
  return Eigen::Map<const Pack<Scalar, Lanes>>(data).template cast<Compute>();
}

/// The terms of several sums at one place: `terms(d, d * d)`.
template <typename FirstPack, typename... Expressions>
std::array<FirstPack, 1 + sizeof...(Expressions)> terms(const FirstPack& first,
                                                        const Expressions&... rest) {
  return {first, FirstPack(rest)...};
}

/// Several sums over the same elements in one visit: per vector lane first, four vectors in flight.
///
///     sums.add(n, [&](auto at) { auto d = at(x); d -= c; return terms(d, d * d); })
///
/// adds term(i) for i < n, where `at(p)` reads the elements of `p` at the current place, one pack
/// or (at the end) one element wide. The order of additions depends on the calls' lengths alone.
template <typename Compute, int Terms>
class Sums {
 public:
  static constexpr int lanes = pack_size<Compute>;

  template <int Lanes>
  struct At {
    Index i;
    template <typename Scalar>
    Pack<Compute, Lanes> operator()(const Scalar* data) const {
      return load<Compute, Lanes>(data + i);
    }
  };

  template <typename Term>
  void add(Index n, const Term& term) {
    Index i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      accumulate(a_, term(At<lanes>{i}));
      accumulate(b_, term(At<lanes>{i + lanes}));
      accumulate(c_, term(At<lanes>{i + 2 * lanes}));
      accumulate(d_, term(At<lanes>{i + 3 * lanes}));
    }
    for (; i + lanes <= n; i += lanes) accumulate(a_, term(At<lanes>{i}));
    for (; i < n; ++i) accumulate(rest_, term(At<1>{i}));
  }

  Compute total(int term) const {
    const auto t = static_cast<std::size_t>(term);
    const Pack<Compute, lanes> all = (a_[t] + b_[t]) + (c_[t] + d_[t]);
    return all.sum() + rest_[t][0];
  }

 private:
  template <int Lanes>
  using Packs = std::array<Pack<Compute, Lanes>, Terms>;

  template <int Lanes>
  static Packs<Lanes> zeros() {
    Packs<Lanes> packs;
    for (auto& pack : packs) pack.setConstant(Compute(0));
    return packs;
  }

  template <int Lanes>
  static void accumulate(Packs<Lanes>& sums, const Packs<Lanes>& terms) {
    for (std::size_t t = 0; t < Terms; ++t) sums[t] += terms[t];
  }

  Packs<lanes> a_ = zeros<lanes>(), b_ = a_, c_ = a_, d_ = a_;
  Packs<1> rest_ = zeros<1>();
};

}  // namespace eigen_norm::kernels
