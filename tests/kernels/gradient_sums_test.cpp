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

/// `channels` channels in `count` runs of `length`: x packed, dy with a gap behind every run.
struct Channels {
  Index channels, count, length;

  Index x_at(Index c, Index run) const { return (run * channels + c) * length; }
  Index dy_at(Index c, Index run) const { return (run * channels + c) * (length + 3); }
  Index x_size() const { return x_at(0, count); }
  Index dy_size() const { return dy_at(0, count); }

  /// Those of every channel, each with an inv_std of its own, are what the definition gives.
  void expect_sums(const Values& x, const Values& dy) const {
    std::vector<Standardise<float>> s;
    for (Index c = 0; c < channels; ++c) s.emplace_back(of_channel(c));
    std::vector<GradientSums<double>> sums(s.size());
    channel_gradient_sums<float>({x.data(), count, x_at(0, 1), length}, x_at(1, 0),
                                 {dy.data(), count, dy_at(0, 1), length}, dy_at(1, 0), channels,
                                 s.data(), sums.data());
    for (Index c = 0; c < channels; ++c) {
      Values xs, dys;
      for (Index run = 0; run < count; ++run) {
        xs.insert(xs.end(), x.begin() + x_at(c, run), x.begin() + x_at(c, run) + length);
        dys.insert(dys.end(), dy.begin() + dy_at(c, run), dy.begin() + dy_at(c, run) + length);
      }
      test::expect_sums(sums[static_cast<std::size_t>(c)], xs, dys, of_channel(c));
    }
  }

  static Statistic<double> of_channel(Index c) {
    return {statistic.mean, statistic.inv_std * double(c % 5 + 1)};
  }
};

TEST(ChannelGradientSums, AreThoseOfEachChannelForShortAndLongRuns) {
  for (const Index channels : {1, 3, 130}) {
    for (const Index count : {1, 2, 70}) {
      for (const Index length : {3, 16, 49, 513}) {
        const Channels all{channels, count, length};
        all.expect_sums(random_floats(all.x_size(), 1, 1e4), random_floats(all.dy_size(), 2));
      }
    }
  }
}

// In a later chunk, where the sum of dy stays small and that of dy * xhat does not.
TEST(ChannelGradientSums, StayFiniteWhereAFloatSumOverflows) {
  const Channels all{3, 70, 50};
  const Values x = random_floats(all.x_size(), 1, 1e4);
  Values dy = random_floats(all.dy_size(), 2);
  for (Index i = 0; i < all.length; ++i) {
    const float centred = x[static_cast<std::size_t>(all.x_at(1, 40) + i)] - 1e4f;
    dy[static_cast<std::size_t>(all.dy_at(1, 40) + i)] = centred > 0 ? 1e37f : -1e37f;
  }
  all.expect_sums(x, dy);
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
