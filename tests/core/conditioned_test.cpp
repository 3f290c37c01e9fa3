// SPDX-License-Identifier: MIT
#include "eigen_norm/core/conditioned.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "eigen_norm/gradient_check.hpp"
#include "support/dual.hpp"
#include "support/errors.hpp"
#include "support/layer_check.hpp"

// Masked statistics, and a scale and shift for each sample, by their definition.
namespace eigen_norm::test {
namespace {

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Table = PerSample<double>::Table;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// What a layer over channels, or over trailing elements, owes under conditions: everything by the
// element's logical index.
struct Definition {
  std::function<Index(const Dims&)> statistic;
  std::function<Index(const Dims&)> channel;
  std::function<bool(const Dims&)> counts;
  bool centred = true;
  Real eps = 1e-5L;

  struct Answer {
    Logical y, dx;
    Values dgamma, dbeta;                // by channel
    std::vector<Values> dscale, dshift;  // by sample and channel
    std::map<Index, Real> mean, var, count;
  };

  // gamma and beta by sample and channel.
  Answer answer(const Logical& x, const Logical& dy, Index channels,
                const std::function<Real(Index, Index)>& gamma,
                const std::function<Real(Index, Index)>& beta) const {
    Answer a{x, x, Values(at(channels)), Values(at(channels)), {}, {}, {}, {}, {}};
    a.dscale.assign(at(x.dims[0]), Values(at(channels)));
    a.dshift = a.dscale;
    for_each_index(x.dims, [&](const Dims& i) {
      if (!counts(i)) return;
      a.count[statistic(i)] += 1;
      a.mean[statistic(i)] += x.at(i);
    });
    for (auto& [s, mean] : a.mean) mean = centred ? mean / a.count[s] : 0;
    for_each_index(x.dims, [&](const Dims& i) {
      const Real d = x.at(i) - a.mean[statistic(i)];
      if (counts(i)) a.var[statistic(i)] += d * d / a.count[statistic(i)];
    });
    std::map<Index, Real> t1, t2;
    const auto inv_std = [&](const Dims& i) { return 1 / std::sqrt(a.var[statistic(i)] + eps); };
    const auto xhat = [&](const Dims& i) { return (x.at(i) - a.mean[statistic(i)]) * inv_std(i); };
    for_each_index(x.dims, [&](const Dims& i) {
      const Index c = channel(i), n = i[0];
      a.y.at(i) = xhat(i) * gamma(n, c) + beta(n, c);
      a.dgamma[at(c)] += dy.at(i) * xhat(i);
      a.dbeta[at(c)] += dy.at(i);
      a.dscale[at(n)][at(c)] += dy.at(i) * xhat(i);
      a.dshift[at(n)][at(c)] += dy.at(i);
      t1[statistic(i)] += gamma(n, c) * dy.at(i);
      t2[statistic(i)] += gamma(n, c) * dy.at(i) * xhat(i);
    });
    for_each_index(x.dims, [&](const Dims& i) {
      const Index s = statistic(i);
      Real h = gamma(i[0], channel(i)) * dy.at(i);
      if (counts(i)) h -= ((centred ? t1[s] : 0) + xhat(i) * t2[s]) / a.count[s];
      a.dx.at(i) = inv_std(i) * h;
    });
    return a;
  }
};

Logical random_mask(const Dims& dims, std::uint64_t seed) {
  Logical mask = random_uniform(dims, seed, 0, 1);
  for (Real& value : mask.values) value = value < 0.6L ? 1 : 0;
  return mask;
}

// A mask from a tensor of bools of that shape.
Mask mask_of(const Logical& valid) {
  std::optional<Mask> mask;
  with_rank<1, 2, 3>(valid.rank(), [&](auto rank) {
    mask = Mask(to_eigen<Eigen::Tensor<bool, rank.value>>(valid));
  });
  return *mask;
}

struct Case {
  Dims dims;
  Index channels;
  Definition definition;
  Logical valid;
};

// Over channels: the statistic is told by the sample and the channel.
template <typename StatisticOf>
Case over_channels(const Dims& dims, ChannelAxis axis, const StatisticOf& statistic_of,
                   std::uint64_t seed) {
  const std::size_t channel_axis = axis == ChannelAxis::first ? 1 : dims.size() - 1;
  Dims mask_dims = dims;
  mask_dims.erase(mask_dims.begin() + static_cast<std::ptrdiff_t>(channel_axis));
  Case c{dims, dims[channel_axis], {}, random_mask(mask_dims, seed)};
  c.definition.channel = [=](const Dims& i) { return i[channel_axis]; };
  c.definition.statistic = [=](const Dims& i) { return statistic_of(i[0], i[channel_axis]); };
  const Logical valid = c.valid;
  c.definition.counts = [=](const Dims& i) {
    Dims place = i;
    place.erase(place.begin() + static_cast<std::ptrdiff_t>(channel_axis));
    return valid.at(place) != 0;
  };
  return c;
}

template <typename Object, typename Layer>
void expect_masked(const Layer& plain, const Case& c, bool masked, bool per_sample) {
  Layer layer = plain;
  const Logical x = random_normal(c.dims, 31, 2, 1.5L), dy = random_normal(c.dims, 32);
  PerSample<double> affine;
  if (per_sample) {
    affine.scale = Table::Random(c.dims[0], c.channels);
    affine.shift = Table::Random(c.dims[0], c.channels);
    affine.zero_grad();
  } else {
    set_affine(layer, {random_gamma(c.channels, 1), random_beta(c.channels, 2)});
  }
  Definition definition = c.definition;
  if (!masked) definition.counts = [](const Dims&) { return true; };
  const auto want = definition.answer(
      x, dy, c.channels,
      [&](Index n, Index i) {
        return per_sample ? Real(affine.scale(n, i)) : Real(layer.gamma()(i));
      },
      [&](Index n, Index i) {
        return per_sample ? Real(affine.shift(n, i)) : Real(layer.beta()(i));
      });

  const Object xs = to_eigen<Object>(x), dys = to_eigen<Object>(dy);
  Object y, inferred, dx = dys;
  const Mask mask = mask_of(c.valid);
  if (masked && per_sample) {
    EXPECT_EQ(from_eigen(layer.infer(xs, mask, affine)).dims, c.dims);
    layer.infer(xs, inferred, mask, affine);
    layer.forward(xs, y, mask, affine);
    layer.backward(xs, dx, dx, mask, affine);
  } else if (masked) {
    layer.infer(xs, inferred, mask);
    layer.forward(xs, y, mask);
    layer.backward(xs, dx, dx, mask);
  } else {
    layer.infer(xs, inferred, affine);
    layer.forward(xs, y, affine);
    layer.backward(xs, dx, dx, affine);
  }
  expect_close("y", from_eigen(y), want.y, 1e-12L);
  expect_close("infer", from_eigen(inferred), want.y, 1e-12L);
  expect_close("dx", from_eigen(dx), want.dx, 1e-12L);
  if (per_sample) {
    for (Index n = 0; n < c.dims[0]; ++n) {
      expect_close("dscale", from_parameters(affine.scale_grad.row(n).transpose()),
                   want.dscale[at(n)], 1e-12L);
      expect_close("dshift", from_parameters(affine.shift_grad.row(n).transpose()),
                   want.dshift[at(n)], 1e-12L);
    }
  } else {
    expect_close("dgamma", from_parameters(layer.gamma_grad()), want.dgamma, 1e-12L);
    expect_close("dbeta", from_parameters(layer.beta_grad()), want.dbeta, 1e-12L);
  }
}

template <int Rank, typename Options, typename Make>
void expect_in_both_orders(const Case& c, Options options, const Make& make) {
  for (const bool masked : {true, false}) {
    for (const bool per_sample : {true, false}) {
      if (!masked && !per_sample) continue;
      SCOPED_TRACE(std::string(masked ? "masked" : "") + (per_sample ? " per sample" : ""));
      options.gamma = !per_sample;
      options.beta = !per_sample;
      expect_masked<Eigen::Tensor<double, Rank, Eigen::RowMajor>>(make(options), c, masked,
                                                                  per_sample);
      expect_masked<Eigen::Tensor<double, Rank, Eigen::ColMajor>>(make(options), c, masked,
                                                                  per_sample);
    }
  }
}

TEST(Conditioned, BatchNormTakesStatisticsOfWhatCounts) {
  const auto by_channel = [](Index, Index c) { return c; };
  for (const ChannelAxis axis : {ChannelAxis::first, ChannelAxis::last}) {
    BatchNormOptions options;
    options.channels = axis;
    options.track_running_stats = false;
    const auto make_2d = [](Index n) {
      return [n](const BatchNormOptions& o) { return BatchNorm2d<double>(n, o); };
    };
    const auto make_1d = [](Index n) {
      return [n](const BatchNormOptions& o) { return BatchNorm1d<double>(n, o); };
    };
    const bool first = axis == ChannelAxis::first;
    expect_in_both_orders<3>(over_channels({4, 3, 7}, axis, by_channel, 1), options,
                             make_1d(first ? 3 : 7));
    expect_in_both_orders<3>(over_channels({9, 4, 1}, axis, by_channel, 2), options,
                             make_1d(first ? 4 : 1));
    expect_in_both_orders<4>(over_channels({3, 2, 4, 5}, axis, by_channel, 3), options,
                             make_2d(first ? 2 : 5));
    expect_in_both_orders<2>(over_channels({9, 6}, axis, by_channel, 4), options, make_1d(6));
  }
}

TEST(Conditioned, GroupNormTakesStatisticsOfWhatCounts) {
  for (const ChannelAxis axis : {ChannelAxis::first, ChannelAxis::last}) {
    GroupNormOptions options;
    options.channels = axis;
    const auto by_group = [](Index n, Index c) { return 100 * n + c / 2; };
    const auto make = [](const GroupNormOptions& o) { return GroupNorm<double>(3, 6, o); };
    const bool first = axis == ChannelAxis::first;
    expect_in_both_orders<3>(
        over_channels(first ? Dims{4, 6, 7} : Dims{4, 7, 6}, axis, by_group, 5), options, make);
    expect_in_both_orders<4>(
        over_channels(first ? Dims{1, 6, 3, 4} : Dims{1, 3, 4, 6}, axis, by_group, 6), options,
        make);
  }
}

TEST(Conditioned, InstanceNormTakesStatisticsOfWhatCounts) {
  for (const ChannelAxis axis : {ChannelAxis::first, ChannelAxis::last}) {
    InstanceNormOptions options;
    options.channels = axis;
    const auto by_instance = [](Index n, Index c) { return 100 * n + c; };
    const auto make = [](const InstanceNormOptions& o) { return InstanceNorm1d<double>(4, o); };
    const bool first = axis == ChannelAxis::first;
    expect_in_both_orders<3>(
        over_channels(first ? Dims{3, 4, 9} : Dims{3, 9, 4}, axis, by_instance, 7), options, make);
  }
}

Case over_trailing(const Dims& dims, Index leading, std::uint64_t seed) {
  Case c{dims, 1, {}, random_mask(dims, seed)};
  for (std::size_t axis = static_cast<std::size_t>(leading); axis < dims.size(); ++axis) {
    c.channels *= dims[axis];
  }
  const auto index = [dims](const Dims& i, std::size_t begin, std::size_t end) {
    Index result = 0;
    for (std::size_t axis = begin; axis < end; ++axis) result = result * dims[axis] + i[axis];
    return result;
  };
  const auto split = static_cast<std::size_t>(leading);
  c.definition.channel = [=](const Dims& i) { return index(i, split, dims.size()); };
  c.definition.statistic = [=](const Dims& i) { return index(i, 0, split); };
  const Logical valid = c.valid;
  c.definition.counts = [=](const Dims& i) { return valid.at(i) != 0; };
  return c;
}

TEST(Conditioned, LayerNormTakesStatisticsOfWhatCounts) {
  const auto make = [](std::vector<Index> shape) {
    return [shape](const LayerNormOptions& o) { return LayerNorm<double>(shape, o); };
  };
  expect_in_both_orders<2>(over_trailing({5, 12}, 1, 8), LayerNormOptions{}, make({12}));
  expect_in_both_orders<3>(over_trailing({3, 4, 10}, 2, 9), LayerNormOptions{}, make({10}));
  expect_in_both_orders<3>(over_trailing({3, 4, 5}, 1, 10), LayerNormOptions{}, make({4, 5}));
}

// gamma alone: RMSNorm has no beta of its own.
TEST(Conditioned, RmsNormTakesTheMeanSquareOfWhatCounts) {
  Case c = over_trailing({3, 4, 10}, 2, 11);
  c.definition.centred = false;
  for (const bool zero_centered : {false, true}) {
    RMSNormOptions options;
    options.eps = 1e-5;
    options.zero_centered_gamma = zero_centered;
    RMSNorm<double> layer(10, options);
    copy_to_parameters(random_gamma(10, 1), layer.gamma());
    const Logical x = random_normal(c.dims, 31, 2, 1.5L), dy = random_normal(c.dims, 32);
    const auto want = c.definition.answer(
        x, dy, 10, [&](Index, Index i) { return Real(layer.gamma()(i)) + (zero_centered ? 1 : 0); },
        [](Index, Index) { return Real(0); });
    using Object = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    const Object xs = to_eigen<Object>(x);
    Object y, dx = to_eigen<Object>(dy);
    const Mask mask = mask_of(c.valid);
    layer.forward(xs, y, mask);
    layer.backward(xs, dx, dx, mask);
    expect_close("y", from_eigen(y), want.y, 1e-12L);
    expect_close("dx", from_eigen(dx), want.dx, 1e-12L);
    expect_close("dgamma", from_parameters(layer.gamma_grad()), want.dgamma, 1e-12L);
  }
}

TEST(Conditioned, ReturnsWhatItWritesIntoAnArgument) {
  BatchNormOptions plain;
  plain.gamma = plain.beta = false;
  BatchNorm1d<double> norm(4, plain);
  const MatrixXd x = MatrixXd::Random(6, 4), dy = MatrixXd::Random(6, 4);
  Mask mask(MatrixXd::Random(6, 1).col(0).array() > -0.5);
  PerSample<double> affine{Table::Random(6, 4), Table::Random(6, 4)};
  affine.zero_grad();
  MatrixXd y, inferred, dx;
  norm.infer(x, inferred, mask, affine);
  EXPECT_EQ(norm.infer(x, mask, affine), inferred);
  norm.forward(x, y, mask, affine);
  EXPECT_EQ(norm.forward(x, mask, affine), y);
  norm.backward(x, dy, dx, mask, affine);
  EXPECT_EQ(norm.backward(x, dy, mask, affine), dx);
  norm.forward(x, y, mask);
  EXPECT_EQ(norm.forward(x, mask), y);
  EXPECT_EQ(norm.forward(x, Mask(mask)), y);
  norm.backward(x, dy, dx, mask);
  EXPECT_EQ(norm.backward(x, dy, mask), dx);
  norm.forward(x, y, affine);
  EXPECT_EQ(norm.forward(x, std::as_const(affine)), y);
  norm.backward(x, dy, dx, affine);
  EXPECT_EQ(norm.backward(x, dy, affine), dx);
}

TEST(Conditioned, PaddedSequencesAreNormalisedAsTheirValidPartAlone) {
  using Signals = Eigen::Tensor<float, 3, Eigen::RowMajor>;
  BatchNorm1d<float> masked(5), alone(5);
  const Signals x = to_eigen<Signals>(random_normal({2, 5, 8}, 1, 1000, 1));
  Signals y;
  masked.forward(x, y, Mask::of_lengths({8, 3}, 8));
  MatrixXf rows(11, 5);  // the valid positions, one below the other
  for (Index i = 0; i < 11; ++i) {
    for (Index c = 0; c < 5; ++c) rows(i, c) = i < 8 ? x(0, c, i) : x(1, c, i - 8);
  }
  const MatrixXf want = alone.forward(rows);
  for (Index i = 0; i < 11; ++i) {
    for (Index c = 0; c < 5; ++c) {
      EXPECT_NEAR(i < 8 ? y(0, c, i) : y(1, c, i - 8), want(i, c), 4e-6) << i << ", " << c;
    }
  }
  EXPECT_TRUE(masked.running_mean().isApprox(alone.running_mean()));
  EXPECT_TRUE(masked.running_var().isApprox(alone.running_var()));
  EXPECT_EQ(masked.num_batches_tracked(), 1);
}

// Even where the padding is not a number.
TEST(Conditioned, PaddingNeverReachesTheStatistics) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const ChannelAxis axis : {ChannelAxis::first, ChannelAxis::last}) {
    BatchNormOptions options;
    options.channels = axis;
    BatchNorm1d<float> norm(4, options);
    Eigen::Tensor<float, 3, Eigen::RowMajor> x(3, 4, 4), y;
    x.setRandom();
    const Mask mask = Mask::of_lengths({4, 2, 1}, 4);
    for (Index c = 0; c < 4; ++c) {
      (axis == ChannelAxis::first ? x(1, c, 2) : x(1, 2, c)) = nan;
    }
    norm.forward(x, y, mask);
    EXPECT_TRUE(norm.running_mean().isFinite().all());
    EXPECT_TRUE(norm.running_var().isFinite().all());
    EXPECT_EQ(norm.num_batches_skipped(), 0);
  }
}

