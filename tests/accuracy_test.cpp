// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "support/subjects.hpp"

// How far float is from the definition, by the means and sizes of the data that make others fail.
// Forward is measured in max(1, |gamma * xhat|, |beta|), dx in its largest term.
namespace eigen_norm::test {
namespace {

constexpr Real limit = 2e-6L;

std::vector<Subject> subjects() { return centred_subjects<float>(); }

void expect_accurate(const Subject& subject, const Logical& x, const Logical& dy,
                     double eps = 1e-5) {
  const Errors errors = measure(subject, x, dy, eps);
  EXPECT_LE(errors.y, limit) << subject.name;
  EXPECT_LE(errors.dx, limit) << subject.name;
}

TEST(Accuracy, HoldsForEveryRatioOfMeanToDeviation) {
  const std::vector<Real> means = {0, 1, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L};
  std::printf("  %-32s", "|mean| / sigma, float: y and dx");
  for (const Real mean : means) std::printf("  %-17Lg", mean);
  std::printf("\n");
  for (const Subject& subject : all_subjects<float>()) {
    std::printf("  %-32s", subject.name.c_str());
    for (const Real mean : means) {
      const Logical x = random_normal(subject.dims, 1, mean), dy = random_normal(subject.dims, 2);
      const Errors errors = measure(subject, x, dy);
      EXPECT_LE(errors.y, limit) << subject.name << ", mean " << mean;
      EXPECT_LE(errors.dx, limit) << subject.name << ", mean " << mean;
      std::printf("  %.1e %.1e", static_cast<double>(errors.y), static_cast<double>(errors.dx));
    }
    std::printf("\n");
  }
}

TEST(Accuracy, HoldsForANegativeMeanAndALargeDeviation) {
  for (const Subject& subject : subjects()) {
    expect_accurate(subject, random_normal(subject.dims, 3, -3e8L, 1e3L),
                    random_normal(subject.dims, 4));
  }
}

TEST(Accuracy, HoldsWhereTheFirstElementIsAHundredDeviationsOff) {
  for (const Subject& subject : subjects()) {
    Logical x = random_normal(subject.dims, 5, 10);
    x.values[0] += 100;
    expect_accurate(subject, x, random_normal(subject.dims, 6));
  }
}

// A sum of squares that one term dominates: the others must not be lost beside it.
TEST(Accuracy, HoldsWhereOneElementOutweighsTheOthers) {
  for (const Subject& subject : subjects()) {
    Logical x = random_normal(subject.dims, 5, 10);
    x.values[0] += 1e5L;
    expect_accurate(subject, x, random_normal(subject.dims, 6));
  }
}

// Adding one number over and over rounds the same way each time.
TEST(Accuracy, HoldsForDataOfTwoValues) {
  for (const Subject& subject : subjects()) {
    for (const Real low : {-1.1L, 0.0L}) {
      Logical x = random_uniform(subject.dims, 5, 0, 1), dy = x;
      for (Real& value : x.values) value = static_cast<float>(value < 0.5L ? low : 1.1L);
      for (Real& value : dy.values) value = static_cast<float>(value < 0.25L ? -0.3L : 0.7L);
      expect_accurate(subject, x, dy);
    }
  }
}

void expect_accurate_at_sizes(std::initializer_list<Real> sizes) {
  for (const Subject& subject : subjects()) {
    for (const Real size : sizes) {
      SCOPED_TRACE(static_cast<double>(size));
      expect_accurate(subject, random_normal(subject.dims, 7, 0, size / 5),
                      random_normal(subject.dims, 8), 0);
      expect_accurate(subject, random_normal(subject.dims, 9, 0, size / 5),
                      random_normal(subject.dims, 10));
    }
  }
}

TEST(Accuracy, HoldsForVeryLargeAndVerySmallData) {
  expect_accurate_at_sizes({1e25L, 1e-15L, 1e-25L});
}

// Where dx, or parts of the data, are below the smallest normal number.
TEST(Accuracy, HoldsNearTheLargestAndTheSmallestNumbers) {
  expect_accurate_at_sizes({1e37L, 1e-35L});
}

// Subnormal data; without any eps, 1 / sigma would be beyond float.
TEST(Accuracy, HoldsForwardForDataBelowTheSmallestNormalNumber) {
  for (const Subject& subject : subjects()) {
    const Logical x = random_normal(subject.dims, 7, 0, 1e-39L);
    EXPECT_LE(measure(subject, x, x, 1e-76).y, limit) << subject.name;
  }
}

TEST(Accuracy, HoldsForEverySizeOfTheGradient) {
  for (const Subject& subject : subjects()) {
    const Logical x = random_normal(subject.dims, 13, 100);
    for (const Real size : {1e37L, 1e20L, 1e-20L, 1e-30L}) {
      SCOPED_TRACE(static_cast<double>(size));
      expect_accurate(subject, x, random_normal(subject.dims, 14, 0, size / 5));
    }
    Logical spike = random_normal(subject.dims, 15);
    spike.values[spike.values.size() / 2] = 1e7L;
    expect_accurate(subject, x, spike);
    expect_accurate(subject, x, random_normal(subject.dims, 16, 1e4L));
    expect_accurate(subject, x, x);
  }
}

// 10000.1 has no finite expansion: its mean, summed, would not be itself.
TEST(Accuracy, GivesExactlyBetaForAConstantGroup) {
  for (const Subject& subject : subjects()) {
    for (const double eps : {0.0, 1e-5}) {
      Logical x = random_normal(subject.dims, 17);
      for_each_index(x.dims, [&](const Dims& at) {
        if (subject.sharing.statistic_of(at) % 2 == 1) x.at(at) = static_cast<Real>(10000.1F);
      });
      const Affine affine{random_gamma(subject.parameters(), 11),
                          random_beta(subject.parameters(), 12)};
      const auto got = subject.run(x, random_normal(x.dims, 18), affine, eps);
      Index wrong = 0;
      for_each_index(x.dims, [&](const Dims& at) {
        if (subject.sharing.statistic_of(at) % 2 == 0) return;
        wrong += got.y.at(at) != affine.beta[subject.sharing.parameter_of(at)] ||
                 (eps == 0 && got.dx.at(at) != 0);
      });
      EXPECT_EQ(wrong, 0) << subject.name << ", eps " << eps;
    }
  }
}

}  // namespace
}  // namespace eigen_norm::test
