// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>

#include "eigen_norm/kernels/pack.hpp"

namespace eigen_norm::kernels {
inline namespace EIGEN_NORM_ABI {

/// The terms of several sums at one place: `terms(d, d * d)`.
template <typename FirstPack, typename... Packs>
std::array<FirstPack, 1 + sizeof...(Packs)> terms(const FirstPack& first, const Packs&... rest) {
  return {first, rest...};
}

/// Adds each term to its sum.
template <typename Packs>
EIGEN_ALWAYS_INLINE void add_terms(Packs& sums, const Packs& terms) {
  for (std::size_t t = 0; t < sums.size(); ++t) sums[t] += terms[t];
}

/// As many zeros as a pack has lanes, then as many ones.
template <typename Compute>
inline constexpr auto zeros_then_ones = []() {
  std::array<Compute, 2 * pack_size<Compute>> values{};
  for (std::size_t i = pack_size<Compute>; i < values.size(); ++i) values[i] = Compute(1);
  return values;
}();

/// Several sums over the same elements in one visit: by vector lane, four vectors in flight, and no
/// more than `flush` additions into one register before it is added to the totals, for adding equal
/// numbers over and over rounds the same way each time.
///
///     sums.add(n, [&](auto at) { auto d = at(x) - c; return terms(d, d * d); })
///
/// adds term(i) for i < n, where `at(p)` loads the elements of `p` at the current place, one pack
/// wide, or one element where there are fewer. The last pack may be read twice. The order of
/// additions depends on the calls' lengths alone.
template <typename Compute, int Terms>
class Sums {
 public:
  static constexpr int lanes = pack_size<Compute>;
  static constexpr Index flush = 16;

  template <int Lanes>
  struct At {
    Index i;
    template <typename Values>
    Pack<Compute, Lanes> operator()(const Values& values) const {
      return load<Compute, Lanes>(values + i);
    }
  };

  template <typename Term>
  EIGEN_ALWAYS_INLINE void add(Index n, const Term& term) {
    Index i = 0;
    while (i + lanes <= n) {
      // Local, so that they stay in registers.
      Packs<lanes> a = zeros<lanes>(), b = a, c = a, d = a;
      const Index end = std::min(n, i + 4 * lanes * flush);
      for (; i + 4 * lanes <= end; i += 4 * lanes) {
        add_terms(a, term(At<lanes>{i}));
        add_terms(b, term(At<lanes>{i + lanes}));
        add_terms(c, term(At<lanes>{i + 2 * lanes}));
        add_terms(d, term(At<lanes>{i + 3 * lanes}));
      }
      for (; i + lanes <= end; i += lanes) add_terms(a, term(At<lanes>{i}));
      add_terms(a, b);
      add_terms(c, d);
      add_terms(a, c);
      add_terms(total_, a);
    }
    if (i == n) return;
    if constexpr (lanes > 1) {
      if (n >= lanes) {  // the last pack again, without what is already there
        Packs<lanes> last = term(At<lanes>{n - lanes});
        const auto unseen = Pack<Compute, lanes>::load(zeros_then_ones<Compute>.data() + (n - i));
        for (auto& t : last) t = t * unseen;
        return add_terms(total_, last);
      }
    }
    Packs<1> rest = zeros<1>();
    for (; i < n; ++i) add_terms(rest, term(At<1>{i}));
    add_terms(rest_, rest);
  }

  Compute total(int term) const {
    const auto t = static_cast<std::size_t>(term);
    return total_[t].sum() + rest_[t].sum();
  }

 private:
  template <int Lanes>
  using Packs = std::array<Pack<Compute, Lanes>, Terms>;

  template <int Lanes>
  static Packs<Lanes> zeros() {
    Packs<Lanes> packs;
    packs.fill(Pack<Compute, Lanes>(Compute(0)));
    return packs;
  }

  Packs<lanes> total_ = zeros<lanes>();
  Packs<1> rest_ = zeros<1>();
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::kernels