TEST(Conditioned, AnEmptyBatchGivesAnEmptyResult) {
  BatchNormOptions plain;
  plain.gamma = plain.beta = false;
  BatchNorm1d<double> norm(3, plain);
  const MatrixXd x(0, 3);
  const Mask mask = Mask(Eigen::Array<bool, Eigen::Dynamic, 1>(0));
  PerSample<double> affine{Table(0, 3), Table(0, 3)};
  affine.zero_grad();
  EXPECT_EQ(norm.forward(x, mask, affine).rows(), 0);
  EXPECT_EQ(norm.backward(x, x, mask, affine).rows(), 0);
  EXPECT_EQ(norm.infer(x, mask, affine).rows(), 0);
  EXPECT_EQ(norm.num_batches_tracked() + norm.num_batches_skipped(), 0);
}

// All dimensions of x are normalised: it is one sample.
TEST(Conditioned, LayerNormOfAWholeTensorHasOneScale) {
  LayerNorm<double> norm({3, 4}, {1e-5, false, false});
  const MatrixXd x = MatrixXd::Random(3, 4);
  PerSample<double> affine{Table::Random(1, 12), Table::Random(1, 12)};
  const MatrixXd xhat = norm.forward(x), y = norm.forward(x, affine);
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 4; ++j) {
      const Index element = 4 * i + j;
      EXPECT_NEAR(y(i, j), xhat(i, j) * affine.scale(0, element) + affine.shift(0, element), 1e-14);
    }
  }
}

