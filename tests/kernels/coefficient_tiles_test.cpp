// SPDX-License-Identifier: MIT
#include "eigen_norm/kernels/coefficient_tiles.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eigen_norm::kernels {
namespace {

// Whatever lies beside them, and wherever they lie: by vectors some were not.
TEST(InverseStd, OfManyIsThatOfEach) {
  for (const double eps : {0.0, 1e-5}) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      std::vector<double> variances(40, 0.0);
      for (std::size_t i = 0; i < variances.size(); i += 3)
        variances[i] = 1.0 / (1.0 + 0.37 * double(i));
      std::vector<double> values = variances;
      inverse_std(values.data() + offset, 30, eps);
      for (std::size_t i = offset; i < offset + 30; ++i) {
        ASSERT_EQ(values[i], inverse_std(variances[i], eps)) << i;
      }
    }
  }
}

TEST(InverseStd, IsZeroWhereNothingIsUnderTheRoot) {
  for (const double eps : {0.0, 1e-5}) {
    std::vector<double> values(22, -eps);
    inverse_std(values.data(), 22, eps);
    EXPECT_EQ(values, std::vector<double>(22, 0.0));
  }
}

TEST(BackwardTile, WithoutTheStatisticsScalesAtOnce) {
  BackwardTile<float> tile;
  const float gamma = 100, inv_std = 1e-3f;
  const Backward<float> b(Statistic<double>{0, double(inv_std)}, GradientSums<double>{}, {1, true});
  tile.set(0, b, gamma * b.inv_std);
  const float dy = 1e37f;
  EXPECT_NEAR((tile.dx<1>(&dy, 0).sum()), 1e36f, 1e30f);
}

}  // namespace
}  // namespace eigen_norm::kernels
