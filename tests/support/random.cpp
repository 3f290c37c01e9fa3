// SPDX-License-Identifier: MIT
#include "support/random.hpp"

#include <cmath>

namespace eigen_norm::test {

namespace {

Real as_float(Real value) { return static_cast<Real>(static_cast<float>(value)); }

}  // namespace

Real Random::unit() { return std::ldexp(static_cast<Real>(engine_() >> 11), -53); }

Real Random::uniform(Real low, Real high) { return as_float(low + (high - low) * unit()); }

// Box and Muller: sqrt(-2 log u) * cos(2 pi v), with u in (0, 1].
Real Random::normal(Real mean, Real sigma) {
  const Real two_pi = 6.283185307179586476925286766559L;
  const Real radius = std::sqrt(-2 * std::log(1 - unit()));
  return as_float(mean + sigma * radius * std::cos(two_pi * unit()));
}

Logical random_normal(const Dims& dims, std::uint64_t seed, Real mean, Real sigma) {
  Random random(seed);
  Logical result(dims);
  for (Real& value : result.values) value = random.normal(mean, sigma);
  return result;
}

Logical random_uniform(const Dims& dims, std::uint64_t seed, Real low, Real high) {
  Random random(seed);
  Logical result(dims);
  for (Real& value : result.values) value = random.uniform(low, high);
  return result;
}

Values random_gamma(Index size, std::uint64_t seed) {
  Random random(seed);
  Values result(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = random.uniform(Real(1.1), Real(2)) * (i % 3 == 1 ? -1 : 1);
  }
  return result;
}

Values random_beta(Index size, std::uint64_t seed) { return random_normal({size}, seed).values; }

}  // namespace eigen_norm::test
