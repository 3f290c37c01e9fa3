// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/statistics.hpp"

#include <gtest/gtest.h>

#include "support/kernel_case.hpp"

namespace eigen_norm::kernels {
namespace {

TEST(Statistics, AreTheDefinitionOnEveryView) {
  for (const test::KernelCase& each : test::kernel_cases()) {
    SCOPED_TRACE(each.name);
    const test::Passes expected(each.shape, 1e-3, 3);
    test::Doubles mean(expected.mean.size(), 0), inv_std = mean, var = mean;
    statistics<double>({expected.x.data(), each.shape},
                       FromData<double>(1e-3, {mean.data(), inv_std.data(), var.data()}));
    for (std::size_t s = 0; s < mean.size(); ++s) {
      ASSERT_NEAR(mean[s], expected.mean[s], 1e-13);
      ASSERT_NEAR(inv_std[s], expected.inv_std[s], 1e-12);
      ASSERT_NEAR(inv_std[s], 1 / std::sqrt(var[s] + 1e-3), 1e-15);
    }
  }
}

TEST(Statistics, WritesOnlyWhatIsAskedFor) {
  const test::KernelCase each = test::kernel_cases().front();
  const test::Passes expected(each.shape, 1e-3, 3);
  test::Doubles var(expected.mean.size(), -1);
  statistics<double>({expected.x.data(), each.shape},
                     FromData<double>(1e-3, {nullptr, nullptr, var.data()}));
  for (const double v : var) EXPECT_GT(v, 0);
}

// RMSNorm's: the mean counts as 0.
TEST(Statistics, WithoutACentreAreOfTheMeanSquare) {
  const double x[] = {3, 4, 0, 1};
  memory::CollapsedShape rows;
  rows.repeats = 2;
  rows.channels = rows.group = rows.repeat_stride = 2;
  rows.channel_stride = 1;
  double mean[2], var[2];
  statistics<double>({x, rows}, FromData<double>(0, {mean, nullptr, var}, false));
  EXPECT_EQ(mean[0], 0);
  EXPECT_DOUBLE_EQ(var[0], 12.5);
  EXPECT_DOUBLE_EQ(var[1], 0.5);
}

}  // namespace
}  // namespace eigen_norm::kernels
