// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include "support/layer_setup.hpp"

// What every entry of the corpus is held to. An entry is named after the thread, or the library,
// where another implementation went wrong; docs/regressions.md lists them.
namespace eigen_norm::test {

inline void expect_accurate(const LayerSetup& setup, const Logical& x) {
  const Errors errors = measure(setup, x, random_normal(x.dims, 2));
  EXPECT_LE(errors.y, float_bound) << setup.text();
  EXPECT_LE(errors.dx, float_bound) << setup.text();
}

// Where all values that share a statistic are equal, xhat is 0 and y is beta to the last bit.
inline void expect_exactly_beta(const LayerSetup& setup, const Logical& x) {
  const Index size = setup.parameters();
  const Affine affine{random_gamma(size, 11), random_beta(size, 12)};
  const Answers got = ask(setup, x, random_normal(x.dims, 2), affine);
  Index wrong = 0;
  for_each_index(x.dims, [&](const Dims& at) {
    const auto parameter = static_cast<std::size_t>(at[setup.parameter_axis()]);
    wrong += got.y.at(at) != affine.beta[parameter];
  });
  EXPECT_EQ(wrong, 0) << setup.text();
}

// LayerNorm over rows of these lengths.
inline LayerSetup rows(Index count, Index features, double eps = 1e-5) {
  return {Kind::layer_norm, {1, 1, count, features}, 1, 1, Eigen::RowMajor, eps};
}

// One row of these numbers, as float has them.
inline Logical row_of(Values values) {
  for (Real& value : values) value = static_cast<float>(value);
  const auto size = static_cast<Index>(values.size());
  return {{1, 1, 1, size}, std::move(values)};
}

}  // namespace eigen_norm::test