// Of numbers that carry their derivatives: dx = sum(dy * dy/dx), element by element.
TEST(Conditioned, DifferentiatesUnderAMask) {
  BatchNorm1d<double> norm(2);
  BatchNorm1d<Dual> dual(2);
  const MatrixXd x = MatrixXd::Random(5, 2), dy = MatrixXd::Random(5, 2);
  const Mask mask(Eigen::Array<bool, 5, 1>(true, true, false, true, false));
  norm.forward(x, mask);
  const MatrixXd dx = norm.backward(x, dy, mask);
  Eigen::Matrix<Dual, Eigen::Dynamic, Eigen::Dynamic> seeded = x.cast<Dual>();
  for (Index i = 0; i < x.size(); ++i) {
    seeded(i).tangent = 1;
    const auto y = dual.forward(seeded, mask);
    seeded(i).tangent = 0;
    double sum = 0;
    for (Index k = 0; k < x.size(); ++k) sum += dy(k) * y(k).tangent;
    EXPECT_NEAR(dx(i), sum, 1e-13);
  }
}

// Sums over samples are rounded to float once, not sample by sample.
TEST(Conditioned, AddsGradientsOfManySamplesUpInDouble) {
  const Index samples = 20000;
  GroupNorm<float> norm(1, 2);
  const MatrixXf x = to_eigen<MatrixXf>(random_normal({samples, 2}, 3));
  const MatrixXf dy = MatrixXf::Constant(samples, 2, 0.7F);
  const Mask all(Eigen::Array<bool, Eigen::Dynamic, 1>::Constant(samples, true));
  MatrixXf y(samples, 2), dx(samples, 2);
  norm.forward(x, y, all);
  norm.backward(x, dy, dx, all);
  const double want = 0.7F * static_cast<double>(samples);
  EXPECT_NEAR(norm.beta_grad()(0), want, 1e-7 * want);
  EXPECT_NEAR(norm.beta_grad()(1), want, 1e-7 * want);
}

