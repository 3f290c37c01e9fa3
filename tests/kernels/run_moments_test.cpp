// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/run_moments.hpp"

#include <gtest/gtest.h>

#include "support/moments_by_definition.hpp"

namespace eigen_norm::kernels {
namespace {

using test::expect_moments;
using test::moments_by_definition;
using test::normal_values;
using test::Values;

Moments<double> moments_of(const Values& values) {
  const Index n = static_cast<Index>(values.size());
  return run_moments<float>({values.data(), 1, 0, n});
}

TEST(RunMoments, HoldAtEveryLengthAroundPacksAndChunks) {
  for (const Index n :
       {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 97, 2047, 2048, 2049, 5003}) {
    const Values values = normal_values(n, 3, 2);
    expect_moments(moments_of(values), moments_by_definition(values));
  }
}

TEST(RunMoments, HoldForAMeanAMillionTimesSigma) {
  const Values values = normal_values(10007, 1e6, 1);
  expect_moments(moments_of(values), moments_by_definition(values));
}

TEST(RunMoments, HoldWhereTheFirstElementIsAHundredSigmaOff) {
  Values values = normal_values(3000, 1e4, 1);
  values[0] += 100;
  expect_moments(moments_of(values), moments_by_definition(values));
}

// What is sampled says -20, the mean is 1e3.
TEST(RunMoments, HoldWhereTheSampleMisleads) {
  constexpr Index n = 80000;
  Values values = normal_values(n, 1e3, 1e-2);
  for (Index piece = 0; piece < 8; ++piece) {
    std::fill_n(values.begin() + piece * n / 8, 64, -20.0f);
  }
  expect_moments(moments_of(values), moments_by_definition(values));
}

TEST(RunMoments, OfAConstantAreExact) {
  for (const float constant : {10000.1f, 3.3e7f, 1e-30f, 0.0f}) {
    const Moments<double> moments = moments_of(Values(5001, constant));
    EXPECT_EQ(moments.mean, static_cast<double>(constant));
    EXPECT_EQ(moments.m2, 0);
  }
}

TEST(RunMoments, HoldWhereSquaresOverflowOrUnderflowFloat) {
  for (const double scale : {1e37, 1e20, 1e-22, 1e-30}) {
    const Values values = normal_values(2500, 0, scale);
    expect_moments(moments_of(values), moments_by_definition(values));
  }
}

TEST(RunMoments, GatherShortRunsThatAreApart) {
  constexpr Index runs = 50, stride = 60, length = 49;
  const Values values = normal_values(runs * stride, -5, 3);
  Values gathered;
  for (Index run = 0; run < runs; ++run) {
    const auto begin = values.begin() + run * stride;
    gathered.insert(gathered.end(), begin, begin + length);
  }
  expect_moments(run_moments<float>({values.data(), runs, stride, length}),
                 moments_by_definition(gathered));
}

// In the data's own range and beyond it, of runs that are whole chunks and more.
TEST(RunMoments, SumSquaresOfAnySize) {
  for (const float scale : {1.0F, 1e-25F, 1e25F}) {
    std::vector<float> x(3 * 2100);
    double want = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = scale * static_cast<float>(static_cast<int>(i % 17) - 8);
      if (i % 2100 < 2090) want += double{x[i]} * double{x[i]};
    }
    const Runs<float> runs{x.data(), 3, 2100, 2090};
    EXPECT_NEAR(sum_of_squares<float>(runs, true) / want, 1, 3e-7) << scale;
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
