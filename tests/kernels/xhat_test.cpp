// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/xhat.hpp"

#include <gtest/gtest.h>

#include "eigen_norm/kernels/backward.hpp"
#include "support/kernel_case.hpp"

namespace eigen_norm::kernels {
namespace {

using test::Doubles;
using test::Passes;

Doubles inverses(const Doubles& gamma) {
  Doubles result;
  for (const double value : gamma) result.push_back(1 / value);
  return result;
}

TEST(Xhat, OfAnInputIsLoadedAsItLies) {
  const std::array<float, 3> x{1, 2, 3};
  const XhatOfInput xhat;
  EXPECT_EQ(xhat.row(x.data(), 1), x.data());
  EXPECT_EQ(xhat.line(x.data(), 1), x.data());
  const Statistic<double> s = xhat.statistic(Statistic<double>{2, 3});
  EXPECT_EQ(s.mean, 2);
  EXPECT_EQ(s.inv_std, 3);
}

// (y - beta) / gamma, with a gamma and beta of each value along a row, and with one along a line.
TEST(Xhat, OfAnOutputIsLoadedByGammaAndBeta) {
  const std::array<float, 4> y{1, 2, 3, 4}, beta{1, 0, -1, 2}, inv_gamma{1, 2, 0.5F, -4};
  const XhatOfOutput<float> xhat{beta.data(), inv_gamma.data()};
  const auto row = xhat.row(y.data(), 1);  // y from its first value on, for the channels from 1 on
  for (Index i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(i);
    float value = 0;
    store<1>(&value, load<float, 1>(row + i));
    EXPECT_EQ(value, (y[at] - beta[at + 1]) * inv_gamma[at + 1]);
  }
  const auto line = xhat.line(y.data(), 3);
  for (Index i = 0; i < 4; ++i) {
    double value = 0;
    store<1>(&value, load<double, 1>(line + i));
    EXPECT_EQ(value, (double(y[static_cast<std::size_t>(i)]) - 2) * -4);
  }
}

TEST(Xhat, OfAnOutputInSumsIsThatOfTheInput) {
  const std::array<float, 5> y{1, -2, 3, 0.5F, 8}, dy{2, 1, 1, -4, 0.25F};
  const float beta = 0.5F, inv_gamma = 4;
  const XhatOfOutput<float> xhat{&beta, &inv_gamma};
  const Statistic<double> any{7, 7};
  const auto s = xhat.of_channel(Standardise<float>(xhat.statistic(any)), 0);
  const GradientSums<double> sums =
      run_gradient_sums<float>({y.data(), 1, 5, 5}, {dy.data(), 1, 5, 5}, s);
  double expected = 0;
  for (std::size_t i = 0; i < 5; ++i) expected += double(dy[i]) * (double(y[i]) - 0.5) * 4;
  EXPECT_NEAR(sums.dy_xhat, expected, 1e-5);
}

struct Gradients {
  Doubles dx, sums;
};

template <typename Xhat>
Gradients backward_of(const Doubles& values, const Passes& p, const memory::CollapsedShape& shape,
                      bool through, const Xhat& xhat) {
  Gradients result{Doubles(values.size(), 0), Doubles(2 * p.gamma.size())};
  backward(BackwardPass<double, Xhat>{{values.data(), shape},
                                      {p.dy.data(), shape},
                                      {result.dx.data(), shape},
                                      {p.gamma.data(), p.beta.data()},
                                      through,
                                      result.sums.data(),
                                      true,
                                      {},
                                      xhat},
           FromForward<double>({p.mean.data(), p.inv_std.data()}), 1);
  return result;
}

// What a pass makes of y is what it makes of x, in every loop.
TEST(Xhat, OfAnOutputGivesTheGradientsOfTheInputOnEveryView) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    Passes p(each.shape, 1e-3, 3);
    const Doubles inv_gamma = inverses(p.gamma);
    const memory::Loop loop = each.shape.loop();
    for (const bool through : {true, false}) {
      if (!through && (loop == memory::Loop::row || loop == memory::Loop::lane)) continue;
      const Gradients of_x = backward_of(p.x, p, each.shape, through, XhatOfInput());
      const Gradients of_y = backward_of(p.y, p, each.shape, through,
                                         XhatOfOutput<double>{p.beta.data(), inv_gamma.data()});
      for (std::size_t i = 0; i < of_x.dx.size(); ++i) {
        ASSERT_NEAR(of_y.dx[i], of_x.dx[i], 1e-11) << i;
      }
      for (std::size_t i = 0; i < of_x.sums.size(); ++i) {
        ASSERT_NEAR(of_y.sums[i], of_x.sums[i], 1e-11 * (1 + std::abs(of_x.sums[i]))) << i;
      }
    }
  }
}

}  // namespace
}  // namespace eigen_norm::kernels