TEST(Conditioned, WithNothingThatCountsKeepsTheRunningStatistics) {
  BatchNorm1d<double> norm(3);
  MatrixXd x = MatrixXd::Random(4, 3), y;
  norm.forward(x, y, Mask(Eigen::Array<bool, 4, 1>(false, false, false, false)));
  EXPECT_EQ(norm.num_batches_tracked() + norm.num_batches_skipped(), 0);
  EXPECT_TRUE(y.isApprox(x / std::sqrt(1e-5)));
}

TEST(Conditioned, InstanceNormTracksTheAverageOverItsMaskedInstances) {
  InstanceNormOptions options;
  options.track_running_stats = true;
  options.momentum = std::nullopt;
  InstanceNorm1d<double> masked(2, options), alone(2, options);
  using Signals = Eigen::Tensor<double, 3, Eigen::RowMajor>;
  const Signals x = to_eigen<Signals>(random_normal({2, 2, 6}, 3));
  Signals y;
  masked.forward(x, y, Mask::of_lengths({6, 4}, 6));
  Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(2), var = mean;
  for (Index n = 0; n < 2; ++n) {
    for (Index c = 0; c < 2; ++c) {
      const Eigen::Map<const Eigen::ArrayXd> valid(&x(n, c, 0), n == 0 ? 6 : 4);
      const double count = static_cast<double>(valid.size());
      mean(c) += valid.mean() / 2;
      var(c) += (valid - valid.mean()).square().sum() / (count - 1) / 2;
    }
  }
  EXPECT_TRUE(masked.running_mean().isApprox(mean, 1e-13));
  EXPECT_TRUE(masked.running_var().isApprox(var, 1e-13));
}

