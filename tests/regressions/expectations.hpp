// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "support/layer_setup.hpp"

// What every entry of the corpus is held to. An entry is named after the thread, or the library,
// where another implementation went wrong; docs/regressions.md lists them.
namespace eigen_norm::test {

inline void expect_accurate(const LayerSetup& setup, const Logical& x) {
  const Errors errors = measure(setup, x, random_normal(x.dims, 2));
  EXPECT_LE(errors.y, float_bound) << setup.text();
  EXPECT_LE(errors.dx, float_bound) << setup.text();
}

// dx by its largest term, and the sums dgamma and dbeta by the root of the number of their terms.
inline void expect_gradients(const LayerSetup& setup) {
  const Index size = setup.parameters();
  const Affine affine{random_gamma(size, 11), random_beta(size, 12)};
  const Logical x = random_normal(setup.dims, 1, 0.5L, 2), dy = random_normal(setup.dims, 2);
  const Subject subject = subject_of(setup);
  const Reference want = subject.definition(x, dy, affine, static_cast<Real>(setup.eps));
  const Answers got = ask(setup, x, dy, affine);
  const Scales scale = scales(subject.sharing, x, dy, affine, want);
  EXPECT_LE(worst_ratio(got.dx, want.dx, scale.dx), float_bound) << setup.text();
  const Real terms = std::sqrt(static_cast<Real>(x.size() / size));
  expect_close("dgamma", got.dgamma, want.dgamma, float_bound, terms);
  if (!got.dbeta.empty()) expect_close("dbeta", got.dbeta, want.dbeta, float_bound, terms);
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
