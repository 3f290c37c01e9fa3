// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/backward.hpp"

#include <gtest/gtest.h>

#include "support/kernel_case.hpp"

namespace eigen_norm::kernels {
namespace {

using test::Doubles;
using test::Passes;

constexpr double eps = 1e-3;

struct Gradients {
  Doubles dx, dgamma, dbeta;
};

Gradients backward_of(const Passes& p, const memory::CollapsedShape& shape, bool through,
                      bool in_place) {
  Gradients result{in_place ? p.dy : Doubles(p.x.size(), 0), Doubles(p.gamma.size(), 0),
                   Doubles(p.gamma.size(), 0)};
  const Index pieces = std::min<Index>(2, shape.repeats);
  Doubles sums(2 * p.gamma.size() * static_cast<std::size_t>(pieces));
  const double* dy = in_place ? result.dx.data() : p.dy.data();
  backward(BackwardPass<double>{{p.x.data(), shape},
                                {dy, shape},
                                {result.dx.data(), shape},
                                {p.gamma.data(), nullptr},
                                through,
                                sums.data()},
           FromForward<double>({p.mean.data(), p.inv_std.data()}), pieces);
  const auto channels = static_cast<std::ptrdiff_t>(p.gamma.size());
  result.dgamma.assign(sums.begin(), sums.begin() + channels);
  result.dbeta.assign(sums.begin() + channels, sums.begin() + 2 * channels);
  return result;
}

void expect_near(const Doubles& actual, const Doubles& expected) {
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-11 * (1 + std::abs(expected[i]))) << i;
  }
}

TEST(Backward, IsTheDefinitionOnEveryView) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const Passes expected(each.shape, eps, 3);
    const Gradients actual = backward_of(expected, each.shape, true, false);
    expect_near(actual.dx, expected.dx);
    expect_near(actual.dgamma, expected.dgamma);
    expect_near(actual.dbeta, expected.dbeta);
  }
}

// The sums alone, and dx alone from them as given.
TEST(Backward, InTwoHalvesIsTheSame) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const memory::CollapsedShape& shape = each.shape;
    const Passes p(shape, eps, 3);
    const Gradients whole = backward_of(p, shape, true, false);
    const FromForward<double> source({p.mean.data(), p.inv_std.data()});
    Doubles sums(2 * p.gamma.size()), dx(p.x.size(), 0);
    BackwardPass<double> pass{{p.x.data(), shape},
                              {p.dy.data(), shape},
                              {nullptr, shape},
                              {p.gamma.data(), nullptr},
                              true,
                              sums.data()};
    backward(pass, source, 1);
    const auto channels = static_cast<std::ptrdiff_t>(p.gamma.size());
    expect_near(Doubles(sums.begin(), sums.begin() + channels), whole.dgamma);
    expect_near(Doubles(sums.begin() + channels, sums.end()), whole.dbeta);

    Doubles t1(p.mean.size(), 0), t2 = t1;
    test::for_each_element(shape, [&](auto at, auto s, auto c) {
      t1[s] += p.gamma[c] * p.dy[at];
      t2[s] += p.gamma[c] * p.dy[at] * (p.x[at] - p.mean[s]) * p.inv_std[s];
    });
    pass.dx.data = dx.data();
    pass.affine_sums = nullptr;
    pass.given = {t1.data(), t2.data(), shape.values_per_statistic()};
    backward(pass, source, 1);
    expect_near(dx, whole.dx);
  }
}

TEST(Backward, OntoDyItselfIsTheSame) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const Passes p(each.shape, eps, 3);
    const Gradients apart = backward_of(p, each.shape, true, false);
    const Gradients in_place = backward_of(p, each.shape, true, true);
    test::for_each_element(each.shape,
                           [&](auto at, auto, auto) { ASSERT_EQ(apart.dx[at], in_place.dx[at]); });
    EXPECT_EQ(apart.dgamma, in_place.dgamma);
    EXPECT_EQ(apart.dbeta, in_place.dbeta);
  }
}

TEST(Backward, WithGivenStatisticsScalesDyOnly) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    if (each.shape.loop() == memory::Loop::row || each.shape.loop() == memory::Loop::lane) continue;
    SCOPED_TRACE(each.name);
    const Passes p(each.shape, eps, 3);
    const Gradients actual = backward_of(p, each.shape, false, false);
    test::for_each_element(each.shape, [&](auto at, auto s, auto c) {
      ASSERT_NEAR(actual.dx[at], p.dy[at] * p.gamma[c] * p.inv_std[s], 1e-12);
    });
    expect_near(actual.dgamma, p.dgamma);
    expect_near(actual.dbeta, p.dbeta);
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