TEST(Conditioned, ByRunningStatisticsAMaskChangesNothing) {
  BatchNorm1d<double> norm(3);
  const MatrixXd x = MatrixXd::Random(6, 3), dy = MatrixXd::Random(6, 3);
  norm.forward(x);
  norm.eval();
  BatchNorm1d<double> twin = norm;
  twin.zero_grad();
  MatrixXd y, dx, wanted_dx;
  const Mask mask(MatrixXd::Random(6, 1).col(0).array() > -0.5);
  norm.forward(x, y, mask);
  EXPECT_TRUE(y.isApprox(twin.forward(x), 1e-14));
  norm.backward(x, dy, dx, mask);
  twin.backward(x, dy, wanted_dx);
  EXPECT_TRUE(dx.isApprox(wanted_dx, 1e-14));
  EXPECT_TRUE(norm.gamma_grad().isApprox(twin.gamma_grad(), 1e-13));
}

// Conditional BatchNorm in eval, and InstanceNorm by running statistics.
template <typename Layer, typename Options>
void expect_per_sample_by_running(Options options) {
  using Signals = Eigen::Tensor<double, 3, Eigen::RowMajor>;
  options.gamma = options.beta = false;
  options.track_running_stats = true;
  Layer layer(4, options);
  const Signals x = to_eigen<Signals>(random_normal({3, 4, 5}, 1)),
                dy = to_eigen<Signals>(random_normal({3, 4, 5}, 2));
  layer.forward(x);
  layer.eval();
  PerSample<double> affine{Table::Random(3, 4), Table::Random(3, 4)};
  affine.zero_grad();
  const Signals xhat = layer.infer(x);
  Signals y, inferred, dx;
  layer.forward(x, y, affine);
  layer.infer(x, inferred, affine);
  layer.backward(x, dy, dx, affine);
  for (Index n = 0; n < 3; ++n) {
    for (Index c = 0; c < 4; ++c) {
      double dscale = 0, dshift = 0;
      for (Index l = 0; l < 5; ++l) {
        const double want = xhat(n, c, l) * affine.scale(n, c) + affine.shift(n, c);
        EXPECT_NEAR(y(n, c, l), want, 1e-13);
        EXPECT_NEAR(inferred(n, c, l), want, 1e-13);
        const double inv_std = 1 / std::sqrt(layer.running_var()(c) + options.eps);
        EXPECT_NEAR(dx(n, c, l), dy(n, c, l) * affine.scale(n, c) * inv_std, 1e-13);
        dscale += dy(n, c, l) * xhat(n, c, l);
        dshift += dy(n, c, l);
      }
      EXPECT_NEAR(affine.scale_grad(n, c), dscale, 1e-12);
      EXPECT_NEAR(affine.shift_grad(n, c), dshift, 1e-12);
    }
  }
}

