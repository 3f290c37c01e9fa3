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

/// Writes a pack, narrowed to the data's scalar.
template <int Lanes, typename Scalar, typename Expression>
void store(Scalar* data, const Expression& values) {
  Eigen::Map<Pack<Scalar, Lanes>>{data} = values.template cast<Scalar>();
}

/// Calls f(lanes, i) for all places i of [begin, n): whole packs first, then halves of one, down to
/// single elements. `lanes` is an integral constant.
template <typename Compute, int Lanes = pack_size<Compute>, typename F>
void for_each_pack(Index n, const F& f, Index begin = 0) {
  Index i = begin;
  for (; i + Lanes <= n; i += Lanes) f(std::integral_constant<int, Lanes>{}, i);
  if constexpr (Lanes > 1) for_each_pack<Compute, Lanes / 2>(n, f, i);
}

/// Lanes whose coefficients and sums are held on the stack together.
inline constexpr Index tile_size = 256;

template <typename T>
using Tile = std::array<T, static_cast<std::size_t>(tile_size)>;

/// A pack of a tile from lane l on.
template <int Lanes, typename T>
Pack<T, Lanes> load_tile(const Tile<T>& tile, Index l) {
  return load<T, Lanes>(tile.data() + l);
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
    // Local copies stay in registers.
    Packs<lanes> a = a_, b = b_, c = c_, d = d_;
    Index i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      accumulate(a, term(At<lanes>{i}));
      accumulate(b, term(At<lanes>{i + lanes}));
      accumulate(c, term(At<lanes>{i + 2 * lanes}));
      accumulate(d, term(At<lanes>{i + 3 * lanes}));
    }
    for (; i + lanes <= n; i += lanes) accumulate(a, term(At<lanes>{i}));
    a_ = a;
    b_ = b;
    c_ = c;
    d_ = d;
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
