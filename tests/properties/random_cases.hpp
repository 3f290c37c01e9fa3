// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include "support/layer_setup.hpp"

// Seeded random layers, shapes and layouts, of which a property is to hold.
namespace eigen_norm::test {

constexpr int cases_per_kind = 200;

// That take a mean away; that have no statistic of several channels.
constexpr Kind centred_kinds[] = {Kind::batch_norm, Kind::group_norm, Kind::instance_norm,
                                  Kind::layer_norm};
constexpr Kind single_channel_kinds[] = {Kind::batch_norm, Kind::instance_norm};

inline Index whole(Random& random, Index low, Index high) {
  const auto value =
      static_cast<Index>(random.uniform(static_cast<Real>(low), static_cast<Real>(high + 1)));
  return std::min(value, high);
}

// Small, of any layout; now and then with long rows. There are at least two values for each
// statistic.
inline LayerSetup random_setup(Kind kind, Random& random) {
  LayerSetup c;
  c.kind = kind;
  c.axis = whole(random, 0, 1) == 0 ? 1 : 3;
  c.order = whole(random, 0, 1) == 0 ? Eigen::RowMajor : Eigen::ColMajor;
  c.groups = whole(random, 1, 3);
  const bool is_long = whole(random, 0, 19) == 0;
  const Index samples = whole(random, 1, is_long ? 2 : 5);
  const Index channels = c.groups * whole(random, 1, 5);
  const Index height = is_long ? 1 : whole(random, 1, 4);
  const Index width = is_long ? whole(random, 100, 300) : whole(random, 2, 9);
  c.dims =
      c.axis == 1 ? Dims{samples, channels, height, width} : Dims{samples, height, width, channels};
  if (!c.over_channels()) c.dims = {samples, height, channels, width};
  return c;
}

struct Case {
  LayerSetup layer;
  Logical x;
  Logical dy;
  Affine affine;

  // On which errors are measured.
  Scales scales() const {
    const Subject subject = subject_of(layer);
    const Reference want = subject.definition(x, dy, affine, static_cast<Real>(layer.eps));
    return test::scales(subject.sharing, x, dy, affine, want);
  }
};

// Data of any mean and size.
inline Case random_case(Kind kind, std::uint64_t seed) {
  Random random(1000 * (static_cast<std::uint64_t>(kind) + 1) + seed);
  Case result;
  result.layer = random_setup(kind, random);
  const Dims& dims = result.layer.dims;
  const Real size = std::pow(Real(10), random.uniform(-2, 3));
  const Real mean = size * random.uniform(-1000, 1000);
  result.x = random_normal(dims, seed, mean, size);
  result.dy = random_normal(dims, seed + 1);
  const Index parameters = result.layer.parameters();
  result.affine = {random_gamma(parameters, seed + 2), random_beta(parameters, seed + 3)};
  return result;
}

// f(case) for cases of each of these kinds.
template <typename Kinds, typename F>
void for_each_case(const Kinds& kinds, const F& f) {
  int cases = 0;
  for (const Kind kind : kinds) {
    for (std::uint64_t seed = 1; seed <= cases_per_kind; ++seed) {
      const Case one = random_case(kind, seed);
      SCOPED_TRACE(one.layer.text() + ", seed " + std::to_string(seed));
      f(one);
      if (testing::Test::HasFailure()) return;  // one counterexample is enough
      ++cases;
    }
  }
  std::printf("  %d cases\n", cases);
  testing::Test::RecordProperty("cases", cases);
}

// Whole numbers, so that shifts and scales by whole numbers are exact.
inline void fill_with_whole_numbers(Logical& x, std::uint64_t seed, Index most) {
  Random random(seed);
  for (Real& value : x.values) value = static_cast<Real>(whole(random, -most, most));
}

template <typename F>
Logical mapped(Logical x, const F& f) {
  for (Real& value : x.values) value = f(value);
  return x;
}

inline void expect_within(const char* what, const Logical& got, const Logical& want,
                          const Logical& scale, Real tolerance) {
  EXPECT_LE(worst_ratio(got, want, scale), tolerance) << what;
}

inline Answers ask(const Case& c) { return ask(c.layer, c.x, c.dy, c.affine); }

}  // namespace eigen_norm::test