TEST(Conditioned, ByRunningStatisticsEachSampleHasItsScale) {
  expect_per_sample_by_running<BatchNorm1d<double>>(BatchNormOptions{});
  expect_per_sample_by_running<InstanceNorm1d<double>>(InstanceNormOptions{});
}

// A layer that is asked under conditions, as check_gradients takes it.
template <typename Layer>
struct Under {
  using Scalar = double;
  Layer layer;
  std::optional<Mask> mask;
  std::optional<PerSample<double>> affine;

  template <typename X, typename Y>
  void forward(const X& x, Y&& y) {
    if (mask && affine) return layer.forward(x, y, *mask, *affine);
    if (mask) return layer.forward(x, y, *mask);
    layer.forward(x, y, *affine);
  }
  template <typename X>
  X forward(const X& x) {
    X y;
    forward(x, y);
    return y;
  }
  template <typename X, typename Dx>
  void backward(const X& x, const X& dy, Dx&& dx) {
    if (mask && affine) return layer.backward(x, dy, dx, *mask, *affine);
    if (mask) return layer.backward(x, dy, dx, *mask);
    layer.backward(x, dy, dx, *affine);
  }
  template <typename X>
  X backward(const X& x, const X& dy) {
    X dx;
    backward(x, dy, dx);
    return dx;
  }
  template <typename F>
  void for_each_parameter(F&& f) {
    if (!affine) return layer.for_each_parameter(std::forward<F>(f));
    f(std::string_view("scale"), affine->scale, affine->scale_grad);
    f(std::string_view("shift"), affine->shift, affine->shift_grad);
  }
  void zero_grad() {
    layer.zero_grad();
    if (affine) affine->zero_grad();
  }
};

