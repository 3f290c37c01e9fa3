// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/agreement.hpp"

#include <gtest/gtest.h>

namespace eigen_norm::test {
namespace {

TEST(Agreement, DescribesALayerByWhatTheRanksMustHaveInCommon) {
  const double usual[] = {2, 1000000, 1e-5, 0.1, 1, 0, 0};
  EXPECT_EQ(distributed::described_layer(usual),
            "SyncBatchNorm2d(1000000), eps 1e-05, momentum 0.1");
  const double other[] = {1, 3, 0, -1, 0, 1, 1};
  EXPECT_EQ(distributed::described_layer(other),
            "SyncBatchNorm1d(3), eps 0, momentum nullopt, without running statistics, biased, "
            "virtual_batch_size or renorm");
}

}  // namespace
}  // namespace eigen_norm::test
