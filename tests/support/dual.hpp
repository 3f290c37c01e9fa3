// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <cmath>

namespace eigen_norm::test {

// value + tangent * e with e * e = 0: computing with it computes a derivative beside each value. It
// has what Eigen asks of a scalar, and nothing of std::numeric_limits.
struct Dual {
  double value = 0;
  double tangent = 0;

  Dual() = default;
  Dual(double v, double t = 0) : value(v), tangent(t) {}

  Dual& operator+=(const Dual& b) { return *this = *this + b; }
  Dual& operator-=(const Dual& b) { return *this = *this - b; }
  Dual& operator*=(const Dual& b) { return *this = *this * b; }
  Dual& operator/=(const Dual& b) { return *this = *this / b; }

  friend Dual operator-(const Dual& a) { return {-a.value, -a.tangent}; }
  friend Dual operator+(const Dual& a, const Dual& b) {
    return {a.value + b.value, a.tangent + b.tangent};
  }
  friend Dual operator-(const Dual& a, const Dual& b) {
    return {a.value - b.value, a.tangent - b.tangent};
  }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const double quotient = a.value / b.value;
    return {quotient, (a.tangent - quotient * b.tangent) / b.value};
  }
  friend Dual sqrt(const Dual& a) {
    const double root = std::sqrt(a.value);
    return {root, a.tangent / (2 * root)};
  }
  friend Dual abs(const Dual& a) { return a.value < 0 ? -a : a; }

  friend bool operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  friend bool operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend bool operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  friend bool operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
};

}  // namespace eigen_norm::test

template <>
struct Eigen::NumTraits<eigen_norm::test::Dual> : Eigen::NumTraits<double> {
  using Real = eigen_norm::test::Dual;
  using NonInteger = Real;
  using Nested = Real;
  using Literal = Real;
  enum { RequireInitialization = 1, ReadCost = 2, AddCost = 2, MulCost = 4 };
};