template <typename Layer>
double worst_gradient(const Layer& layer, const Dims& dims, std::optional<Mask> mask,
                      Index channels) {
  using Object = Eigen::Tensor<double, 3, Eigen::RowMajor>;
  std::optional<PerSample<double>> affine;
  if (channels > 0) {
    affine.emplace();
    affine->scale = Table::Random(dims[0], channels);
    affine->shift = Table::Random(dims[0], channels);
    affine->zero_grad();
  }
  Under<Layer> under{layer, mask, affine};
  if (under.layer.gamma().size() > 0) {
    copy_to_parameters(random_gamma(under.layer.gamma().size(), 1), under.layer.gamma());
  }
  const GradientReport report =
      check_gradients(under, to_eigen<Object>(random_normal(dims, 3, 0.5L, 1.5L)));
  EXPECT_LE(report.worst(), 1e-7) << report.to_string();
  return report.worst();
}

TEST(Conditioned, GradientsAgreeWithDifferences) {
  const Mask positions = mask_of(random_mask({3, 5}, 4)),
             elements = mask_of(random_mask({3, 4, 5}, 5));
  double worst = 0;
  const auto check = [&](const auto& with_affine, const auto& without, const Mask& mask,
                         Index channels) {
    worst = std::max(worst, worst_gradient(with_affine, {3, 4, 5}, mask, 0));
    worst = std::max(worst, worst_gradient(without, {3, 4, 5}, std::nullopt, channels));
    worst = std::max(worst, worst_gradient(without, {3, 4, 5}, mask, channels));
  };
  BatchNormOptions plain;
  plain.gamma = plain.beta = false;
  check(BatchNorm1d<double>(4), BatchNorm1d<double>(4, plain), positions, 4);
  check(GroupNorm<double>(2, 4), GroupNorm<double>(2, 4, {1e-5, false, false}), positions, 4);
  check(InstanceNorm1d<double>(4), InstanceNorm1d<double>(4), positions, 4);
  check(LayerNorm<double>(5), LayerNorm<double>(5, {1e-5, false, false}), elements, 5);
  check(RMSNorm<double>(5), RMSNorm<double>(5, {1e-5, false}), elements, 5);
  RecordProperty("worst", std::to_string(worst));
  std::printf("  masks, scale and shift per sample    worst relative error %.1e\n", worst);
}

// A vector is one row, or one column, whichever x and the mask are.
TEST(Conditioned, TakesAMaskOfAVectorInEitherShape) {
  LayerNorm<double> row_norm(6);
  const Eigen::RowVectorXd row = Eigen::RowVectorXd::Random(6);
  const Eigen::Array<bool, 1, Eigen::Dynamic> valid = row.array() > -0.5;
  EXPECT_EQ(row_norm.forward(row, Mask(valid)),
            row_norm.forward(row, Mask(Eigen::ArrayXX<bool>(valid))));
  BatchNorm1d<double> norm(3);
  const MatrixXd x = MatrixXd::Random(6, 3);
  EXPECT_EQ(norm.forward(x, Mask(valid)),
            norm.forward(x, Mask(Eigen::ArrayXX<bool>(valid.transpose()))));
}

// Of 16-bit data, with a block for x, onto x, with a scale alone: against double.
template <typename Half>
void expect_conditions_on(Index features) {
  using HalfMatrix = Eigen::Matrix<Half, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  BatchNormOptions plain;
  plain.gamma = plain.beta = false;
  BatchNorm1d<Half> norm(features, plain);
  BatchNorm1d<double> exact(features, plain);
  const HalfMatrix large = MatrixXf::Random(12, features + 3).template cast<Half>();
  HalfMatrix work = large;
  const MatrixXd x = large.block(1, 2, 10, features).template cast<double>();
  const HalfMatrix dy = MatrixXf::Random(10, features).template cast<Half>();
  const Mask mask(x.col(0).array() > -0.5);
  PerSample<float> affine{PerSample<float>::Table::Random(10, features), {}};
  PerSample<double> exact_affine{affine.scale.template cast<double>(), {}};
  affine.zero_grad();
  exact_affine.zero_grad();
  const HalfMatrix y = norm.forward(large.block(1, 2, 10, features), mask, affine);
  const MatrixXd want = exact.forward(x, mask, exact_affine);
  const double ulp = std::is_same_v<Half, Eigen::half> ? 0x1p-10 : 0x1p-7;
  EXPECT_LE((y.template cast<double>() - want).cwiseAbs().maxCoeff(),
            ulp * want.cwiseAbs().maxCoeff());
  norm.backward(work.block(1, 2, 10, features), dy, work.block(1, 2, 10, features), mask, affine);
  const MatrixXd dx = exact.backward(x, dy.template cast<double>().eval(), mask, exact_affine);
  EXPECT_LE((work.block(1, 2, 10, features).template cast<double>() - dx).cwiseAbs().maxCoeff(),
            ulp * dx.cwiseAbs().maxCoeff());
  EXPECT_TRUE(affine.scale_grad.template cast<double>().isApprox(exact_affine.scale_grad, 1e-5));
}

