// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "eigen_norm/eigen_norm.hpp"
#include "support/layer_check.hpp"
#include "support/shapes.hpp"

// How far float is from the definition, by the means and sizes of the data that make others fail.
// Forward is measured in max(1, |gamma * xhat|, |beta|), dx in its largest term.
namespace eigen_norm::test {
namespace {

constexpr Real limit = 2e-6L;

struct Errors {
  Real y = 0;
  Real dx = 0;
};

using Owner = std::function<std::size_t(const Dims&)>;

// A layer that can be asked in float, and what it should have said.
struct Subject {
  std::string name;
  Dims dims;
  Index parameters;
  Owner statistic_of, parameter_of;
  std::function<Reference(const Logical& x, const Logical& dy, const Affine&, Real eps)> definition;
  std::function<void(const Logical& x, const Logical& dy, const Affine&, double eps, Logical& y,
                     Logical& dx)>
      run;
};

template <typename Tensor, typename Make>
void set_run(Subject& subject, Make make) {
  subject.run = [make](const Logical& x, const Logical& dy, const Affine& affine, double eps,
                       Logical& y, Logical& dx) {
    auto layer = make(eps);
    set_affine(layer, affine);
    const Tensor input = to_eigen<Tensor>(x);
    y = from_eigen(layer.forward(input));
    dx = from_eigen(layer.backward(input, to_eigen<Tensor>(dy)));
  };
}

constexpr Index channels = 6, groups = 3, features = 2500;

Dims channels_at(Index axis, Index samples, Index side) {
  return axis == 1 ? Dims{samples, channels, side, side} : Dims{samples, side, side, channels};
}

template <int Order>
Subject batch_norm_2d(Index axis) {
  Subject s{"BatchNorm2d", channels_at(axis, 5, 41), channels, {}, {}, {}, {}};
  s.statistic_of = s.parameter_of = [axis](const Dims& at) {
    return static_cast<std::size_t>(at[static_cast<std::size_t>(axis)]);
  };
  s.definition = [axis](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return batch_norm(x, dy, affine, eps, axis);
  };
  set_run<Eigen::Tensor<float, 4, Order>>(s, [axis](double eps) {
    BatchNormOptions options;
    options.eps = eps;
    options.channels = axis == 1 ? ChannelAxis::first : ChannelAxis::last;
    return BatchNorm2d<float>(channels, options);
  });
  return s;
}

// Runs far shorter than a vector register.
Subject batch_norm_1d() {
  Subject s{"BatchNorm1d, runs of three", {1500, 2, 3}, 2, {}, {}, {}, {}};
  s.statistic_of = s.parameter_of = [](const Dims& at) { return static_cast<std::size_t>(at[1]); };
  s.definition = [](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return batch_norm(x, dy, affine, eps);
  };
  set_run<Eigen::Tensor<float, 3, Eigen::RowMajor>>(s, [](double eps) {
    BatchNormOptions options;
    options.eps = eps;
    return BatchNorm1d<float>(2, options);
  });
  return s;
}

template <int Order>
Subject group_norm_2d(Index axis) {
  Subject s{"GroupNorm", channels_at(axis, 3, 43), channels, {}, {}, {}, {}};
  s.parameter_of = [axis](const Dims& at) {
    return static_cast<std::size_t>(at[static_cast<std::size_t>(axis)]);
  };
  s.statistic_of = [axis](const Dims& at) {
    const Index group = at[static_cast<std::size_t>(axis)] / (channels / groups);
    return static_cast<std::size_t>(at[0] * groups + group);
  };
  s.definition = [axis](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return group_norm(x, dy, affine, eps, groups, axis);
  };
  set_run<Eigen::Tensor<float, 4, Order>>(s, [axis](double eps) {
    GroupNormOptions options;
    options.eps = eps;
    options.channels = axis == 1 ? ChannelAxis::first : ChannelAxis::last;
    return GroupNorm<float>(groups, channels, options);
  });
  return s;
}

template <int Order>
Subject layer_norm_rows() {
  Subject s{"LayerNorm", {11, features}, features, {}, {}, {}, {}};
  s.statistic_of = [](const Dims& at) { return static_cast<std::size_t>(at[0]); };
  s.parameter_of = [](const Dims& at) { return static_cast<std::size_t>(at[1]); };
  s.definition = [](const Logical& x, const Logical& dy, const Affine& affine, Real eps) {
    return layer_norm(x, dy, affine, eps);
  };
  set_run<Eigen::Tensor<float, 2, Order>>(s, [](double eps) {
    LayerNormOptions options;
    options.eps = eps;
    return LayerNorm<float>(features, options);
  });
  return s;
}

std::vector<Subject> subjects() {
  std::vector<Subject> list{batch_norm_2d<Eigen::RowMajor>(1), batch_norm_2d<Eigen::RowMajor>(3),
                            layer_norm_rows<Eigen::RowMajor>(), group_norm_2d<Eigen::RowMajor>(1),
                            group_norm_2d<Eigen::RowMajor>(3)};
  for (const std::size_t i : {0U, 3U}) list[i].name += ", channels first";
  for (const std::size_t i : {1U, 4U}) list[i].name += ", channels last";
  list.push_back(batch_norm_2d<Eigen::ColMajor>(1));
  list.push_back(layer_norm_rows<Eigen::ColMajor>());
  list.push_back(group_norm_2d<Eigen::ColMajor>(1));
  for (const std::size_t i : {5U, 6U, 7U}) list[i].name += ", column-major";
  list.push_back(batch_norm_1d());
  return list;
}

Real ratio(Real error, Real scale) {
  return std::isfinite(error) ? (error == 0 ? 0 : error / scale)
                              : std::numeric_limits<Real>::infinity();
}

// dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy: three terms, none counted
// as smaller than the typical g.
Errors measure(const Subject& subject, const Logical& x, const Logical& dy, double eps = 1e-5) {
  const Affine affine{random_gamma(subject.parameters, 11), random_beta(subject.parameters, 12)};
  const Reference want = subject.definition(x, dy, affine, Real(eps));
  Logical y, dx;
  subject.run(x, dy, affine, eps, y, dx);

  const std::size_t n = want.mean.size();
  Values count(n, 0), g_sum(n, 0), g_xhat_sum(n, 0), g_size(n, 0);
  const auto for_each = [&](auto visit) {
    for_each_index(x.dims, [&](const Dims& at) {
      const std::size_t s = subject.statistic_of(at), p = subject.parameter_of(at);
      visit(at, s, p, (x.at(at) - want.mean[s]) * want.inv_std[s], affine.gamma[p] * dy.at(at));
    });
  };
  for_each([&](const Dims&, std::size_t s, std::size_t, Real xhat, Real g) {
    count[s] += 1;
    g_sum[s] += g;
    g_xhat_sum[s] += g * xhat;
    g_size[s] += std::abs(g);
  });
  Errors worst;
  for_each([&](const Dims& at, std::size_t s, std::size_t p, Real xhat, Real g) {
    const Real y_scale =
        std::max({Real(1), std::abs(affine.gamma[p] * xhat), std::abs(affine.beta[p])});
    const Real dx_scale =
        std::max({g_size[s], std::abs(g) * count[s], std::abs(xhat * g_xhat_sum[s])}) / count[s] *
        want.inv_std[s];
    worst.y = std::max(worst.y, ratio(std::abs(y.at(at) - want.y.at(at)), y_scale));
    worst.dx = std::max(worst.dx, ratio(std::abs(dx.at(at) - want.dx.at(at)), dx_scale));
  });
  return worst;
}

void expect_accurate(const Subject& subject, const Logical& x, const Logical& dy,
                     double eps = 1e-5) {
  const Errors errors = measure(subject, x, dy, eps);
  EXPECT_LE(errors.y, limit) << subject.name;
  EXPECT_LE(errors.dx, limit) << subject.name;
}

TEST(Accuracy, HoldsForEveryRatioOfMeanToDeviation) {
  std::printf("  %-32s", "|mean| / sigma, float: y and dx");
  for (const double mean : {0.0, 1e2, 1e4, 1e6}) std::printf("  %-17g", mean);
  std::printf("\n");
  for (const Subject& subject : subjects()) {
    std::printf("  %-32s", subject.name.c_str());
    for (const Real mean : {0.0L, 1e2L, 1e4L, 1e6L}) {
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

TEST(Accuracy, HoldsForVeryLargeAndVerySmallData) {
  for (const Subject& subject : subjects()) {
    for (const Real size : {1e37L, 1e25L, 1e-15L, 1e-25L, 1e-35L}) {
      SCOPED_TRACE(static_cast<double>(size));
      expect_accurate(subject, random_normal(subject.dims, 7, 0, size / 5),
                      random_normal(subject.dims, 8), 0);
      expect_accurate(subject, random_normal(subject.dims, 9, 0, size / 5),
                      random_normal(subject.dims, 10));
    }
  }
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
      Logical x = random_normal(subject.dims, 17), y, dx;
      for_each_index(x.dims, [&](const Dims& at) {
        if (subject.statistic_of(at) % 2 == 1) x.at(at) = static_cast<Real>(10000.1F);
      });
      const Affine affine{random_gamma(subject.parameters, 11),
                          random_beta(subject.parameters, 12)};
      subject.run(x, random_normal(x.dims, 18), affine, eps, y, dx);
      Index wrong = 0;
      for_each_index(x.dims, [&](const Dims& at) {
        if (subject.statistic_of(at) % 2 == 0) return;
        wrong += y.at(at) != affine.beta[subject.parameter_of(at)] || (eps == 0 && dx.at(at) != 0);
      });
      EXPECT_EQ(wrong, 0) << subject.name << ", eps " << eps;
    }
  }
}

}  // namespace
}  // namespace eigen_norm::test
