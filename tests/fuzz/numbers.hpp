// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "fuzz/input.hpp"
#include "support/random.hpp"

// What arrays are filled with: tame numbers, on which the results must be accurate, and whatever
// bits a scalar can hold.
namespace eigen_norm::test::fuzz {

template <typename Scalar>
Real rounded(Real value) {
  return static_cast<Real>(static_cast<Scalar>(value));
}

// A number that is known for trouble, or any bits at all.
template <typename Scalar>
Real raw_number(Input& in) {
  using Limits = std::numeric_limits<Scalar>;
  const auto real = [](Scalar value) { return static_cast<Real>(value); };
  const std::uint8_t choice = in.byte();
  switch (choice % 16) {
    case 0:
      return 0;
    case 1:
      return -Real(0);
    case 2:
      return 1;
    case 3:
      return real(Limits::infinity());
    case 4:
      return -real(Limits::infinity());
    case 5:
      return real(Limits::quiet_NaN());
    case 6:
      return real(Limits::denorm_min());
    case 7:
      return -real(Limits::min());
    case 8:
      return real(Limits::max());
    case 9:
      return real(Limits::lowest());
    case 10:
      return real(Limits::epsilon());
    case 11:
      return rounded<Scalar>(std::ldexp(Real(1), in.byte() - 128));
    default:
      break;
  }
  std::uint8_t bytes[sizeof(Scalar)];
  for (std::uint8_t& byte : bytes) byte = in.byte();
  Scalar value;
  std::memcpy(&value, bytes, sizeof(Scalar));
  return real(value);
}

// Normal numbers whose mean is up to a million deviations.
template <typename Scalar>
Values tame_numbers(Input& in, Index size) {
  Random random(in.byte());
  const Real sigma = in.pick<Real>({1, 1, 1, 3, 1e-3L, 1e3L});
  const Real mean = sigma * in.pick<Real>({0, 0, 1, -3, 100, 1e4L, -1e6L});
  Values values(static_cast<std::size_t>(size));
  for (Real& value : values) {
    value = rounded<Scalar>(random.normal(mean, sigma) + sigma * random.uniform(0, 1e-7L));
  }
  return values;
}

// Numbers of either sign whose exponents lie in a range of the input's choice.
template <typename Scalar>
Values scattered_numbers(Input& in, Index size) {
  Random random(in.byte());
  constexpr int most = std::numeric_limits<Scalar>::max_exponent;
  const auto exponent = [&] { return Real(in.byte() - 128) * most / 128; };
  const Real low = exponent(), high = low + Real(in.byte()) * (most - low) / 256;
  Values values(static_cast<std::size_t>(size));
  for (Real& value : values) {
    const Real sign = random.uniform(-1, 1) < 0 ? -1 : 1;
    value = rounded<Scalar>(sign * std::exp2(random.uniform(low, high)));
  }
  return values;
}

// A few numbers of any bits, each at many places.
template <typename Scalar>
Values repeated_numbers(Input& in, Index size) {
  Random random(in.byte());
  std::vector<Real> pool;
  for (Index n = in.between(1, 8); n > 0; --n) pool.push_back(raw_number<Scalar>(in));
  Values values(static_cast<std::size_t>(size));
  for (Real& value : values) {
    value = pool[static_cast<std::size_t>(random.uniform(0, 1) * static_cast<Real>(pool.size())) %
                 pool.size()];
  }
  return values;
}

template <typename Scalar>
Values numbers(Input& in, Index size) {
  const std::uint8_t kind = in.byte() % 8;
  if (kind == 4) return scattered_numbers<Scalar>(in, size);
  if (kind == 5) return repeated_numbers<Scalar>(in, size);
  Values values = tame_numbers<Scalar>(in, size);
  if (kind == 6 && size > 0) {  // a few of any bits among them
    for (Index n = in.between(1, 4); n > 0; --n) {
      const std::size_t place = in.byte() * 256U + in.byte();
      values[place % values.size()] = raw_number<Scalar>(in);
    }
  }
  if (kind == 7) {  // each of bits of its own, as long as there are some
    for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 64); ++i) {
      values[i] = raw_number<Scalar>(in);
    }
  }
  return values;
}

}  // namespace eigen_norm::test::fuzz