TEST(Conditioned, HoldsFor16BitDataInBlocks) {
  expect_conditions_on<Eigen::half>(37);
  expect_conditions_on<Eigen::bfloat16>(37);
}

TEST(Conditioned, AnswersAlikeInLayersOfFixedSize) {
  const MatrixXd x = MatrixXd::Random(9, 4), dy = MatrixXd::Random(9, 4);
  const Mask mask(MatrixXd::Random(9, 4).array() > -0.5);
  LayerNorm<double, 4> fixed;
  LayerNorm<double> dynamic(4);
  MatrixXd y, dx, want_y, want_dx;
  fixed.forward(x, y, mask);
  dynamic.forward(x, want_y, mask);
  fixed.backward(x, dy, dx, mask);
  dynamic.backward(x, dy, want_dx, mask);
  EXPECT_EQ(y, want_y);
  EXPECT_EQ(dx, want_dx);
}

TEST(Conditioned, RefusesWhatDoesNotFit) {
  BatchNorm1d<double> norm(4);
  using Signals = Eigen::Tensor<double, 3, Eigen::RowMajor>;
  Signals x(2, 4, 5), y;
  x.setRandom();
  const Mask mask = Mask::of_lengths({5, 2}, 5);
  expect_refused(norm, "BatchNorm1d(4): expected a mask (2, 5), got (2, 6)", [&] {
    norm.forward(x, y, Mask::of_lengths({5, 2}, 6));
  });
  expect_refused(norm,
                 "BatchNorm1d(4): expected more than 1 value per channel when training, under the "
                 "mask, got (2, 4, 5)",
                 [&] {
                   norm.forward(x, y, Mask::of_lengths({1, 0}, 5));
                 });
  PerSample<double> affine{Table::Ones(2, 4), Table::Zero(2, 4)};
  expect_refused<std::logic_error>(
      norm, "BatchNorm1d(4): a scale and shift per sample need a layer without gamma and beta",
      [&] { norm.forward(x, y, affine); });
  expect_error<std::invalid_argument>("Mask: expected lengths from 0 to 5, got 6",
                                      [] { Mask::of_lengths({6}, 5); });

  expect_refused(norm, "BatchNorm1d(4): expected a mask (2, 5), got (3)",
                 [&] { norm.forward(x, y, Mask(Eigen::Array<bool, 3, 1>(true, false, false))); });
  norm.forward(x, y, mask);
  expect_refused<std::logic_error>(norm,
                                   "BatchNorm1d(4): backward_from_output cannot answer a forward "
                                   "with a mask or a scale and shift "
                                   "per sample, backward can",
                                   [&] { norm.backward_from_output(y, y); });
  expect_refused<std::logic_error>(norm,
                                   "BatchNorm1d(4): backward needs the mask of the last forward",
                                   [&] { norm.backward(x, y); });
  norm.forward(x, y);
  Signals dx;
  expect_refused<std::logic_error>(norm, "BatchNorm1d(4): the last forward had no mask",
                                   [&] { norm.backward(x, y, dx, mask); });

  BatchNormOptions plain;
  plain.gamma = plain.beta = false;
  BatchNorm1d<double> bare(4, plain);
  affine.scale.resize(3, 4);
  expect_refused(bare, "BatchNorm1d(4): expected scale (2, 4), got (3, 4)",
                 [&] { bare.forward(x, y, affine); });
  affine.scale = Table::Ones(2, 4);
  bare.forward(x, y, affine);
  expect_refused(bare,
                 "BatchNorm1d(4): expected scale_grad and shift_grad as large as scale and shift: "
                 "call zero_grad() first",
                 [&] { bare.backward(x, y, dx, affine); });
  BatchNormOptions untracked = plain, ghost = plain, renorm = plain;
  untracked.track_running_stats = false;
  ghost.virtual_batch_size = 1;
  renorm.renorm = BatchRenorm{};
  BatchNorm1d<double> by_own(4, untracked);
  expect_refused(by_own,
                 "BatchNorm1d(4): expected more than 1 value per channel under the mask, without "
                 "running statistics, got (2, 4, 5)",
                 [&] {
                   by_own.infer(x, y, Mask::of_lengths({1, 0}, 5));
                 });
  for (const BatchNormOptions& options : {ghost, renorm}) {
    BatchNorm1d<double> layer(4, options);
    expect_refused<std::logic_error>(
        layer,
        "BatchNorm1d(4): a mask, or a scale and shift per sample, goes with neither "
        "virtual_batch_size nor renorm",
        [&] { layer.forward(x, y, mask); });
  }
}

}  // namespace
}  // namespace eigen_norm::test
