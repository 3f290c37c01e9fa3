// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/gradient_sums.hpp"

#include <gtest/gtest.h>

#include "support/gradient_sums_by_definition.hpp"

namespace eigen_norm::kernels {
namespace {

using test::expect_sums;
using test::random_floats;
using test::statistic;
using test::Values;

TEST(RunGradientSums, AreTheSumsOfDyAndOfDyTimesXhat) {
  for (const Index n : {1, 5, 16, 17, 63, 65, 2048, 2049, 6001}) {
    const Values x = random_floats(n, 1, 1e4), dy = random_floats(n, 2);
    expect_sums(run_gradient_sums<float>({x.data(), 1, 0, n}, {dy.data(), 1, 0, n},
                                         Standardise<float>(statistic)),
                x, dy);
  }
}

TEST(RunGradientSums, StayFiniteWhereAFloatSumOverflows) {
  const Values x = random_floats(2000, 1, 1e4), dy(2000, 1e37f);
  const auto sums = run_gradient_sums<float>({x.data(), 1, 0, 2000}, {dy.data(), 1, 0, 2000},
                                             Standardise<float>(statistic));
  EXPECT_NEAR(sums.dy, 2e40, 1e34);
  EXPECT_TRUE(std::isfinite(sums.dy_xhat));
}

/// Sums of each of `channels` channels, which lie in `count` runs of `length`, dy behind x.
void expect_channel_sums(const Values& x, const Values& dy, Index channels, Index count,
                         Index length) {
  const std::vector<Standardise<float>> s(static_cast<std::size_t>(channels),
                                          Standardise<float>(statistic));
  std::vector<GradientSums<double>> sums(s.size());
  const Index stride = channels * length;
  channel_gradient_sums<float>({x.data(), count, stride, length}, length,
                               {dy.data(), count, stride, length}, length, channels, s.data(),
                               sums.data());
  for (Index c = 0; c < channels; ++c) {
    Values xs, dys;
    for (Index run = 0; run < count; ++run) {
      const Index begin = run * stride + c * length;
      xs.insert(xs.end(), x.begin() + begin, x.begin() + begin + length);
      dys.insert(dys.end(), dy.begin() + begin, dy.begin() + begin + length);
    }
    expect_sums(sums[static_cast<std::size_t>(c)], xs, dys);
  }
}

TEST(ChannelGradientSums, AreThoseOfEachChannelForShortAndLongRuns) {
  for (const Index channels : {1, 3, 130}) {
    for (const Index count : {1, 2, 70}) {
      for (const Index length : {3, 16, 49, 513}) {
        const Index size = channels * count * length;
        expect_channel_sums(random_floats(size, 1, 1e4), random_floats(size, 2), channels, count,
                            length);
      }
    }
  }
}

TEST(ChannelGradientSums, StayFiniteWhereAFloatSumOverflows) {
  Values dy = random_floats(5 * 3 * 50, 2);
  for (std::size_t i = 50; i < 100; ++i) dy[i] = 1e38f;
  expect_channel_sums(random_floats(5 * 3 * 50, 1, 1e4), dy, 3, 5, 50);
}

TEST(RowGradientSums, HaveGammaInside) {
  constexpr Index n = 5000;
  const Values x = random_floats(n, 1, 1e4), dy = random_floats(n, 2), gamma = random_floats(n, 3);
  Values weighted = dy;
  for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= gamma[i];
  const auto gammas = [&](Index i) { return gamma.data() + i; };
  expect_sums(row_gradient_sums(x.data(), dy.data(), n, Standardise<float>(statistic), gammas), x,
              weighted);
}

}  // namespace
}  // namespace eigen_norm::kernels
