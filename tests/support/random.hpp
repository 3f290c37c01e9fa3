// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <random>

#include "support/logical.hpp"

namespace eigen_norm::test {

// The same numbers on every machine and with every Eigen: the standard fixes the engine, and the
// distributions are written out here. Every number is representable in float, so that layers of
// every scalar see the same data.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  Real uniform(Real low, Real high);
  Real normal(Real mean = 0, Real sigma = 1);

 private:
  Real unit();  // in [0, 1), 53 bits

  std::mt19937_64 engine_;
};

Logical random_normal(const Dims& dims, std::uint64_t seed, Real mean = 0, Real sigma = 1);
Logical random_uniform(const Dims& dims, std::uint64_t seed, Real low, Real high);

// Parameters that hide no mistake: gamma away from 0 and 1 and of both signs, beta random.
Values random_gamma(Index size, std::uint64_t seed);
Values random_beta(Index size, std::uint64_t seed);

}  // namespace eigen_norm::test
