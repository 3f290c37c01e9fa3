// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

#include "support/subjects.hpp"

// Layers of long double beside the definition in long double: where double would be 2,000 times as
// far off.
namespace eigen_norm::test {
namespace {

// The definition's own sums of m = 8,405 numbers are off by some sqrt(m) * epsilon.
constexpr Real limit = 100 * std::numeric_limits<Real>::epsilon();

// Numbers that no double holds.
Logical random_thirds(const Dims& dims, std::uint64_t seed, Real mean = 0) {
  Logical values = random_normal(dims, seed, 3 * mean, 3);
  for (Real& value : values.values) value /= 3;
  return values;
}

TEST(LongDouble, AgreesWithTheDefinition) {
  Errors worst;
  for (const Subject& subject : all_subjects<long double>()) {
    for (const Real mean : {0, 1}) {
      const Errors errors =
          measure(subject, random_thirds(subject.dims, 1, mean), random_thirds(subject.dims, 2));
      EXPECT_LE(errors.y, limit) << subject.name;
      EXPECT_LE(errors.dx, limit) << subject.name;
      worst = {std::max(worst.y, errors.y), std::max(worst.dx, errors.dx)};
    }
  }
  std::printf("  worst error: y %.1e, dx %.1e\n", static_cast<double>(worst.y),
              static_cast<double>(worst.dx));
}

TEST(LongDouble, InfersByRunningStatisticsOfItsOwn) {
  BatchNorm1d<long double> norm(2);
  Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic> x(2, 2);
  x << 1 / 3.0L, 1, 2 / 3.0L, 5;
  norm.forward(x);
  const Real epsilon = std::numeric_limits<Real>::epsilon();
  EXPECT_LE(std::abs(norm.running_mean()[0] - Real(0.1) / 2), epsilon);
  norm.eval();
  norm.running_mean() << 1 / 3.0L, 0;
  norm.running_var() << 1, 1;
  const auto y = norm.infer(x);
  const Real inv_std = 1 / std::sqrt(1 + static_cast<Real>(1e-5));
  EXPECT_EQ(y(0, 0), 0);
  EXPECT_LE(std::abs(y(1, 0) - inv_std / 3), epsilon);
  EXPECT_LE(std::abs(y(1, 1) - inv_std * 5), 5 * epsilon);
}

}  // namespace
}  // namespace eigen_norm::test
