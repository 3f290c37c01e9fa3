// SPDX-License-Identifier: MIT
#include "eigen_norm/distributed/agreement.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "distributed/on_threads.hpp"
#include "distributed/shares.hpp"
#include "support/errors.hpp"

namespace eigen_norm::test {
namespace {

TEST(Agreement, DescribesALayerByWhatTheRanksMustHaveInCommon) {
  const double usual[] = {2, 1000000, 1e-5, 0.1, 1, 1, 0};
  EXPECT_EQ(distributed::described_layer(usual),
            "SyncBatchNorm2d(1000000), eps 1e-05, momentum 0.1");
  const double other[] = {1, 3, 0, 0, 0, 2, 1};
  EXPECT_EQ(distributed::described_layer(other),
            "SyncBatchNorm1d(3), eps 0, momentum nullopt, biased, virtual_batch_size or renorm");
  const double without[] = {1, 3, 0, 0.5, 1, 0, 2};
  EXPECT_EQ(distributed::described_layer(without),
            "SyncBatchNorm1d(3), eps 0, momentum 0.5, without running statistics, of another fixed "
            "size");
}

TEST(Agreement, IsOnNumbersThatAreNone) {
  on_threads(2, [](const Ranks& ranks) {
    BatchNormOptions options;
    options.momentum = std::nan("");
    EXPECT_EQ(distributed::agreed_channels(1, 3, 3, options, ranks.get()), 3);
  });
}

TEST(Agreement, IsNotOnAFixedSizeThatIsAnother) {
  on_threads(2, [](const Ranks& ranks) {
    const int fixed_size = ranks->rank() == 0 ? Eigen::Dynamic : 3;
    expect_error<std::invalid_argument>(
        "SyncBatchNorm1d(4): expected the same layer on every rank, got "
        "SyncBatchNorm1d(4), eps 1e-05, momentum 0.1 on rank 0; "
        "SyncBatchNorm1d(4), eps 1e-05, momentum 0.1, of another fixed size on rank 1",
        [&] { distributed::agreed_channels(1, fixed_size, 4, {}, ranks.get()); });
  });
}

}  // namespace
}  // namespace eigen_norm::test
